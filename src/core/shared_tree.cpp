// The Steiner tree problem is NP-hard; this is the heuristic of Takahashi and Matsuyama (1980): grow a tree
// from one node, each time by the cheapest path to the nearest destination not yet in it (at most twice the
// optimum). What it reached is then spanned by a minimum spanning tree and branches to nowhere are cut.
// On small overlays (kRefinementWorkMax) this is repeated with likely branching nodes as further
// destinations.
#include "core/shared_tree.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "core/shortest_paths.h"
#include "ott/assert.h"

namespace ott {
namespace {

using Vertex = Graph::Vertex;
using Members = std::vector<bool>;  // by vertex

/// Grows the set of vertices that the tree uses. One search runs through all rounds: when a path joins the
/// tree, its vertices become sources at distance 0 and whatever is nearer to them now is visited again.
class Growth {
 public:
  Growth(const Graph& graph, const Members& terminal, std::size_t terminal_count)
      : graph_(graph), terminal_(terminal), missing_(terminal_count) {
    paths_.distance.assign(graph.vertex_limit(), ShortestPaths::kUnreachable);
    paths_.parent.assign(graph.vertex_limit(), Graph::kNoVertex);
    in_tree_.resize(graph.vertex_limit());
    OTT_ASSERT(graph.vertex_limit() <= kRankMask);
    by_rank_.resize(graph.vertex_limit());
    for (Vertex vertex = 0; vertex < graph.vertex_limit(); ++vertex) by_rank_[ranks_[vertex]] = vertex;
  }

  Members from(Vertex start) {
    join(start);
    while (missing_ > 0 && !queue_.empty()) {
      const std::uint64_t nearest = queue_.top();
      queue_.pop();
      const Vertex vertex = by_rank_[nearest & kRankMask];
      if (nearest >> kRankBits > paths_.distance[vertex]) continue;
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
  // A vertex that is reached waits as one number, its distance and then its rank: comparing these is most of
  // the work.
  static constexpr unsigned kRankBits = 24;
  static constexpr std::uint64_t kRankMask = (std::uint64_t{1} << kRankBits) - 1;

  void reach(Vertex vertex, std::uint64_t distance) {
    paths_.distance[vertex] = distance;
    queue_.push(distance << kRankBits | ranks_[vertex]);
  }

  void join(Vertex vertex) {
    in_tree_[vertex] = true;
    if (terminal_[vertex]) --missing_;
    reach(vertex, 0);
  }

  void spread(Vertex from) {
    for (const Graph::Edge edge : graph_.edges(from)) {
      const std::uint64_t distance = paths_.distance[from] + edge.cost;
      const std::uint64_t known = paths_.distance[edge.to];
      Vertex& parent = paths_.parent[edge.to];
      if (distance < known) {
        parent = from;
        reach(edge.to, distance);
      } else if (distance == known && !in_tree_[edge.to] && ranks_[from] < ranks_[parent]) {
        parent = from;
      }
    }
  }

  const Graph& graph_;
  const std::vector<std::uint32_t>& ranks_ = graph_.ranks();
  const Members& terminal_;
  std::size_t missing_;  // terminals not in the tree yet
  ShortestPaths paths_;  // from the tree as it is so far
  Members in_tree_;
  std::vector<Vertex> by_rank_;
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> queue_;
};

/// Prim's algorithm within the members; among equal links the one nearer to the root, so that the tree is
/// as shallow as its links allow.
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
    const auto edges = graph.edges(vertex);
    total += std::ranges::find(edges, parent[vertex], &Graph::Edge::to)->cost;
  }
  return total;
}

/// Vertices where a tree may branch although nothing is to be delivered there, ordered by NodeId.
std::vector<Vertex> branching_candidates(const Graph& graph, const Members& terminal) {
  std::vector<Vertex> candidates;
  for (Vertex vertex = 0; vertex < graph.vertex_limit(); ++vertex) {
    if (graph.edges(vertex).size() >= 3 && !terminal[vertex]) candidates.push_back(vertex);
  }
  std::ranges::sort(candidates, {}, [&ranks = graph.ranks()](Vertex vertex) { return ranks[vertex]; });
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

  /// On a small overlay there is time to ask of each further node whether a tree led through it is cheaper.
  void refine() {
    const std::vector<Vertex> candidates = branching_candidates(graph_, terminal_);
    const std::size_t work_per_try = graph_.vertex_limit() + 2 * graph_.link_count();
    const std::size_t work_per_round = work_per_try * candidates.size();
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
