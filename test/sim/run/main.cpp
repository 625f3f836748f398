// Runs fault schedules: sim SEEDS [FIRST], or one with its log: sim --seed N. Ends with a line of totals;
// status 1 if any invariant was violated. The seed of each that was is printed.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../schedule.h"

int main(int argc, char** argv) {
  using ott::sim::run_schedule;
  if (argc == 3 && std::strcmp(argv[1], "--seed") == 0) {
    const auto result = run_schedule(std::strtoull(argv[2], nullptr, 10), true);
    std::puts(result.violation ? result.violation->c_str() : "all invariants hold");
    return result.violation ? 1 : 0;
  }
  if (argc != 2 && argc != 3) {
    std::fputs("usage: sim SEEDS [FIRST] | sim --seed N\n", stderr);
    return 2;
  }
  const std::uint64_t seeds = std::strtoull(argv[1], nullptr, 10);
  const std::uint64_t first = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 1;
  std::uint64_t violations = 0;
  std::uint64_t frames = 0;
  std::uint64_t faults = 0;
  std::uint64_t lost_with_age = 0;
  double seconds = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto result = run_schedule(seed);
    frames += result.frames;
    faults += result.faults;
    seconds += result.virtual_seconds;
    lost_with_age += result.lost_with_age;
    if (!result.violation) continue;
    ++violations;
    std::puts(result.violation->c_str());
    std::fflush(stdout);
  }
  fmt::print(
      "{} schedules, {} violations; {:.0f} s of virtual time, {} faults, {} frames to viewers, {} lost in "
      "outages longer than the history\n",
      seeds, violations, seconds, faults, frames, lost_with_age);
  return violations == 0 ? 0 : 1;
}
