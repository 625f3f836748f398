// The overlay as it is now: online nodes and live links only, and the paths through it.
//
// A Graph belongs to the code that computes paths, such as an origin; nodes and links come and go in it as
// they do in the overlay. Links lead both ways and cost 1 or more, which may differ by the way. Every result
// is a function of the graph's nodes and links and of the arguments, never of the order in which they came:
// among equally cheap ways a node is reached through the neighbour with the smallest NodeId.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "ott/path_tree.h"
#include "ott/types.h"

namespace ott {

struct ShortestPaths;

class Graph {
 public:
  using Vertex = std::uint32_t;

  /// False if the node was there already.
  bool add_node(const NodeId& node);
  /// Removes its links, too. False if it was not there.
  bool remove_node(const NodeId& node);
  /// Adds the link (and its ends, where they are missing) or sets its cost both ways; false if nothing
  /// changed. REQUIRES: a != b, cost >= 1.
  bool add_link(NodeId a, NodeId b, std::uint32_t cost = 1);
  /// Sets what each link costs: cost(from, to, what it costs now) >= 1, for both its ways.
  template <class Cost>
  void set_costs(Cost&& cost);
  /// Sets what a link costs one way. REQUIRES: there is such a link, cost >= 1.
  void set_cost(Vertex from, Vertex to, std::uint32_t cost);
  /// False if it was not there. Its ends stay.
  bool remove_link(const NodeId& a, const NodeId& b);

  /// From a to b; none if there is no such link.
  [[nodiscard]] std::optional<std::uint32_t> link_cost(const NodeId& a, const NodeId& b) const;
  [[nodiscard]] std::size_t node_count() const { return vertex_of_.size(); }
  [[nodiscard]] std::size_t link_count() const { return link_count_; }

  /// The nodes of the cheapest path, both ends included; empty if there is none. [src] if src == dst. As long
  /// as the graph stays as it is, further paths from one source cost no search.
  [[nodiscard]] std::vector<NodeId> shortest_path(const NodeId& src, const NodeId& dst) const;
  /// The shortest path to each destination that can be reached, in the order given, each once.
  [[nodiscard]] std::vector<std::vector<NodeId>> multicast_path_list(const NodeId& src,
                                                                     std::span<const NodeId> dests) const;

  /// Which vertices can be reached from a node, itself included: 1 or 0 for each vertex.
  [[nodiscard]] std::vector<std::uint8_t> reachable_from(const NodeId& from) const;

  // What path algorithms see: nodes as dense numbers. A vertex is valid until its node is removed.
  static constexpr Vertex kNoVertex = std::numeric_limits<Vertex>::max();
  struct Edge {
    Vertex to;
    std::uint32_t cost;
  };
  [[nodiscard]] std::optional<Vertex> vertex_of(const NodeId& node) const;
  [[nodiscard]] const NodeId& node(Vertex vertex) const { return vertices_[vertex].node; }
  /// By vertex, its place in the order of all NodeIds: comparing ranks gives the same as comparing NodeIds,
  /// and is much quicker. Valid until a node is added; the ranks of removed nodes mean nothing.
  [[nodiscard]] const std::vector<std::uint32_t>& ranks() const;
  /// Ordered by the NodeId of the other end.
  [[nodiscard]] std::span<const Edge> edges(Vertex vertex) const { return vertices_[vertex].edges; }
  /// Null if there is no such link.
  [[nodiscard]] const Edge* edge(Vertex from, Vertex to) const { return find_edge(from, node(to)); }
  /// All vertices are below this; those of removed nodes have no edges.
  [[nodiscard]] std::size_t vertex_limit() const { return vertices_.size(); }
  /// Another number after each change of nodes, links or costs: a search of this graph is good until then.
  [[nodiscard]] std::uint64_t edition() const { return edition_; }
  struct LinkEnds {
    Vertex a, b;
  };
  /// The links that have come, gone, or changed their costs since the graph had this edition; some of them
  /// more than once, and some may be as they were. None if that cannot be told any more, since nodes have
  /// come or gone, or since too much has changed.
  [[nodiscard]] std::optional<std::vector<LinkEnds>> changed_since(std::uint64_t edition) const;
  /// True if every link costs 1, so that paths can be counted in hops.
  [[nodiscard]] bool all_costs_are_one() const { return costly_edge_count_ == 0; }
  /// No link costs less than this, nor has any done.
  [[nodiscard]] std::uint32_t least_cost() const { return least_cost_; }

