// Costs of a graph's links that are others for a while.
#pragma once

#include <vector>

#include "ott/graph.h"

namespace ott {

/// What set() changes is as it was before once this is destroyed.
class Recosted {
 public:
  explicit Recosted(Graph& graph) : graph_(graph) {}
  Recosted(const Recosted&) = delete;
  Recosted& operator=(const Recosted&) = delete;
  ~Recosted() {
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change)
      graph_.set_cost(change->from, change->to, change->cost);
  }

  /// Nothing happens if there is no such link. `cost`: of what it costs so far.
  template <class Cost>
  void set(const NodeId& from, const NodeId& to, Cost&& cost) {
    const auto before = graph_.link_cost(from, to);
    if (!before) return;
    const auto a = *graph_.vertex_of(from);
    const auto b = *graph_.vertex_of(to);
    changes_.push_back({a, b, *before});
    graph_.set_cost(a, b, cost(*before));
  }

 private:
  struct Change {
    Graph::Vertex from, to;
    std::uint32_t cost;
  };
  Graph& graph_;
  std::vector<Change> changes_;
};

}  // namespace ott
