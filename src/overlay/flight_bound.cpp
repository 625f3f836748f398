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
    grows_from_ = flight.acknowledged;
  }
  if (now - newer_.at >= kRateInterval) older_ = std::exchange(newer_, here);
  // What the link takes in the time that is allowed, if it has taken what is acknowledged in `time`.
  const auto taken_within = [&](Duration time) {
    const auto acknowledged = static_cast<double>(flight.acknowledged - older_.acknowledged);
    const Duration allowed = flight.least_round_trip + kQueueAllowed;
    return static_cast<std::size_t>(acknowledged * static_cast<double>(allowed.count()) /
                                    static_cast<double>(time.count()));
  };
  const double least = static_cast<double>(flight.least_round_trip.count());
  const double share = least / (least + static_cast<double>(kQueueAllowed.count()));
  if (flight.round_trip > flight.least_round_trip + kQueueSeen && bytes_ >= kLeastBytes / 2) {
    const std::size_t drained = taken_within(std::max(flight.busy - older_.busy, kBusyMin));
    bytes_max_ = std::clamp(drained, kLeastBytes, bytes_max_);
    grows_from_ = flight.acknowledged + kBurstBytes;
  } else if (reached_ && flight.acknowledged >= grows_from_ &&
             now - grown_at_ >= std::max(flight.least_round_trip, kLookAgain)) {
    // A link that takes a burst at once after a pause need not go on like that: its average counts.
    const std::size_t average = taken_within(std::max(now - older_.at, kRateInterval));
    const std::size_t most = std::clamp(average + average / 2, kFirstBytes / 2, kMostBytes);
    bytes_max_ = std::max(bytes_max_, std::min(bytes_max_ + bytes_max_ / 4, most));
    grown_at_ = now;
  }
  unqueued_max_ = std::max(static_cast<std::size_t>(static_cast<double>(bytes_max_) * share), kLeastBytes);
  reached_ = false;
}

}  // namespace ott
