#include "role/delayed_frames.h"

#include <algorithm>
#include <utility>

namespace ott {

void DelayedFrames::resume(Now now) {
  paused_ = false;
  delay_ = waiting_.empty() ? Duration{} : std::max(now.mono - waiting_.front().arrived, Duration{});
  tick(now);
}

void DelayedFrames::go_live() {
  paused_ = false;
  delay_ = {};
  waiting_.clear();
  bytes_ = 0;
}

Duration DelayedFrames::delay(Now now) const {
  if (!paused_) return waiting_.empty() ? Duration{} : delay_;
  return waiting_.empty() ? Duration{} : std::max(now.mono - waiting_.front().arrived, Duration{});
}

MonoTime DelayedFrames::next_deadline() const {
  return paused_ || waiting_.empty() ? MonoTime::max() : waiting_.front().arrived + delay_;
}

void DelayedFrames::tick(Now now) {
  while (now.mono >= next_deadline()) {
    const Event event = std::move(waiting_.front());
    waiting_.pop_front();
    if (event.frame != nullptr) bytes_ -= event.frame->bytes.size();
    hand_on(event);
  }
}

void DelayedFrames::hand_on(const Event& event) {
  if (event.stream) taker_.on_stream(*event.stream);
  if (event.skipped) taker_.on_skip(event.skipped->first, event.skipped->second);
  if (event.frame != nullptr) taker_.on_frame(event.frame);
}

void DelayedFrames::on_stream(const StreamInfo& stream) {
  if (!waits()) return taker_.on_stream(stream);
  add({.arrived = last_arrived_, .stream = stream});
}

void DelayedFrames::on_skip(FrameNumber first, FrameNumber last) {
  if (!waits()) return taker_.on_skip(first, last);
  add({.arrived = last_arrived_, .skipped = std::pair(first, last)});
}

void DelayedFrames::on_frame(const FramePtr& frame) {
  last_arrived_ = frame->arrived.mono;
  if (!waits()) return taker_.on_frame(frame);
  bytes_ += frame->bytes.size();
  add({.arrived = last_arrived_, .frame = frame});
}

void DelayedFrames::add(Event event) {
  // What is no frame comes with the one before it, and before the first frame at once.
  if (waiting_.empty() && event.frame == nullptr) return hand_on(event);
  waiting_.push_back(std::move(event));
  make_room();
}

/// Leaves out the oldest frames, up to a sync point. Those of another stream are not numbered as these.
void DelayedFrames::make_room() {
  const auto fits = [this] { return bytes_ <= bytes_max_ && waiting_.size() <= kEventsMax; };
  if (fits()) return;
  FrameNumber first;
  FrameNumber last;
  while (!waiting_.empty()) {
    const Event& oldest = waiting_.front();
    if (oldest.frame != nullptr) {
      if (fits() && oldest.frame->sync_point) break;
      if (first.value == 0) first = oldest.frame->number;
      last = oldest.frame->number;
      bytes_ -= oldest.frame->bytes.size();
    } else if (oldest.stream) {
      taker_.on_stream(*oldest.stream);
      first = last = {};
    } else {
      taker_.on_skip(oldest.skipped->first, oldest.skipped->second);
    }
    waiting_.pop_front();
  }
  if (first.value != 0) taker_.on_skip(first, last);
}

}  // namespace ott
