// A schedule of guests: what is on their way to each access node gets slow and quick again, and in every
// other schedule nodes die, leave, stand still and fall silent as well. Guests go to nodes that are clearly
// nearer, and get every frame once. They end where it is near, and rarely move.
#pragma once

#include "schedule.h"

namespace ott::sim {

ScheduleResult run_guest_schedule(std::uint64_t seed, bool trace);

}  // namespace ott::sim
