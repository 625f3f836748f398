// What another process of this machine uses, all its threads together, as the kernel counts it.
#pragma once

#include <sys/types.h>

#include <string>

#include "ott/result.h"

namespace ott::load {

struct ProcessUse {
  double cpu_s = 0;     // on a processor, to the nanosecond where the kernel counts so
  double user_s = 0;    // of all ticks, those in user mode; to 10 ms
  double system_s = 0;  // and those in the kernel
  std::size_t resident_bytes = 0;
  std::size_t anonymous_bytes = 0;  // of those, its own memory, without what is mapped from files
};

/// The error names the process.
Result<ProcessUse> process_use(pid_t pid);

}  // namespace ott::load
