#include "media/part_clock.h"

#include <algorithm>

#include "ott/assert.h"

namespace ott {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
/// An origin may claim any time; sums of times up to this one, in the next century, stay within 64 bits.
constexpr WallTime kTimeMax{Duration(std::int64_t{1} << 62U)};

Duration magnitude(Duration time) { return time < Duration{} ? -time : time; }

}  // namespace

bool PartClock::look(const Frame& frame) {
  const WallTime source_time = std::min(frame.source_time, kTimeMax);
  const bool by_instant = by_ == By::Instant;
  if (!is_set_) {
    if (by_instant && !frame.instant) return true;
    is_set_ = true;
    last_ = frame.media_time;
    anchor_ = by_instant ? *frame.instant : source_time;
    anchor_source_ = source_time;
    return true;
  }
  // Of inter-coded video timestamps go back and forth.
  last_ticks_ += static_cast<std::int32_t>(frame.media_time - last_);
  last_ = frame.media_time;
  const Duration passed = source_time - anchor_source_;
  if (magnitude(since_anchor(frame.media_time) - passed) > kJumpMax) return false;
  if (!by_instant || !frame.instant) return true;
  const Duration error = *frame.instant - time_of(frame.media_time);
  if (magnitude(error) > kJumpMax) return false;
  if (magnitude(error) > kDriftMax) corrected_ += error;
  return true;
}

Duration PartClock::since_anchor(std::uint32_t media_time) const {
  const std::int64_t ticks = last_ticks_ + static_cast<std::int32_t>(media_time - last_);
  // Whole seconds apart, since the product of many ticks and 10^9 leaves 64 bits.
  const std::int64_t rate = clock_rate_;
  return Duration(ticks / rate * kNsPerSecond + ticks % rate * kNsPerSecond / rate);
}

WallTime PartClock::time_of(std::uint32_t media_time) const {
  OTT_ASSERT(is_set_);
  return anchor_ + corrected_ + since_anchor(media_time);
}

std::int64_t PartClock::ticks_of(std::uint32_t media_time, WallTime zero) const {
  const std::int64_t ns = (time_of(media_time) - zero).count();
  const std::int64_t rate = clock_rate_;
  const std::int64_t rest = ns % kNsPerSecond * rate;
  const std::int64_t half = rest < 0 ? -kNsPerSecond / 2 : kNsPerSecond / 2;
  return ns / kNsPerSecond * rate + (rest + half) / kNsPerSecond;
}

}  // namespace ott
