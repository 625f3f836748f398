// --dump of a process that is no client, as an outlet. (A client's frames go to its own sink.)
#pragma once

#include "io/outlets.h"

namespace ott {

extern const OutletSpec kDumpOutlet;

}  // namespace ott
