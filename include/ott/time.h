// The two clocks. Engine code never reads one: its caller passes Now in.
#pragma once

#include <chrono>

namespace ott {

using Duration = std::chrono::nanoseconds;

/// Tag of the local monotonic clock; its epoch means nothing. Virtual in simulations.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonotonicClock::time_point;

/// Nanoseconds since the Unix epoch; only compared between hosts, never used for timeouts.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

struct Now {
  MonoTime mono;
  WallTime wall;
};

}  // namespace ott
