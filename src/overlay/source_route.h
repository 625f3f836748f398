// Source-routed messages (PROTOCOL.md, "The Tracker"): the path is in the message, and each node on it passes
// a copy to each child that the path gives it.
#pragma once

#include <vector>

#include "overlay/overlay_config.h"

namespace ott {

/// Sends each child of the Tracker's root its copy. A child without a link here is left out; a Tracker
/// without a path goes to nobody.
/// REQUIRES: not a flood, and this node is the root.
template <class T>
void forward(LinkTable& links, const T& message) {
  if (message.tracker.path.empty()) return;
  for (Branch& branch : split(message.tracker)) {
    PeerLink* next = links.neighbour(branch.next);
    if (next == nullptr) continue;
    T copy = message;
    copy.tracker = std::move(branch.tracker);
    links.send(*next, copy);
  }
}

/// A Tracker along the cheapest path from this node to another; its root is this node. Empty if there is
/// none.
inline Tracker route_to(const OverlayState& state, const NodeId& to) {
  const std::vector<std::vector<NodeId>> paths = {state.db.graph().shortest_path(state.self, to)};
  return Tracker::along(multicast_path(paths));
}

/// A Tracker for the one link between a guest and its access node, from either end, as the receiver sees it.
inline Tracker route_over_link(const NodeId& self, const NodeId& peer) {
  PathTree path;
  path.entries = {{self, 2, false}, {peer, 1, true}};
  return split(Tracker::along(std::move(path))).front().tracker;
}

}  // namespace ott
