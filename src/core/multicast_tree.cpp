#include <algorithm>
#include <utility>

#include "core/shared_tree.h"
#include "core/shortest_paths.h"
#include "core/tree_layout.h"
#include "ott/graph.h"

namespace ott {
namespace {

using Vertex = Graph::Vertex;

/// The vertices of the tree over `terminals`, each once, without order. The root has no parent.
std::vector<Vertex> used_vertices(const ParentOf& parent, Vertex root, std::span<const Vertex> terminals) {
  std::vector<Vertex> used = {root};
  std::vector<bool> seen(parent.size());
  seen[root] = true;
  for (Vertex vertex : terminals) {
    for (; !seen[vertex]; vertex = parent[vertex]) {
      seen[vertex] = true;
      used.push_back(vertex);
    }
  }
  return used;
}

/// The tree over `terminals` breadth first, so parents come before their children, siblings by NodeId.
PathTree to_path_tree(const Graph& graph, const ParentOf& parent, Vertex root,
                      std::span<const Vertex> terminals) {
  std::vector<Vertex> by_id = used_vertices(parent, root, terminals);
  std::sort(by_id.begin() + 1, by_id.end(),
            [&graph](Vertex a, Vertex b) { return graph.node(a) < graph.node(b); });

  // Children in lists chained through the vertices: built backwards, they stand in order of NodeId.
  std::vector<Vertex> first_child(parent.size(), Graph::kNoVertex);
  std::vector<Vertex> next_sibling(parent.size(), Graph::kNoVertex);
  for (std::size_t i = by_id.size(); --i > 0;) {
    const Vertex vertex = by_id[i];
    next_sibling[vertex] = std::exchange(first_child[parent[vertex]], vertex);
  }

  std::vector<bool> is_terminal(parent.size());
  for (const Vertex vertex : terminals) is_terminal[vertex] = true;
  std::vector<Vertex> order = {root};
  std::vector<TreeNode> nodes = {{graph.node(root), 0, is_terminal[root]}};
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    for (Vertex child = first_child[order[i]]; child != Graph::kNoVertex; child = next_sibling[child]) {
      order.push_back(child);
      nodes.push_back({graph.node(child), i, is_terminal[child]});
    }
  }
  return lay_out(nodes);
}

}  // namespace

PathTree multicast_tree(const Graph& graph, const NodeId& src, std::span<const NodeId> dests,
                        TreePolicy policy) {
  const auto root = graph.vertex_of(src);
  if (!root) return {};
  const ShortestPaths paths = shortest_paths(graph, *root);
  std::vector<Vertex> terminals;
  for (const NodeId& dest : dests) {
    const auto vertex = graph.vertex_of(dest);
    if (vertex && paths.reaches(*vertex)) terminals.push_back(*vertex);
  }
  const ParentOf parent = policy == TreePolicy::Shared ? shared_tree(graph, *root, terminals) : paths.parent;
  return to_path_tree(graph, parent, *root, terminals);
}

}  // namespace ott
