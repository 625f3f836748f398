// A schedule with hostile peers. What must hold:
//
// * While they are there, the tables and queues of everybody else keep their bounds, and no counter wraps.
// * Five seconds after they have left, viewers that have a way to the origin over nodes that were never
// hostile
//   get frames. Faults beside them have ended long before, so that this time is all that there is.
// * From then on these viewers get each frame once, in order and as it was published. Until then anything may
//   come to them: a hostile parent can send what it likes, and nothing but keys could tell.
// * Where a hostile node's place is taken by an honest process again, it finds its way in as any other.
// * In the end nothing flows, and nobody knows of a node that is not there.
#pragma once

#include "schedule.h"

namespace ott::sim {

ScheduleResult run_hostile_schedule(std::uint64_t seed, bool trace);

}  // namespace ott::sim
