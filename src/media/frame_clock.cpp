#include "media/frame_clock.h"

#include <algorithm>

namespace ott {

Duration FrameClock::time_of(const Frame& frame) {
  const Last now{frame.media_time, frame.source_time, frame.arrived.mono};
  if (!last_) {
    last_ = now;
    return time_;
  }
  const Duration ours = std::max(now.arrived - last_->arrived, Duration{});
  std::int64_t origins_ns = 0;  // a peer may claim any two times
  const bool in_range = !__builtin_sub_overflow(now.source_time.time_since_epoch().count(),
                                                last_->source_time.time_since_epoch().count(), &origins_ns);
  const Duration origins(origins_ns);
  real_ += in_range && origins >= Duration{} && origins <= ours + kAheadMax ? origins : ours;

  constexpr std::int64_t kNanosecondsPerNineTicks = 100'000;  // at 90 kHz
  const std::int64_t ticks = static_cast<std::int32_t>(now.media_time - last_->media_time);
  media_ += Duration(ticks * kNanosecondsPerNineTicks / 9);
  if (std::chrono::abs(media_ - real_) > kApartMax) media_ = real_;
  last_ = now;
  time_ = std::max(time_ + std::chrono::microseconds(1), media_);
  return time_;
}

}  // namespace ott
