#include "core/shortest_paths.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
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

/// Vertices that are reached but not yet searched from, the nearest first: in buckets (Dial, 1969) that are
/// no wider than the cheapest link (Denardo and Fox, 1979), so that the order within one does not matter.
/// They are a ring; what lies beyond its end waits aside. A bucket is a list through one table of all
/// entries, so that a search makes no more than one.
class NearestFirst {
 public:
  struct Reached {
    std::uint64_t distance;
    Vertex vertex;
  };

  /// `least_cost`: no link costs less, and it is 1 or more.
  explicit NearestFirst(std::uint32_t least_cost) : shift_(static_cast<int>(std::bit_width(least_cost)) - 1) {
    newest_.fill(kNone);
  }

  /// REQUIRES: not nearer than the last one that was taken.
  void push(std::uint64_t distance, Vertex vertex) {
    const std::uint64_t bucket = distance >> shift_;
    if (bucket - first_ < kBuckets) {
      put({distance, vertex});
    } else {
      far_.push_back({distance, vertex});
      nearest_far_ = std::min(nearest_far_, bucket);
    }
    ++count_;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// REQUIRES: !empty().
  Reached pop() {
    while (newest_[first_ % kBuckets] == kNone) advance();
    std::uint32_t& newest = newest_[first_ % kBuckets];
    Entry& entry = entries_[newest];
    free_ = std::exchange(newest, std::exchange(entry.before, free_));
    --count_;
    return {entry.distance, entry.vertex};
  }

 private:
  static constexpr std::uint64_t kBuckets = 256;
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  struct Entry {
    std::uint64_t distance;
    Vertex vertex;
    std::uint32_t before;  // the one that was put before it into the same bucket, or kNone
  };

  void put(const Reached& reached) {
    std::uint32_t& newest = newest_[(reached.distance >> shift_) % kBuckets];
    const Entry entry = {reached.distance, reached.vertex, newest};
    newest = free_;
    if (newest == kNone) {
      newest = static_cast<std::uint32_t>(entries_.size());
      entries_.push_back(entry);
    } else {
      free_ = std::exchange(entries_[newest], entry).before;
    }
  }
  void advance() {
    const bool ring_is_empty = far_.size() == count_;
    first_ = ring_is_empty ? nearest_far_ : first_ + 1;
    if (nearest_far_ < first_ + kBuckets / 2 || ring_is_empty) take_from_far();
  }
  void take_from_far() {
    nearest_far_ = std::numeric_limits<std::uint64_t>::max();
    std::erase_if(far_, [this](const Reached& each) {
      const std::uint64_t bucket = each.distance >> shift_;
      const bool fits = bucket - first_ < kBuckets;
      if (fits) {
        put(each);
      } else {
        nearest_far_ = std::min(nearest_far_, bucket);
      }
      return fits;
    });
  }

  int shift_;
  std::array<std::uint32_t, kBuckets> newest_;  // of each bucket, or kNone
  std::vector<Entry> entries_;
  std::uint32_t free_ = kNone;  // the last of those that were taken
  std::vector<Reached> far_;
  std::uint64_t first_ = 0;  // the bucket of the last one that was taken
  std::uint64_t nearest_far_ = std::numeric_limits<std::uint64_t>::max();
  std::size_t count_ = 0;
};

/// No link costs less; 1 or more.
std::uint32_t least_cost(const Graph& graph, const FavouredLinks* favoured) {
  std::uint64_t least = graph.least_cost();
  if (favoured != nullptr) least = least * 100 / (100 + favoured->margin_percent);
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(least, 1));
}

template <class Cost>
void search_cheapest_first(const Graph& graph, ShortestPaths& paths, NearestFirst& reached, Cost&& cost) {
  const Ranks& ranks = graph.ranks();
  while (!reached.empty()) {
    const auto [distance, from] = reached.pop();
    if (distance > paths.distance[from]) continue;  // found a cheaper way since
    for (const Graph::Edge edge : graph.edges(from)) {
      if (relax(ranks, paths, from, {edge.to, cost(from, edge)}))
        reached.push(paths.distance[edge.to], edge.to);
    }
  }
}

/// Paths that are being brought up to date.
class PathUpdate {
 public:
  PathUpdate(ShortestPaths& paths, const Graph& graph, const FavouredLinks& favoured)
      : paths_(paths), graph_(graph), favoured_(favoured), state_(graph.vertex_limit()) {}

  void run(Vertex source, std::span<const Graph::LinkEnds> changed) {
    for (const auto& [a, b] : changed) {
      lose_way(a, b);
      lose_way(b, a);
    }
    lose_what_lies_behind();
    for (const Vertex vertex : lost_) reach_again(vertex);
    for (const auto& [a, b] : changed) {
      shorten(a, b);
      shorten(b, a);
    }
    search();
    for (const auto& [a, b] : changed) {
      choose_parent(a, source);
      choose_parent(b, source);
    }
    for (const Vertex vertex : moved_) {
      choose_parent(vertex, source);
      for (const Graph::Edge edge : graph_.edges(vertex)) choose_parent(edge.to, source);
    }
  }

