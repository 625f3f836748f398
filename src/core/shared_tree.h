// The tree policy "shared": few links in total instead of the shortest way to each.
#pragma once

#include <span>
#include <vector>

#include "ott/graph.h"

namespace ott {

/// A tree over some of a graph's vertices, given by parents. The root's own parent is kNoVertex, as is that
/// of every vertex outside.
using ParentOf = std::vector<Graph::Vertex>;

/// A tree that spans root and terminals, every leaf one of them. `shortest` are the parents on the shortest
/// paths from the root: their tree is taken if no cheaper one is found. Deterministic; the order of terminals
/// does not matter. REQUIRES: all terminals can be reached from the root.
ParentOf shared_tree(const Graph& graph, Graph::Vertex root, std::span<const Graph::Vertex> terminals,
                     ParentOf shortest);

}  // namespace ott
