#include <algorithm>
#include <utility>

#include "core/shared_tree.h"
#include "core/shortest_paths.h"
#include "core/tree_layout.h"
#include "ott/graph.h"

namespace ott {
namespace {

using Vertex = Graph::Vertex;

/// The vertices of the tree over `terminals`.
std::vector<bool> used_vertices(const ParentOf& parent, Vertex root, std::span<const Vertex> terminals) {
  std::vector<bool> used(parent.size());
  used[root] = true;
  for (Vertex vertex : terminals) {
    for (; !used[vertex]; vertex = parent[vertex]) used[vertex] = true;
  }
  return used;
}

/// The tree over `terminals` breadth first, so parents come before their children; siblings by NodeId, as a
/// vertex's edges are.
PathTree to_path_tree(const Graph& graph, const ParentOf& parent, Vertex root,
                      std::span<const Vertex> terminals, std::vector<Vertex>* above) {
  const std::vector<bool> used = used_vertices(parent, root, terminals);
  std::vector<bool> is_terminal(parent.size());
  for (const Vertex vertex : terminals) is_terminal[vertex] = true;
  std::vector<Vertex> order = {root};
  std::vector<TreeNode> nodes = {{graph.node(root), 0, is_terminal[root]}};
  if (above != nullptr) above->assign(parent.size(), Graph::kNoVertex);
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    for (const Graph::Edge edge : graph.edges(order[i])) {
      if (parent[edge.to] != order[i] || !used[edge.to]) continue;
      order.push_back(edge.to);
      nodes.push_back({graph.node(edge.to), i, is_terminal[edge.to]});
      if (above != nullptr) (*above)[edge.to] = order[i];
    }
  }
  return lay_out(nodes);
}

}  // namespace

FavouredLinks favoured_links(const Graph& graph, const PathTree& tree, std::uint32_t margin_percent) {
  FavouredLinks favoured{std::vector<Vertex>(graph.vertex_limit(), Graph::kNoVertex), margin_percent};
  struct Above {
    std::size_t end;  // of the entries that lie below it
    Vertex vertex;
  };
  std::vector<Above> above;
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    while (!above.empty() && i >= above.back().end) above.pop_back();
    const Vertex vertex = graph.vertex_of(tree.entries[i].node).value_or(Graph::kNoVertex);
    if (vertex != Graph::kNoVertex && !above.empty()) favoured.above[vertex] = above.back().vertex;
    above.push_back({i + tree.entries[i].subtree_size, vertex});
  }
  return favoured;
}

std::shared_ptr<const ShortestPaths> paths_from(const Graph& graph, const NodeId& src,
                                                const FavouredLinks* favoured) {
  const auto root = graph.vertex_of(src);
  return root ? std::make_shared<ShortestPaths>(shortest_paths(graph, *root, favoured)) : nullptr;
}

PathTree multicast_tree(const Graph& graph, const NodeId& src, std::span<const NodeId> dests,
                        TreePolicy policy, const ShortestPaths* paths, std::vector<Vertex>* above) {
  if (paths == nullptr) return {};
  const Vertex root = *graph.vertex_of(src);
  std::vector<Vertex> terminals;
  for (const NodeId& dest : dests) {
    const auto vertex = graph.vertex_of(dest);
    if (vertex && paths->reaches(*vertex)) terminals.push_back(*vertex);
  }
  if (policy == TreePolicy::Shortest) return to_path_tree(graph, paths->parent, root, terminals, above);
  return to_path_tree(graph, shared_tree(graph, root, terminals, paths->parent), root, terminals, above);
}

std::shared_ptr<const ShortestPaths> paths_from(const Graph& graph, const NodeId& src,
                                                const FavouredLinks& favoured, const ShortestPaths& before,
                                                std::span<const Graph::LinkEnds> changed) {
  auto paths = std::make_shared<ShortestPaths>(before);
  update_paths(*paths, graph, *graph.vertex_of(src), favoured, changed);
  return paths;
}

PathTree multicast_tree(const Graph& graph, const NodeId& src, std::span<const NodeId> dests,
                        TreePolicy policy, const FavouredLinks* favoured) {
  return multicast_tree(graph, src, dests, policy, paths_from(graph, src, favoured).get());
}

}  // namespace ott