 private:
  struct State {
    bool is_lost = false;     // its way leads over what has changed
    bool has_moved = false;   // its distance may be another one
    bool has_parent = false;  // it has been chosen anew
  };

  /// What a link costs; out of reach if there is none.
  [[nodiscard]] std::uint64_t cost(Vertex from, Vertex to) const {
    const Graph::Edge* edge = graph_.edge(from, to);
    return edge == nullptr ? ShortestPaths::kUnreachable : favoured_.cost(from, *edge);
  }
  /// How far it is to a vertex through one of its neighbours.
  [[nodiscard]] std::uint64_t through(Vertex from, Vertex to) const {
    const std::uint64_t last = paths_.reaches(from) ? cost(from, to) : ShortestPaths::kUnreachable;
    return last == ShortestPaths::kUnreachable ? last : paths_.distance[from] + last;
  }
  void lose(Vertex vertex) {
    if (state_[vertex].is_lost) return;
    state_[vertex].is_lost = true;
    lost_.push_back(vertex);
    moved(vertex);
  }
  void moved(Vertex vertex) {
    if (state_[vertex].has_moved) return;
    state_[vertex].has_moved = true;
    moved_.push_back(vertex);
  }

  /// The way to `to` leads over this link, which is longer now, or is not there any more.
  void lose_way(Vertex from, Vertex to) {
    if (paths_.parent[to] == from && through(from, to) > paths_.distance[to]) lose(to);
  }
  void lose_what_lies_behind() {
    for (std::size_t i = 0; i < lost_.size(); ++i) {
      for (const Graph::Edge edge : graph_.edges(lost_[i])) {
        if (paths_.parent[edge.to] == lost_[i]) lose(edge.to);
      }
    }
    for (const Vertex vertex : lost_) {
      paths_.distance[vertex] = ShortestPaths::kUnreachable;
      paths_.parent[vertex] = Graph::kNoVertex;
    }
  }
  /// By a neighbour whose own way is not lost.
  void reach_again(Vertex vertex) {
    std::uint64_t& distance = paths_.distance[vertex];
    for (const Graph::Edge edge : graph_.edges(vertex)) {
      if (!state_[edge.to].is_lost) distance = std::min(distance, through(edge.to, vertex));
    }
    if (distance != ShortestPaths::kUnreachable) reached_.push(distance, vertex);
  }
  void shorten(Vertex from, Vertex to) {
    const std::uint64_t distance = through(from, to);
    if (distance >= paths_.distance[to]) return;
    paths_.distance[to] = distance;
    reached_.push(distance, to);
    moved(to);
  }
  void search() {
    while (!reached_.empty()) {
      const auto [distance, from] = reached_.pop();
      if (distance > paths_.distance[from]) continue;
      for (const Graph::Edge edge : graph_.edges(from)) {
        const std::uint64_t by_it = distance + favoured_.cost(from, edge);
        if (by_it >= paths_.distance[edge.to]) continue;
        paths_.distance[edge.to] = by_it;
        reached_.push(by_it, edge.to);
        moved(edge.to);
      }
    }
  }
  void choose_parent(Vertex vertex, Vertex source) {
    if (std::exchange(state_[vertex].has_parent, true) || vertex == source) return;
    const Ranks& ranks = graph_.ranks();
    Vertex& parent = paths_.parent[vertex] = Graph::kNoVertex;
    if (!paths_.reaches(vertex)) return;
    for (const Graph::Edge edge : graph_.edges(vertex)) {
      if (through(edge.to, vertex) != paths_.distance[vertex]) continue;
      if (parent == Graph::kNoVertex || ranks[edge.to] < ranks[parent]) parent = edge.to;
    }
  }

  ShortestPaths& paths_;
  const Graph& graph_;
  const FavouredLinks& favoured_;
  std::vector<State> state_;  // by vertex
  std::vector<Vertex> lost_;
  std::vector<Vertex> moved_;
  NearestFirst reached_{1};
};

}  // namespace

void update_paths(ShortestPaths& paths, const Graph& graph, Vertex source, const FavouredLinks& favoured,
                  std::span<const Graph::LinkEnds> changed) {
  PathUpdate(paths, graph, favoured).run(source, changed);
}

ShortestPaths shortest_paths(const Graph& graph, Vertex source, const FavouredLinks* favoured) {
  ShortestPaths paths;
  paths.distance.assign(graph.vertex_limit(), ShortestPaths::kUnreachable);
  paths.parent.assign(graph.vertex_limit(), Graph::kNoVertex);
  paths.distance[source] = 0;
  if (favoured == nullptr && graph.all_costs_are_one()) {
    search_breadth_first(graph, paths, source);
    return paths;
  }
  NearestFirst reached(least_cost(graph, favoured));
  reached.push(0, source);
  if (favoured != nullptr) {
    search_cheapest_first(graph, paths, reached,
                          [favoured](Vertex from, Graph::Edge edge) { return favoured->cost(from, edge); });
  } else {
    search_cheapest_first(graph, paths, reached, [](Vertex, Graph::Edge edge) { return edge.cost; });
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
