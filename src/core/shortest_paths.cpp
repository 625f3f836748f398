#include "core/shortest_paths.h"

#include <algorithm>
#include <array>
#include <bit>
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

/// Vertices that are reached but not yet searched from, the nearest first: a radix heap (Ahuja, Mehlhorn,
/// Orlin and Tarjan, 1990). Distances never fall below the last one that was taken, so they are sorted by the
/// highest bit in which they differ from it, and each moves to a lower bucket at most 64 times.
class NearestFirst {
 public:
  struct Reached {
    std::uint64_t distance;
    Vertex vertex;
  };

  void push(std::uint64_t distance, Vertex vertex) {
    buckets_[static_cast<std::size_t>(std::bit_width(distance ^ last_))].push_back({distance, vertex});
    ++count_;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// REQUIRES: !empty().
  Reached pop() {
    if (buckets_[0].empty()) refill();
    const Reached nearest = buckets_[0].back();
    buckets_[0].pop_back();
    --count_;
    return nearest;
  }

 private:
  void refill() {
    auto bucket = std::ranges::find_if_not(buckets_, [](const auto& each) { return each.empty(); });
    last_ = std::ranges::min(*bucket, {}, &Reached::distance).distance;
    moving_.swap(*bucket);
    for (const Reached& each : moving_)
      buckets_[static_cast<std::size_t>(std::bit_width(each.distance ^ last_))].push_back(each);
    moving_.clear();
  }

  std::array<std::vector<Reached>, 65> buckets_;
  std::vector<Reached> moving_;
  std::uint64_t last_ = 0;
  std::size_t count_ = 0;
};

template <class Cost>
void search_cheapest_first(const Graph& graph, ShortestPaths& paths, Vertex source, Cost&& cost) {
  const Ranks& ranks = graph.ranks();
  NearestFirst reached;
  reached.push(0, source);
  while (!reached.empty()) {
    const auto [distance, from] = reached.pop();
    if (distance > paths.distance[from]) continue;  // found a cheaper way since
    for (const Graph::Edge edge : graph.edges(from)) {
      if (relax(ranks, paths, from, {edge.to, cost(from, edge)}))
        reached.push(paths.distance[edge.to], edge.to);
    }
  }
}

}  // namespace

ShortestPaths shortest_paths(const Graph& graph, Vertex source, const FavouredLinks* favoured) {
  ShortestPaths paths;
  paths.distance.assign(graph.vertex_limit(), ShortestPaths::kUnreachable);
  paths.parent.assign(graph.vertex_limit(), Graph::kNoVertex);
  paths.distance[source] = 0;
  if (favoured != nullptr) {
    search_cheapest_first(graph, paths, source,
                          [favoured](Vertex from, Graph::Edge edge) { return favoured->cost(from, edge); });
  } else if (graph.all_costs_are_one()) {
    search_breadth_first(graph, paths, source);
  } else {
    search_cheapest_first(graph, paths, source, [](Vertex, Graph::Edge edge) { return edge.cost; });
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
