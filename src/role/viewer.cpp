#include "role/viewer.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/count.h"

namespace ott {

void Viewer::begin(const Flow& flow) {
  stream_ = flow.id();
  position_ = flow.buffer.tail();
  buffer_number_ = flow.buffer_number;
  numbering_ = flow.numbering;
  known_ = last_ = accounted_ = FrameNumber{};
  skipped_since_ = 0;
  depacketizer_.reset();
}

/// The first one in full, then how many more.
void Viewer::warn_of_broken(Now now) {
  const std::uint64_t count = broken_warning_.due(broken_, now);
  if (count == 1) log_.warning(why_broken_);
  if (count > 1) log_.warning(fmt::format("{} more frames like this, the last one: {}", count, why_broken_));
}

Result<void> Viewer::read(const Flow& flow, std::uint64_t frames_max, Now now) {
  if (stream_ != flow.id() || numbering_ != flow.numbering) begin(flow);
  if (buffer_number_ != flow.buffer_number) {
    position_ = flow.buffer.tail();
    known_ = last_;
  }
  buffer_number_ = flow.buffer_number;
  position_ = std::max(position_, flow.buffer.tail());
  warn_of_broken(now);
  while (position_ < flow.buffer.head()) {
    if (frames_max != 0 && frames_kept() >= frames_max) return {};
    const Record record = flow.buffer.record_at(position_);
    position_.value += record.header.total();
    const bool known = !record.is_skip() && record.frame <= known_;
    if (known) continue;  // the buffer was begun anew, with frames that were counted already
    if (auto taken = take(record, now); !taken) return taken;
  }
  return {};
}

Result<void> Viewer::take(const Record& record, Now now) {
  counts_.bytes_received += record.header.total();
  if (record.is_skip()) {
    // Frames that were skipped before the first one here are not counted.
    if (last_.value == 0) return {};
    const std::uint64_t from = std::max(record.frame.value, accounted_.value + 1);
    if (record.last_skipped().value < from) return {};
    accounted_ = record.last_skipped();
    const std::uint64_t skipped = record.last_skipped().value - from + 1;
    add_to_count(skipped_since_, skipped);
    add_to_count(counts_.frames_skipped, skipped);
    return {};
  }
  counts_.hops = record.header.hops;
  const auto jpeg = depacketizer_.push(record.rtp);
  if (!jpeg) {
    ++broken_;
    why_broken_ = fmt::format("frame {}: {}", record.frame.value, jpeg.error().message);
    warn_of_broken(now);
    return {};
  }
  return *jpeg ? complete(record, **jpeg, now) : Result<void>{};
}

Result<void> Viewer::complete(const Record& record, ByteSpan jpeg, Now now) {
  if (record.frame <= last_) {
    ++counts_.frames_duplicate;
    return {};
  }
  if (last_.value != 0) {
    const std::uint64_t missing = record.frame.value - last_.value - 1;
    add_to_count(counts_.frames_lost, missing - std::min(missing, skipped_since_));
  }
  last_ = accounted_ = record.frame;
  skipped_since_ = 0;
  ++counts_.frames_received;
  if (last_at_) counts_.gap_max = std::max(counts_.gap_max, now.mono - *last_at_);
  last_at_ = now.mono;
  // A peer may claim any time: one before the epoch would leave the range of a Duration.
  const Duration sent(std::max<std::int64_t>(record.source_time_ns(), 0));
  counts_.latency.add(std::max(now.wall.time_since_epoch(), Duration{}) - sent);
  if (frames_ == nullptr) return {};
  return frames_->write(jpeg);
}

}  // namespace ott
