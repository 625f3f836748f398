#include "overlay/flight_bound.h"

#include <algorithm>
#include <utility>

namespace ott {
namespace {

/// The rate is that of the last one to two of these.
constexpr Duration kRateInterval = std::chrono::milliseconds(250);
/// The kernel counts the time that a connection is busy in steps of about this.
constexpr Duration kBusyMin = std::chrono::milliseconds(4);

}  // namespace

void FlightBound::measured(const Flight& flight, MonoTime now) {
  bytes_ = flight.bytes;
  const Mark here{now, flight.acknowledged, flight.busy};
  if (!known_) {
    known_ = true;
    bytes_max_ = kFirstBytes;
    older_ = newer_ = here;
  }
  if (now - newer_.at >= kRateInterval) older_ = std::exchange(newer_, here);
  // What the link takes in the time that is allowed, if it has taken what is acknowledged in `time`.
  const auto taken_within = [&](Duration time) {
    const auto acknowledged = static_cast<double>(flight.acknowledged - older_.acknowledged);
    const Duration allowed = flight.least_round_trip + kQueueAllowed;
    return static_cast<std::size_t>(acknowledged * static_cast<double>(allowed.count()) /
                                    static_cast<double>(time.count()));
  };
  if (flight.round_trip > flight.least_round_trip + kQueueSeen) {
    const std::size_t drained = taken_within(std::max(flight.busy - older_.busy, kBusyMin));
    bytes_max_ = std::clamp(drained, kLeastBytes, bytes_max_);
  } else if (reached_ && now - grown_at_ >= std::max(flight.least_round_trip, kLookAgain)) {
    // A link that takes a burst at once after a pause need not go on like that: its average counts.
    const std::size_t average = taken_within(std::max(now - older_.at, kRateInterval));
    const std::size_t most = std::clamp(average + average / 2, kFirstBytes, kMostBytes);
    bytes_max_ = std::max(bytes_max_, std::min(bytes_max_ + bytes_max_ / 4, most));
    grown_at_ = now;
  }
  reached_ = false;
}

}  // namespace ott
