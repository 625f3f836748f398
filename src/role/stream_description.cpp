#include "role/stream_description.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ott {
namespace {

/// A stream with fewer frames in a window in which it was stalled is just slow.
constexpr std::uint64_t kFewFrames = 3;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void StreamDescription::begin(StreamId id, Now now) {
  info_.id = id;
  begun_ = true;
  last_at_ = now.mono;
}

void StreamDescription::expect_frames(bool expected, Now now) {
  expecting_ = expected;
  last_at_ = now.mono;
  window_at_.reset();
  if (!expected && !over_ && info_.state == StreamState::Stalled) set_state(StreamState::Live, now);
}

void StreamDescription::on_frame(unsigned width, unsigned height, Now now) {
  last_at_ = now.mono;
  if (info_.state != StreamState::Live) set_state(StreamState::Live, now);
  changed_ = changed_ || info_.width != width || info_.height != height;
  info_.width = width;
  info_.height = height;
  measure(now);
}

void StreamDescription::measure(Now now) {
  const auto begin_window = [&] {
    window_at_ = now.mono;
    frames_ = 0;
    stalled_in_window_ = false;
  };
  if (!window_at_) return begin_window();
  ++frames_;
  const Duration elapsed = now.mono - *window_at_;
  if (elapsed < (info_.fps_milli == 0 ? kMeasureFirst : kMeasure)) return;
  // The pause of a source that was away for a while says nothing of its rate.
  const bool counts = !stalled_in_window_ || frames_ < kFewFrames;
  const double fps_milli = std::clamp(1'000.0 * static_cast<double>(frames_) / seconds(elapsed), 1.0, 1e9);
  if (counts) {
    interval_ = elapsed / static_cast<Duration::rep>(frames_);
    take_rate(static_cast<std::uint32_t>(std::lround(fps_milli)));
  }
  begin_window();
}

/// A window in which the rate has changed has a bit of both rates: the next one says what it is.
void StreamDescription::take_rate(std::uint32_t fps_milli) {
  const std::uint64_t before = info_.fps_milli;
  const std::uint64_t difference =
      std::max<std::uint64_t>(fps_milli, before) - std::min<std::uint64_t>(fps_milli, before);
  if (rate_settled_) {
    rate_settled_ = difference * 5 <= before;
    return;
  }
  rate_settled_ = before != 0;
  if (difference * 100 <= before) return;
  info_.fps_milli = fps_milli;
  changed_ = true;
}

void StreamDescription::on_end(StreamState state, Now now) {
  over_ = true;
  set_state(state, now);
}

void StreamDescription::set_state(StreamState state, Now now) {
  info_.state = state;
  info_.state_since =
      static_cast<std::uint64_t>(std::max<Duration::rep>(now.wall.time_since_epoch().count(), 0));
  changed_ = true;
}

MonoTime StreamDescription::stalled_at() const {
  if (!live_ || !begun_ || !expecting_ || over_ || info_.state != StreamState::Live) return MonoTime::max();
  return last_at_ + std::max(kStalledAfter, 4 * interval_);
}

void StreamDescription::tick(Now now) {
  if (now.mono < stalled_at()) return;
  stalled_in_window_ = true;
  set_state(StreamState::Stalled, {now.mono, now.wall - (now.mono - last_at_)});
}

MonoTime StreamDescription::next_deadline() const {
  return std::min(stalled_at(), changed_ && begun_ ? say_at_ : MonoTime::max());
}

bool StreamDescription::take_news(Now now) {
  if (!begun_ || !changed_ || now.mono < say_at_) return false;
  changed_ = false;
  say_at_ = now.mono + kSayInterval;
  return true;
}

}  // namespace ott
