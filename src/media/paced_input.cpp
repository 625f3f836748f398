#include "media/paced_input.h"

#include <algorithm>

namespace ott {
namespace {

/// A source that is further behind than this starts counting anew, and does not catch up.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
/// How many refused frames in turn take no frame's time. A source with nothing else must not keep a worker
/// busy.
constexpr unsigned kRefusedInTurnMax = 64;

}  // namespace

PacedInput::PacedInput(std::unique_ptr<Source> source, InputSink& sink, Workers& workers)
    : Input(source->info()), sink_(sink), ahead_(std::move(source), workers) {}

void PacedInput::start(Now now) {
  started_ = true;
  next_at_ = now.mono;
  step(now);
}

void PacedInput::stop(Now) {
  started_ = false;
  if (ahead_.shows_time()) ahead_.drop();
}

/// While a worker reads there is no deadline: the worker says when it is done.
MonoTime PacedInput::next_deadline() const {
  return started_ && !over_ && !ahead_.reading() ? next_at_ : MonoTime::max();
}

void PacedInput::step(Now now) {
  if (over_) return;
  (void)ahead_.frame();  // collects what a worker has read meanwhile
  if (!started_ && !ahead_.ended()) return;
  if (!ahead_.ended()) read_ahead(now);
  const bool is_frame = refuse_what_is_none(now);
  if (ahead_.ended()) {
    over_ = true;
    return sink_.on_end(now);
  }
  const auto* frame = ahead_.frame();
  if (frame == nullptr || now.mono < next_at_) return;
  ++frames_;
  if (is_frame) {
    const auto media_time = static_cast<std::uint64_t>(static_cast<double>(frames_) * 90'000.0 / info_.fps);
    sink_.push({.bytes = (*frame)->jpeg,
                .arrived = now,
                .media_time = static_cast<std::uint32_t>(media_time),
                .carriable = &**frame});
  } else {
    --frames_;
    sink_.refuse(frame->error().message, now);
  }
  refused_in_a_row_ = 0;
  ahead_.drop();
  count_time(now);
  read_ahead(now);
}

/// Refuses what is no frame, and has the next one read, for a while. True if a frame is there now.
bool PacedInput::refuse_what_is_none(Now now) {
  for (;;) {
    const auto* frame = ahead_.frame();
    if (frame == nullptr || ahead_.ended()) return false;
    if (*frame) return true;
    if (++refused_in_a_row_ >= kRefusedInTurnMax) return false;
    sink_.refuse(frame->error().message, now);
    ahead_.drop();
    read_ahead(now);
  }
}

void PacedInput::read_ahead(Now now) {
  if (!ahead_.idle()) return;
  const Duration until_due = std::max(next_at_ - now.mono, Duration{});
  ahead_.read(FrameNumber{frames_ + 1}, now.wall + until_due);
}

/// The time of the next frame, one after the last, unless that is long over.
void PacedInput::count_time(Now now) {
  const auto interval = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / info_.fps));
  next_at_ += interval;
  if (next_at_ + kBehindMax < now.mono) next_at_ = now.mono + interval;
}

}  // namespace ott
