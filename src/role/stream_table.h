// What `--list` prints: the streams that can be watched from here, a line each.
#pragma once

#include <string>

#include "overlay/overlay.h"

namespace ott {

/// Lines, the last one without its end. Figures are those of the last round.
std::string stream_table(Overlay& overlay);

}  // namespace ott
