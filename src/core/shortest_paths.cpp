#include "core/shortest_paths.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace ott {
namespace {

using Vertex = Graph::Vertex;

using Ranks = std::vector<std::uint32_t>;

/// Notes the way to `edge.to` through `from` if it is better than the known one; true if it is cheaper.
bool relax(const Ranks& ranks, ShortestPaths& paths, Vertex from, Graph::Edge edge) {
  const std::uint64_t distance = paths.distance[from] + edge.cost;
  std::uint64_t& known = paths.distance[edge.to];
  Vertex& parent = paths.parent[edge.to];
  if (distance > known) return false;
  if (distance < known) {
    known = distance;
    parent = from;
    return true;
  }
  if (ranks[from] < ranks[parent]) parent = from;
  return false;
}

void search_breadth_first(const Graph& graph, ShortestPaths& paths, Vertex source) {
  const Ranks& ranks = graph.ranks();
  std::vector<Vertex> reached = {source};
  for (std::size_t next = 0; next < reached.size(); ++next) {
    const Vertex from = reached[next];
    for (const Graph::Edge edge : graph.edges(from)) {
      if (relax(ranks, paths, from, edge)) reached.push_back(edge.to);
    }
  }
}

void search_cheapest_first(const Graph& graph, ShortestPaths& paths, Vertex source) {
  using Reached = std::pair<std::uint64_t, Vertex>;
  const Ranks& ranks = graph.ranks();
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> queue;
  queue.emplace(0, source);
  while (!queue.empty()) {
    const auto [distance, from] = queue.top();
    queue.pop();
    if (distance > paths.distance[from]) continue;  // found a cheaper way since
    for (const Graph::Edge edge : graph.edges(from)) {
      if (relax(ranks, paths, from, edge)) queue.emplace(paths.distance[edge.to], edge.to);
    }
  }
}

}  // namespace

ShortestPaths shortest_paths(const Graph& graph, Vertex source) {
  ShortestPaths paths;
  paths.distance.assign(graph.vertex_limit(), ShortestPaths::kUnreachable);
  paths.parent.assign(graph.vertex_limit(), Graph::kNoVertex);
  paths.distance[source] = 0;
  if (graph.all_costs_are_one()) {
    search_breadth_first(graph, paths, source);
  } else {
    search_cheapest_first(graph, paths, source);
  }
  return paths;
}

std::vector<NodeId> ShortestPaths::path_to(const Graph& graph, Vertex vertex) const {
  std::vector<NodeId> path;
  if (!reaches(vertex)) return path;
  for (; vertex != Graph::kNoVertex; vertex = parent[vertex]) path.push_back(graph.node(vertex));
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace ott
