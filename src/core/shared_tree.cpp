// The Steiner tree problem is NP-hard; this is the heuristic of Takahashi and Matsuyama (1980): grow a tree
// from one node, each time by the cheapest path to the nearest destination not yet in it (at most twice the
// optimum). What it reached is then spanned by a minimum spanning tree and branches to nowhere are cut.
// On small overlays (kRefinementWorkMax) this is repeated with likely branching nodes as further
// destinations.
#include "core/shared_tree.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <utility>

#include "core/shortest_paths.h"

namespace ott {
namespace {

using Vertex = Graph::Vertex;
using Members = std::vector<bool>;  // by vertex

/// Vertices that are reached but not yet searched from, the nearest first. Nearly all are a few links away,
/// so each small distance has a list of its own, last in first out, and only vertices that are far wait in a
/// heap. The order follows from that of the calls and from NodeIds, so trees do not depend on how vertices
/// are numbered.
class Reached {
 public:
  explicit Reached(const std::vector<std::uint32_t>& ranks) : ranks_(ranks), near_(kNear) {}

  void push(Vertex vertex, std::uint64_t distance) {
    if (distance >= kNear) {
      far_.push({distance, ranks_[vertex], vertex});
    } else {
      near_[distance].push_back(vertex);
      nearest_ = std::min<std::size_t>(nearest_, distance);
    }
  }

  struct Nearest {
    Vertex vertex;
    std::uint64_t distance;
  };
  /// None if nothing waits.
  std::optional<Nearest> pop() {
    while (nearest_ < kNear && near_[nearest_].empty()) ++nearest_;
    if (nearest_ < kNear) {
      const Vertex vertex = near_[nearest_].back();
      near_[nearest_].pop_back();
      return Nearest{vertex, nearest_};
    }
    if (far_.empty()) return std::nullopt;
    const Nearest nearest = {far_.top().vertex, far_.top().distance};
    far_.pop();
    return nearest;
  }

 private:
  struct Far {
    std::uint64_t distance;
    std::uint32_t rank;
    Vertex vertex;
    auto operator<=>(const Far&) const = default;
  };
  static constexpr std::size_t kNear = 64;

  const std::vector<std::uint32_t>& ranks_;
  std::vector<std::vector<Vertex>> near_;  // by distance
  std::size_t nearest_ = 0;                // the lists before this one are empty
  std::priority_queue<Far, std::vector<Far>, std::greater<>> far_;
};

/// Grows the set of vertices that the tree uses. One search runs through all rounds: when a path joins the
/// tree, its vertices become sources at distance 0, and vertices that are nearer to them now are visited
/// again.
class Growth {
 public:
  Growth(const Graph& graph, const Members& terminal, std::size_t terminal_count)
      : graph_(graph), terminal_(terminal), missing_(terminal_count) {
    paths_.distance.assign(graph.vertex_limit(), ShortestPaths::kUnreachable);
    paths_.parent.assign(graph.vertex_limit(), Graph::kNoVertex);
    in_tree_.resize(graph.vertex_limit());
  }

  Members from(Vertex start) {
    join(start);
    while (missing_ > 0) {
      const auto nearest = reached_.pop();
      if (!nearest) break;
      const Vertex vertex = nearest->vertex;
      if (nearest->distance > paths_.distance[vertex]) continue;  // found a cheaper way since
      if (terminal_[vertex] && !in_tree_[vertex]) {
        for (Vertex v = vertex; !in_tree_[v];) {
          const Vertex parent = paths_.parent[v];
          join(v);
          v = parent;
        }
      } else {
        spread(vertex);
      }
    }
    return std::move(in_tree_);
  }

 private:
  void reach(Vertex vertex, std::uint64_t distance) {
    paths_.distance[vertex] = distance;
    reached_.push(vertex, distance);
  }

  void join(Vertex vertex) {
    in_tree_[vertex] = true;
    if (terminal_[vertex]) --missing_;
    reach(vertex, 0);
  }

  void spread(Vertex from) {
    for (const Graph::Edge edge : graph_.edges(from)) {
      const std::uint64_t distance = paths_.distance[from] + edge.cost;
      if (distance >= paths_.distance[edge.to]) continue;
      paths_.parent[edge.to] = from;
      reach(edge.to, distance);
    }
  }

