// What a process in a test keeps.
#pragma once

#include "role/overlay_role.h"

namespace ott::sim {

struct Insight : OverlayRole {
  static Overlay& overlay_of(OverlayRole& role) { return role.*&Insight::overlay_; }
  static StreamHub& hub_of(OverlayRole& role) { return role.*&Insight::hub_; }
};

}  // namespace ott::sim
