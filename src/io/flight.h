// What a TCP connection has under way, as the kernel counts it.
#pragma once

#include "io/fd.h"
#include "ott/machine.h"

namespace ott {

/// All zero where the kernel does not say.
Flight flight_of(const Fd& socket);

}  // namespace ott