  const Graph& graph_;
  const Members& terminal_;
  std::size_t missing_;  // terminals not in the tree yet
  ShortestPaths paths_;  // from the tree as it is so far
  Members in_tree_;
  Reached reached_{graph_.ranks()};
};

/// Prim's algorithm within the members. Among equal links it takes the one nearer to the root, so that the
/// tree is as shallow as its links allow.
ParentOf span_members(const Graph& graph, Vertex root, const Members& member) {
  struct Link {
    std::uint32_t cost;
    std::uint32_t depth;
    std::uint32_t from_rank, to_rank;
    Vertex from, to;
    auto operator<=>(const Link&) const = default;
  };
  const std::vector<std::uint32_t>& ranks = graph.ranks();
  std::priority_queue<Link, std::vector<Link>, std::greater<>> queue;
  ParentOf parent(graph.vertex_limit(), Graph::kNoVertex);
  Members spanned(graph.vertex_limit());
  const auto reach = [&](Vertex vertex, std::uint32_t depth) {
    spanned[vertex] = true;
    for (const Graph::Edge edge : graph.edges(vertex)) {
      if (member[edge.to] && !spanned[edge.to])
        queue.push({edge.cost, depth + 1, ranks[vertex], ranks[edge.to], vertex, edge.to});
    }
  };
  reach(root, 0);
  while (!queue.empty()) {
    const Link link = queue.top();
    queue.pop();
    if (spanned[link.to]) continue;
    parent[link.to] = link.from;
    reach(link.to, link.depth);
  }
  return parent;
}

/// Cuts branches that lead to no terminal.
void prune(ParentOf& parent, Vertex root, const Members& terminal) {
  std::vector<std::uint32_t> child_count(parent.size());
  for (const Vertex above : parent) {
    if (above != Graph::kNoVertex) ++child_count[above];
  }
  for (Vertex vertex = 0; vertex < parent.size(); ++vertex) {
    Vertex leaf = vertex;
    while (leaf != root && parent[leaf] != Graph::kNoVertex && child_count[leaf] == 0 && !terminal[leaf]) {
      const Vertex above = std::exchange(parent[leaf], Graph::kNoVertex);
      --child_count[above];
      leaf = above;
    }
  }
}

/// What a tree's links cost together.
std::uint64_t total_cost(const Graph& graph, const ParentOf& parent) {
  std::uint64_t total = 0;
  for (Vertex vertex = 0; vertex < parent.size(); ++vertex) {
    if (parent[vertex] == Graph::kNoVertex) continue;
    const auto edges = graph.edges(parent[vertex]);
    total += std::ranges::find(edges, vertex, &Graph::Edge::to)->cost;
  }
  return total;
}

/// Vertices that are no terminals, but where a tree may branch.
std::vector<Vertex> branching_candidates(const Graph& graph, const Members& terminal) {
  std::vector<Vertex> candidates;
  for (Vertex vertex = 0; vertex < graph.vertex_limit(); ++vertex) {
    if (graph.edges(vertex).size() >= 3 && !terminal[vertex]) candidates.push_back(vertex);
  }
  return candidates;
}

class Search {
 public:
  Search(const Graph& graph, Vertex root, std::span<const Vertex> terminals, ParentOf shortest)
      : graph_(graph), root_(root), terminal_(graph.vertex_limit()), best_(std::move(shortest)) {
    for (const Vertex vertex : terminals) terminal_[vertex] = true;
    through_ = terminal_;
  }

  ParentOf run() {
    prune(best_, root_, terminal_);
    best_cost_ = total_cost(graph_, best_);
    try_tree();
    refine();
    return std::move(best_);
  }

 private:
  /// Keeps the tree that grows through all of through_ if it is cheaper than the best so far.
  bool try_tree() {
    const auto count = static_cast<std::size_t>(std::count(through_.begin(), through_.end(), true));
    ParentOf tree = span_members(graph_, root_, Growth(graph_, through_, count).from(root_));
    prune(tree, root_, terminal_);
    const std::uint64_t cost = total_cost(graph_, tree);
    if (cost >= best_cost_) return false;
    best_ = std::move(tree);
    best_cost_ = cost;
    return true;
  }

  /// On a small overlay there is time to try each further vertex: is a tree that leads through it cheaper?
  void refine() {
    std::vector<Vertex> candidates = branching_candidates(graph_, terminal_);
    const std::size_t work_per_try = graph_.vertex_limit() + 2 * graph_.link_count();
    const std::size_t work_per_round = work_per_try * candidates.size();
    if (work_per_round > kRefinementWorkMax) return;
    std::ranges::sort(candidates, {}, [&ranks = graph_.ranks()](Vertex vertex) { return ranks[vertex]; });
    bool improved = true;
    for (std::size_t work = work_per_round; improved && work <= kRefinementWorkMax; work += work_per_round) {
      improved = false;
      for (const Vertex vertex : candidates) {
        if (through_[vertex]) continue;
        through_[vertex] = try_with(vertex);
        improved |= through_[vertex];
      }
    }
  }

  bool try_with(Vertex vertex) {
    through_[vertex] = true;
    return try_tree();
  }

  static constexpr std::size_t kRefinementWorkMax = 400'000;  // vertices and edges visited

  const Graph& graph_;
  Vertex root_;
  Members terminal_;
  Members through_;  // terminals, and the branching nodes that proved useful
  ParentOf best_;
  std::uint64_t best_cost_ = 0;
};

}  // namespace

ParentOf shared_tree(const Graph& graph, Vertex root, std::span<const Vertex> terminals, ParentOf shortest) {
  return Search(graph, root, terminals, std::move(shortest)).run();
}

}  // namespace ott
