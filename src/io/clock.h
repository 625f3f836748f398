// The time, as everything that performs hands it in.
#pragma once

#include <ctime>

#include "ott/time.h"

namespace ott {

inline Duration read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

inline Now clock_now() {
  return {MonoTime(read_clock(CLOCK_MONOTONIC)), WallTime(read_clock(CLOCK_REALTIME))};
}

}  // namespace ott
