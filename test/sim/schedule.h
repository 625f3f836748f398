// A fault schedule: an overlay of the real engine, made up from a seed, and a random sequence of crashes,
// restarts, planned leaves, stalls, silent links, lost connections and partitions; then all is mended, and
// the invariants are checked. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ott::sim {

struct ScheduleResult {
  std::optional<std::string> violation;  // which invariant, of whom, with the seed
  std::uint64_t frames = 0;              // that all viewers got
  std::uint64_t lost_with_age = 0;
  std::uint64_t faults = 0;
  double virtual_seconds = 0;
};

/// `trace`: print each fault and each log line with its virtual time.
ScheduleResult run_schedule(std::uint64_t seed, bool trace = false);

}  // namespace ott::sim
