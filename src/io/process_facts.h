// What the kernel knows of this process (proc(5)).
#pragma once

#include "ott/process_facts.h"

namespace ott {

ProcessFacts read_process_facts();

}  // namespace ott
