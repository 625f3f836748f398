#include "media/matroska_splitter.h"

#include <algorithm>
#include <array>

namespace ott {
namespace {

constexpr std::array<std::uint8_t, 4> kEbmlHeader = {0x1A, 0x45, 0xDF, 0xA3};

}  // namespace

bool is_matroska(ByteSpan start) {
  return start.size() >= kEbmlHeader.size() &&
         std::ranges::equal(start.first(kEbmlHeader.size()), kEbmlHeader);
}

void MatroskaSplitter::on_reset() {
  reader_ = MatroskaReader();
  pushed_ = 0;
  lost_ = parts_taken_ = false;
  fault_.reset();
}

Result<std::optional<ByteSpan>> MatroskaSplitter::next() {
  for (;;) {
    drop_taken();
    if (auto unit = next_unit()) return unit;
    drop(std::exchange(pushed_, 0));
    if (fault_) {  // what was whole before it has been handed out
      lost_ = true;
      return tl::unexpected<Error>(*std::exchange(fault_, std::nullopt));
    }
    if (window().empty() || (lost_ && !find_beginning())) return std::nullopt;
    const ByteSpan piece = window().first(std::min(window().size(), kReadBytes));
    if (const auto pushed = reader_.push(piece); !pushed)
      fault_ = bad(0, "Matroska: " + pushed.error().message).value();
    pushed_ = piece.size();
    note_frame_at(0);
  }
}

std::optional<ByteSpan> MatroskaSplitter::next_unit() {
  if (pushed_ == 0) return std::nullopt;
  while (const auto unit = reader_.next()) {
    take_parts();
    if (unit->track >= parts_.size()) continue;
    stamp_ = {.part = unit->track, .time = unit->time, .sync_point = unit->sync_point};
    return unit->bytes;
  }
  take_parts();
  return std::nullopt;
}

void MatroskaSplitter::take_parts() {
  if (parts_taken_ || reader_.tracks().empty()) return;
  parts_taken_ = true;
  parts_.clear();
  passed_over_ = reader_.passed_over();
  for (const MediaTrack& track : reader_.tracks()) {
    if (parts_.size() == kPartsMax) {
      passed_over_.push_back(describe(track.format) + ": there are more than " + std::to_string(kPartsMax));
      continue;
    }
    parts_.push_back({track.format, track.config.width, track.config.height, track.fps});
  }
}

/// Drops what is before the next beginning of a stream. False while there is none.
bool MatroskaSplitter::find_beginning() {
  const ByteSpan bytes = window();
  const auto found = std::search(bytes.begin(), bytes.end(), kEbmlHeader.begin(), kEbmlHeader.end());
  const bool is_there = found != bytes.end();
  const auto at = static_cast<std::size_t>(found - bytes.begin());
  const std::size_t kept = finished() ? 0 : std::min(bytes.size(), kEbmlHeader.size() - 1);
  drop(is_there ? at : bytes.size() - kept);
  if (!is_there) return false;
  reader_ = MatroskaReader();
  parts_taken_ = lost_ = false;
  return true;
}

}  // namespace ott
