#include "ott/path_tree.h"

#include <algorithm>
#include <unordered_map>

#include "core/tree_layout.h"
#include "ott/assert.h"

namespace ott {

PathTree lay_out(std::span<const TreeNode> nodes) {
  PathTree tree;
  tree.entries.resize(nodes.size());
  if (nodes.empty()) return tree;

  std::vector<std::uint32_t> size(nodes.size(), 1);
  for (std::size_t i = nodes.size(); --i > 0;) {
    OTT_ASSERT(nodes[i].parent < i);
    size[nodes[i].parent] += size[i];
  }
  // A node's first child comes right after it, each further one where its elder sibling's subtree ends.
  std::vector<std::uint32_t> next_child_at(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    std::uint32_t at = 0;
    if (i > 0) {
      at = next_child_at[nodes[i].parent];
      next_child_at[nodes[i].parent] += size[i];
    }
    next_child_at[i] = at + 1;
    tree.entries[at] = {nodes[i].node, size[i], nodes[i].destination};
  }
  return tree;
}

std::optional<std::size_t> PathTree::find(const NodeId& node) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&node](const Entry& entry) { return entry.node == node; });
  if (found == entries.end()) return std::nullopt;
  return static_cast<std::size_t>(found - entries.begin());
}

std::vector<NodeId> PathTree::destinations() const {
  std::vector<NodeId> nodes;
  for (const Entry& entry : entries) {
    if (entry.destination) nodes.push_back(entry.node);
  }
  return nodes;
}

bool PathTree::valid() const {
  if (entries.empty() || entries.front().subtree_size != entries.size()) return false;
  std::vector<std::size_t> open_ends;  // where the subtrees end that we are in, the innermost last
  std::vector<NodeId> nodes;
  nodes.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    while (!open_ends.empty() && open_ends.back() == i) open_ends.pop_back();
    const std::size_t size = entries[i].subtree_size;
    const std::size_t room = (open_ends.empty() ? entries.size() : open_ends.back()) - i;
    if (size == 0 || size > room) return false;
    open_ends.push_back(i + size);
    nodes.push_back(entries[i].node);
  }
  std::sort(nodes.begin(), nodes.end());
  return std::adjacent_find(nodes.begin(), nodes.end()) == nodes.end();
}

std::size_t depth(PathTree::View tree) {
  std::size_t deepest = 0;
  std::vector<std::size_t> ends;  // of the subtrees that the entry lies in
  for (std::size_t i = 0; i < tree.size(); ++i) {
    while (!ends.empty() && ends.back() <= i) ends.pop_back();
    deepest = std::max(deepest, ends.size());
    ends.push_back(i + tree[i].subtree_size);
  }
  return deepest;
}

std::string to_string(PathTree::View tree) {
  if (tree.empty()) return "[]";
  std::string text = "[";
  struct List {
    std::size_t end;  // one past the last entry of this divergence
    std::size_t branch_end;
  };
  std::vector<List> open;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    text += to_string(tree[i].node);
    const std::size_t end = i + tree[i].subtree_size;
    const std::size_t next = i + 1;
    if (next < end && next + tree[next].subtree_size == end) {
      text += ", ";
    } else if (next < end) {
      text += ", [[";
      open.push_back({end, next + tree[next].subtree_size});
    }
    while (!open.empty() && open.back().branch_end == next) {
      text += ']';
      if (next < open.back().end) {
        text += ", [";
        open.back().branch_end = next + tree[next].subtree_size;
        break;
      }
      text += ']';
      open.pop_back();
    }
  }
  return text + ']';
}

std::string to_string(const PathTree& tree) { return to_string(PathTree::View(tree.entries)); }

PathTree multicast_path(std::span<const std::vector<NodeId>> paths) {
  std::vector<TreeNode> nodes;
  std::unordered_map<NodeId, std::uint32_t> index_of;
  for (const auto& path : paths) {
    std::uint32_t here = 0;
    for (const NodeId& node : path) {
      const auto [place, is_new] = index_of.try_emplace(node, static_cast<std::uint32_t>(nodes.size()));
      if (is_new) nodes.push_back({node, here, false});
      here = place->second;
    }
    if (path.empty()) continue;
    OTT_ASSERT(path.front() == nodes.front().node);
    nodes[here].destination = true;
  }
  return lay_out(nodes);
}

}  // namespace ott
