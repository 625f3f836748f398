// A program whose standard output is JPEGs, as an input: started when somebody watches, ended when nobody
// does, and started anew, after a pause, when it ends by itself. What it wrote last to standard error is told
// then.
#pragma once

#include "io/inputs.h"

namespace ott {

extern const InputSpec kExecInput;

}  // namespace ott
