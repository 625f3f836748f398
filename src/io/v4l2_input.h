// A camera of this host (Video4Linux2) as an input: its motion JPEGs, taken out of the kernel's buffers where
// they lie.
#pragma once

#include "io/inputs.h"

namespace ott {

extern const InputSpec kV4l2Input;

}  // namespace ott
