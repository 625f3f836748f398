// --top: the overlay in a terminal, as the page shows it: streams with their trees, links, viewers, and what
// has happened. Text of so many columns and lines; nothing here knows a terminal.
#pragma once

#include <string>
#include <vector>

#include "role/overlay_events.h"
#include "role/overview.h"
#include "role/role.h"

namespace ott {

/// The lines of the screen, at most size.lines, each of at most size.columns characters. Where not all has
/// room, each table is cut, and says how much it leaves out.
std::vector<std::string> top_screen(Overlay& overlay, const Overview& overview, const OverlayEvents& events,
                                    const ScreenSize& size, Now now);

}  // namespace ott
