#include "frames.h"

#include <algorithm>

namespace ott::load {
namespace {

// JPEG (ITU-T T.81): start of image, then a comment segment of 20 bytes with its length.
constexpr std::array<std::uint8_t, 10> kStampBegin = {0xFF, 0xD8, 0xFF, 0xFE, 0x00, 0x16, 'L', 'O', 'A', 'D'};

}  // namespace

FrameCounts& FrameCounts::operator+=(const FrameCounts& other) {
  frames += other.frames;
  bytes += other.bytes;
  lost += other.lost;
  skipped += other.skipped;
  repeated += other.repeated;
  broken += other.broken;
  return *this;
}

void FrameTally::frame(std::uint64_t number, std::int64_t source_time_ns, WallTime wall) {
  const Duration age = wall.time_since_epoch() - Duration(source_time_ns);
  last_age_ = age;
  if (seen_any_ && number <= last_) {
    ++counts_.repeated;
    return;
  }
  if (seen_any_) {
    const std::uint64_t missing = number - last_ - 1;
    counts_.lost += missing - std::min(missing, skipped_since_);
  }
  seen_any_ = true;
  last_ = number;
  skipped_since_ = 0;
  ++counts_.frames;
  if (group_ == nullptr) return;
  latency_.add(age);
  group_->whole_window.add(age);
  group_->this_second.add(age);
}

void FrameTally::skip(std::uint64_t first, std::uint64_t last) {
  if (!seen_any_) return;
  // Ranges may overlap with each other and with what is known.
  const std::uint64_t from = std::max(first, last_ + skipped_since_ + 1);
  if (last < from) return;
  skipped_since_ += last - from + 1;
  counts_.skipped += last - from + 1;
}

Stamp make_stamp(const StampValues& values) {
  Stamp stamp{};
  std::copy(kStampBegin.begin(), kStampBegin.end(), stamp.begin());
  store_be(stamp.data() + kStampBegin.size(), values.number);
  store_be(stamp.data() + kStampBegin.size() + 8, static_cast<std::uint64_t>(values.source_time_ns));
  return stamp;
}

std::optional<StampValues> read_stamp(const std::uint8_t* at) {
  if (!std::equal(kStampBegin.begin(), kStampBegin.end(), at)) return std::nullopt;
  at += kStampBegin.size();
  return StampValues{load_be<std::uint64_t>(at), static_cast<std::int64_t>(load_be<std::uint64_t>(at + 8))};
}

}  // namespace ott::load
