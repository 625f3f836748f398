// The Tracker: what carries every message but the handshake's. It names where the message goes, as a tree
// whose root is the node that holds it, and where it has been. At a divergence it is split, and each branch
// carries only its own subtree. A flood has no path: it goes to every neighbour that it has not visited.
#pragma once

#include <span>

#include "ott/bytes.h"
#include "ott/path_tree.h"

namespace ott {

struct Tracker {
  bool flood = false;           // the classic path of -1
  std::uint16_t hops = 0;       // overlay links crossed so far
  std::vector<NodeId> visited;  // nodes that have handled it, in order
  PathTree path;                // rooted at the node that holds the Tracker; empty in a flood

  bool operator==(const Tracker&) const = default;

  static Tracker along(PathTree path);
  static Tracker everywhere();
  /// True if the path names the node that holds the Tracker as one of the destinations.
  [[nodiscard]] bool for_here() const { return !path.empty() && path.root().destination; }
  [[nodiscard]] bool has_visited(const NodeId& node) const;
};

/// One copy for each branch, as they leave `here`: a hop more, `here` visited. REQUIRES: !tracker.flood and
/// a valid path whose root is `here`.
struct Branch {
  NodeId next;
  Tracker tracker;
};
std::vector<Branch> split(const Tracker& tracker);

/// The one copy of a flood that `here` passes on, and to whom: every neighbour that it has not visited.
struct FloodStep {
  Tracker tracker;
  std::vector<NodeId> next;
};
FloodStep flood(const Tracker& tracker, const NodeId& here, std::span<const NodeId> neighbours);

void write(Writer& out, const Tracker& tracker);
/// Fails the reader when the path is not a tree or a flood has one.
void read(Reader& in, Tracker& tracker);

}  // namespace ott
