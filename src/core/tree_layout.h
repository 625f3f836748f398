// Turns a tree given by parents into the flat preorder form of a PathTree, in linear time.
#pragma once

#include <cstdint>
#include <span>

#include "ott/path_tree.h"

namespace ott {

/// A node of a tree, as an element of a list that names parents before their children.
struct TreeNode {
  NodeId node;
  std::uint32_t parent = 0;  // index in the same list, smaller than this one's; the root's own is not read
  bool destination = false;
};

/// Siblings keep the order they have in the list. The first node is the root; an empty list is no tree.
PathTree lay_out(std::span<const TreeNode> nodes);

}  // namespace ott
