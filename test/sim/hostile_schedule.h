// A schedule with hostile peers. What must hold:
//
// * While they are there, the tables and queues of all others keep their bounds, and no counter wraps.
// * Five seconds after they have left, viewers that have a path to the origin over nodes that were never
//   hostile get frames. Faults beside them have ended long before.
// * From then on these viewers get each frame once, in order and as it was published. Until then they may
//   get anything: a hostile parent can send what it likes, and only keys could tell.
// * When an honest process takes a hostile node's place again, it joins as any other.
// * In the end no stream flows without viewers, and no node knows of a node that is not there.
#pragma once

#include "schedule.h"

namespace ott::sim {

ScheduleResult run_hostile_schedule(std::uint64_t seed, bool trace);

}  // namespace ott::sim
