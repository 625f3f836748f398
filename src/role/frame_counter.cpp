#include "role/frame_counter.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/count.h"

namespace ott {

void FrameCounter::on_stream(const StreamInfo& stream) {
  stream_ = stream;
  forget_place();
}

void FrameCounter::forget_place() {
  last_ = accounted_ = FrameNumber{};
  skipped_since_ = 0;
}

void FrameCounter::on_skip(FrameNumber first, FrameNumber last) {
  // Frames that were skipped before the first one here are not counted.
  if (last_.value == 0 || enough()) return;
  const std::uint64_t from = std::max(first.value, accounted_.value + 1);
  if (last.value < from) return;
  accounted_ = last;
  const std::uint64_t skipped = last.value - from + 1;
  add_to_count(skipped_since_, skipped);
  add_to_count(counts_.frames_skipped, skipped);
}

void FrameCounter::on_frame(const FramePtr& frame) {
  if (enough() || !written_) return;
  if (last_.value != 0) {
    const std::uint64_t missing = frame->number.value - last_.value - 1;
    add_to_count(counts_.frames_lost, missing - std::min(missing, skipped_since_));
  }
  last_ = accounted_ = frame->number;
  skipped_since_ = 0;
  ++counts_.frames_received;
  counts_.hops = frame->hops;
  counts_.bytes_received += frame->record_bytes;
  const Now now = frame->arrived;
  if (last_at_) counts_.gap_max = std::max(counts_.gap_max, now.mono - *last_at_);
  last_at_ = now.mono;
  counts_.latency.add(std::max(now.wall, WallTime{}) - frame->source_time);
  if (frame->is_jpeg() && !interval_.is_due(now.mono)) {
    ++unwanted_;
  } else if (sink_ != nullptr) {
    written_ = frame->is_jpeg() ? sink_->write(frame->bytes) : sink_->write_packets(stream_, frame);
  }
}

void FrameCounter::on_broken(const std::string& why, Now now) {
  ++broken_;
  why_broken_ = why;
  tick(now);
}

/// The first one in full, then how many more.
void FrameCounter::tick(Now now) {
  const std::uint64_t count = broken_warning_.due(broken_, now);
  if (count == 1) log_.warning(why_broken_);
  if (count > 1) log_.warning(fmt::format("{} more frames like this, the last one: {}", count, why_broken_));
}

}  // namespace ott