 private:
  struct VertexData {
    NodeId node;
    std::vector<Edge> edges;
  };

  /// Of so many changes it can be told which links they were.
  static constexpr std::size_t kChangesKept = 1'024;

  Vertex vertex_for(const NodeId& node);
  void changed(Vertex a, Vertex b);
  void all_changed();
  [[nodiscard]] const ShortestPaths& paths_from(Vertex source) const;
  [[nodiscard]] std::vector<Edge>::const_iterator edge_place(Vertex from, const NodeId& to) const;
  [[nodiscard]] const Edge* find_edge(Vertex from, const NodeId& to) const;
  [[nodiscard]] Edge* find_edge(Vertex from, const NodeId& to);
  void set_edge(Vertex from, Vertex to, std::uint32_t cost);
  void recost(Edge& edge, std::uint32_t cost);

  std::vector<VertexData> vertices_;
  mutable std::vector<std::uint32_t> ranks_;            // empty: not computed since the last change
  mutable std::shared_ptr<const ShortestPaths> paths_;  // from the last source; none since the last change
  mutable Vertex paths_source_ = kNoVertex;
  std::uint64_t edition_ = 0;
  std::uint64_t changes_from_ = 0;  // of each edition after this one it is known what has changed:
  std::vector<LinkEnds> changes_;
  std::vector<Vertex> free_vertices_;
  std::unordered_map<NodeId, Vertex> vertex_of_;
  std::size_t link_count_ = 0;
  std::size_t costly_edge_count_ = 0;  // a link is an edge each way
  std::uint32_t least_cost_ = std::numeric_limits<std::uint32_t>::max();
};

template <class Cost>
void Graph::set_costs(Cost&& cost) {
  all_changed();
  for (Vertex from = 0; from < vertices_.size(); ++from) {
    for (Edge& edge : vertices_[from].edges) recost(edge, cost(node(from), node(edge.to), edge.cost));
  }
}

enum class TreePolicy {
  Shortest,  // every destination at minimum cost: the union of its shortest paths
  Shared,    // a low total cost of the tree's links (fewest links, where each costs 1); never above Shortest
};

/// The links of a tree that count as cheaper than they are, so that they are left only for better ones.
struct FavouredLinks {
  std::vector<Graph::Vertex> above;  // by vertex: its parent in that tree, or kNoVertex
  std::uint32_t margin_percent = 0;  // by how much others must be better

  [[nodiscard]] std::uint32_t cost(Graph::Vertex from, Graph::Edge edge) const {
    if (above[edge.to] != from) return edge.cost;
    return std::max(1U, static_cast<std::uint32_t>(std::uint64_t{edge.cost} * 100 / (100 + margin_percent)));
  }
};
/// Those of a tree in a graph, as far as its nodes are there.
FavouredLinks favoured_links(const Graph& graph, const PathTree& tree, std::uint32_t margin_percent);
/// What multicast_tree() finds of ways, whatever the destinations are. None if src is not in the graph.
std::shared_ptr<const ShortestPaths> paths_from(const Graph& graph, const NodeId& src,
                                                const FavouredLinks* favoured = nullptr);
/// The same, made of what was found before some links came, went, or cost something else: only what lies
/// behind these is searched. `changed` may name others, too. REQUIRES: no node has come or gone since.
std::shared_ptr<const ShortestPaths> paths_from(const Graph& graph, const NodeId& src,
                                                const FavouredLinks& favoured, const ShortestPaths& before,
                                                std::span<const Graph::LinkEnds> changed);

/// The tree from src to those dests that can be reached; their order means nothing, siblings are ordered by
/// NodeId. Only the root if none can be reached; empty if src itself is not in the graph.
PathTree multicast_tree(const Graph& graph, const NodeId& src, std::span<const NodeId> dests,
                        TreePolicy policy = TreePolicy::Shortest, const FavouredLinks* favoured = nullptr);
/// The same from ways that are known already. REQUIRES: they are of this edition of the graph, from src; or
/// there are none, since src is not in it. `above`, where it is wanted: gets the tree's links, by vertex, as
/// FavouredLinks has them.
PathTree multicast_tree(const Graph& graph, const NodeId& src, std::span<const NodeId> dests,
                        TreePolicy policy, const ShortestPaths* paths,
                        std::vector<Graph::Vertex>* above = nullptr);

}  // namespace ott
