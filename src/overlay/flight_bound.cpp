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
  if (flight.round_trip > flight.least_round_trip + kQueueSeen) {
    const auto acknowledged = static_cast<double>(flight.acknowledged - older_.acknowledged);
    const Duration busy = std::max(flight.busy - older_.busy, kBusyMin);
    const Duration allowed = flight.least_round_trip + kQueueAllowed;
    const double bytes =
        acknowledged * static_cast<double>(allowed.count()) / static_cast<double>(busy.count());
    bytes_max_ = std::clamp(static_cast<std::size_t>(bytes), kLeastBytes, bytes_max_);
  } else if (reached_ && now - grown_at_ >= std::max(flight.least_round_trip, kLookAgain)) {
    bytes_max_ = std::min(bytes_max_ + bytes_max_ / 4, kMostBytes);
    grown_at_ = now;
  }
  reached_ = false;
}

}  // namespace ott
