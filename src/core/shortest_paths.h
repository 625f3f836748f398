// All cheapest paths from one node: a tree that spans what it can reach, by parents.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "ott/graph.h"

namespace ott {

struct ShortestPaths {
  static constexpr std::uint64_t kUnreachable = std::numeric_limits<std::uint64_t>::max();

  std::vector<std::uint64_t> distance;  // by vertex
  std::vector<Graph::Vertex> parent;  // by vertex: of the cheapest ways in, the one with the smallest NodeId

  [[nodiscard]] bool reaches(Graph::Vertex vertex) const { return distance[vertex] != kUnreachable; }
  /// Source first; empty if the vertex is out of reach.
  [[nodiscard]] std::vector<NodeId> path_to(const Graph& graph, Graph::Vertex vertex) const;
};

/// Breadth first while all costs are one and no link is favoured, by Dijkstra's algorithm otherwise.
ShortestPaths shortest_paths(const Graph& graph, Graph::Vertex source,
                             const FavouredLinks* favoured = nullptr);

/// Makes of the paths from a source, as they were before the costs of some links changed, what
/// shortest_paths() would find now; only what lies behind these links is searched (after Ramalingam and Reps,
/// 1996). `changed`: the links that have come, gone, or have another cost, and perhaps others.
///
/// REQUIRES: the vertices are the same as then.
void update_paths(ShortestPaths& paths, const Graph& graph, Graph::Vertex source,
                  const FavouredLinks& favoured, std::span<const Graph::LinkEnds> changed);

}  // namespace ott
