// How the ways to a stream's watchers differ between two trees, for the log of who watches what.
#pragma once

#include <vector>

#include "ott/path_tree.h"

namespace ott {

struct RouteChange {
  enum class Kind : std::uint8_t { Begins, Moves, Ends } kind = Kind::Begins;
  NodeId watcher;
  std::vector<NodeId> by;  // the nodes between the origin and the watcher, in order; empty if it ends

  bool operator==(const RouteChange&) const = default;
};

/// A change for each destination that has another way in `now` than in `before`, in the order of `now`, and
/// then for each that is in `before` alone. REQUIRES: both trees are valid and have one root.
std::vector<RouteChange> route_changes(const PathTree& before, const PathTree& now);

}  // namespace ott
