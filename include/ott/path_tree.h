// The ordered path of a Tracker: a multicast tree, kept flat.
//
// Entries stand in preorder and each knows the size of its subtree, so a child's subtree is one contiguous
// run of entries that is a tree by itself: splitting a Tracker where paths diverge is slicing, and nothing
// here recurses, however deep a tree is. A PathTree is a plain value; it may hold a peer's bytes, and then
// nothing but valid() may be asked of it before valid() has said yes.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ott/types.h"

namespace ott {

struct PathTree {
  struct Entry {
    NodeId node;
    std::uint32_t subtree_size = 1;  // entries of the subtree that begins here, this one included
    bool destination = false;        // true for relays, too, that are destinations themselves

    auto operator<=>(const Entry&) const = default;
  };
  /// A tree in someone else's memory: a whole one or a subtree, its root first.
  using View = std::span<const Entry>;
  class Children;

  std::vector<Entry> entries;  // entries[0] is the root; empty: no tree

  bool operator==(const PathTree&) const = default;

  [[nodiscard]] bool empty() const { return entries.empty(); }
  /// REQUIRES: !empty().
  [[nodiscard]] const Entry& root() const { return entries.front(); }
  /// The subtree that begins at entries[index]. REQUIRES: index < entries.size().
  [[nodiscard]] View subtree(std::size_t index) const {
    return View(entries).subspan(index, entries[index].subtree_size);
  }
  /// The subtrees of the children of entries[index], in order. REQUIRES: index < entries.size().
  [[nodiscard]] Children children(std::size_t index = 0) const;
  /// Where the node stands, if it is in the tree. Linear.
  [[nodiscard]] std::optional<std::size_t> find(const NodeId& node) const;
  /// All destinations, in preorder.
  [[nodiscard]] std::vector<NodeId> destinations() const;
  /// True if there is a root, subtree sizes nest exactly and no node is there twice. False for an empty one.
  [[nodiscard]] bool valid() const;
};

/// The subtrees of a root's children, in order: `for (PathTree::View child : children_of(tree))`, where
/// child.front().node is the child and child is all that it needs to know.
class PathTree::Children {
 public:
  class Iterator {
   public:
    using value_type = View;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(View rest) : rest_(rest) {}
    View operator*() const { return rest_.first(rest_.front().subtree_size); }
    Iterator& operator++() {
      rest_ = rest_.subspan(rest_.front().subtree_size);
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return rest_.size() == other.rest_.size(); }
    bool operator==(std::default_sentinel_t) const { return rest_.empty(); }

   private:
    View rest_;  // from this child to the end of the parent's subtree
  };

  explicit Children(View tree) : below_root_(tree.subspan(1)) {}
  [[nodiscard]] Iterator begin() const { return Iterator(below_root_); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }
  [[nodiscard]] bool empty() const { return below_root_.empty(); }

 private:
  View below_root_;
};

/// REQUIRES: the view is a subtree of a valid tree (so it is not empty).
inline PathTree::Children children_of(PathTree::View tree) { return PathTree::Children(tree); }

inline PathTree::Children PathTree::children(std::size_t index) const { return children_of(subtree(index)); }

/// Links on the longest way down from the root. REQUIRES: the view is a subtree of a valid tree.
std::size_t depth(PathTree::View tree);

/// The classic nested form: a list of nodes, ended by a list of lists where the paths diverge:
/// [10.0.0.10, 10.0.0.1, [[10.0.2.2, 10.0.4.20], [10.0.1.2, 10.0.3.20]]]
std::string to_string(PathTree::View tree);
std::string to_string(const PathTree& tree);

/// Merges paths from one source into a tree: the last node of each is a destination, and branches stand in
/// order of first appearance. A node that two paths reach by different ways keeps the way of the first.
/// Empty paths are passed over. REQUIRES: all other paths begin with the same node.
PathTree multicast_path(std::span<const std::vector<NodeId>> paths);

}  // namespace ott
