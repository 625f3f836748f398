#include "media/media_clock.h"

#include <algorithm>
#include <cmath>

namespace ott {
namespace {

constexpr double kRate = 90'000;
/// In probation: more than a network delays, less than shows after it.
constexpr double kProbationErrorMax = 0.1 * kRate;
/// Of what timestamps are off, each frame takes back this part, so that delays of single frames hardly count,
constexpr double kPull = 1.0 / 256;
/// and no more than this part of its step, so that the rate hardly changes.
constexpr double kPullMax = 0.01;

double ticks(Duration time) { return std::chrono::duration<double>(time).count() * kRate; }

double between(std::uint32_t from, std::uint32_t to) {
  return static_cast<double>(static_cast<std::int32_t>(to - from));
}

}  // namespace

std::uint32_t MediaClock::stamp(std::optional<std::uint32_t> media_time, MonoTime arrived) {
  if (begun_) {
    const double local = ticks(arrived - first_at_);
    const double advance = step(media_time, arrived, ticks(arrived - last_at_));
    const double off = stamp_ + advance - local;
    const double pull_max = advance * kPullMax;
    stamp_ =
        std::max(std::floor(stamp_) + 1, stamp_ + advance - std::clamp(off * kPull, -pull_max, pull_max));
  } else {
    begun_ = true;
    first_at_ = arrived;
  }
  last_at_ = arrived;
  last_media_ = media_time;
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(stamp_));
}

/// From the last timestamp to the next; never negative.
double MediaClock::step(std::optional<std::uint32_t> media_time, MonoTime arrived, double local_step) {
  const double by_local = std::max(local_step, 0.0);
  if (!media_time || !last_media_) return by_local;
  const double by_media = between(*last_media_, *media_time);
  const double off = stamp_ + by_media - ticks(arrived - first_at_);
  if (trusted_ && (by_media <= 0 || std::abs(off) > ticks(kDisagreementMax))) {
    trusted_ = false;
    probation_ = {*media_time, arrived};
  } else if (!trusted_) {
    watch({*media_time, arrived});
  }
  return trusted_ ? by_media : by_local;
}

void MediaClock::watch(const Reading& reading) {
  const double by_media = between(probation_.media, reading.media);
  const double by_local = ticks(reading.local - probation_.local);
  if (std::abs(by_media - by_local) > kProbationErrorMax) {
    probation_ = reading;
  } else if (by_local >= ticks(kProbation)) {
    trusted_ = true;
  }
}

}  // namespace ott
