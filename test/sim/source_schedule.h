// A schedule of sources: two origins have a stream of one name, each on a side of its own, and the ways to
// them get slow and quick again. Viewers, members and guests, have the nearer one: those on the side whose
// way has changed go over, and return, nobody else moves, and nobody loses a frame or waits for one. When an
// origin dies all of its viewers go to the other one at once.
#pragma once

#include "schedule.h"

namespace ott::sim {

ScheduleResult run_source_schedule(std::uint64_t seed, bool trace);

}  // namespace ott::sim
