// What the kernel knows of this process, for /metrics.
#pragma once

#include <cstdint>

namespace ott {

struct ProcessFacts {
  double cpu_s = 0;         // that all its threads have used
  double start_time_s = 0;  // since 1970
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_descriptors = 0;
  std::uint64_t descriptors_max = 0;
};

/// Takes its time where many descriptors are open. What cannot be found out is 0.
using ReadProcessFacts = ProcessFacts (*)();

}  // namespace ott
