#include "ott/path_tree.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "nodes.h"

namespace ott {
namespace {

using test::node;
using test::nodes;

PathTree tree_of(const std::vector<std::vector<NodeId>>& paths) { return multicast_path(paths); }

/// 10.0.0.N in the classic form as N, for short expectations.
std::string short_text(const PathTree& tree) {
  std::string text = to_string(tree);
  for (auto at = text.find("10.0.0."); at != std::string::npos; at = text.find("10.0.0.")) text.erase(at, 7);
  return text;
}

/// The paths from the root to each destination, found by children alone.
std::vector<std::vector<NodeId>> paths_in(const PathTree& tree) {
  struct Open {
    PathTree::View view;
    std::vector<NodeId> path;
  };
  std::vector<std::vector<NodeId>> paths;
  std::vector<Open> open;
  if (!tree.empty()) open.push_back({tree.subtree(0), {tree.root().node}});
  while (!open.empty()) {
    const Open here = open.back();
    open.pop_back();
    if (here.view.front().destination) paths.push_back(here.path);
    for (const PathTree::View child : children_of(here.view)) {
      open.push_back({child, here.path});
      open.back().path.push_back(child.front().node);
    }
  }
  return paths;
}

TEST_CASE("two paths share what they have in common and diverge once") {
  const std::vector<std::vector<NodeId>> paths = {
      {node("10.0.0.10"), node("10.0.0.1"), node("10.0.2.2"), node("10.0.4.20")},
      {node("10.0.0.10"), node("10.0.0.1"), node("10.0.1.2"), node("10.0.3.20")},
  };
  const PathTree tree = multicast_path(paths);
  CHECK(to_string(tree) == "[10.0.0.10, 10.0.0.1, [[10.0.2.2, 10.0.4.20], [10.0.1.2, 10.0.3.20]]]");
  CHECK(tree.destinations() == std::vector{node("10.0.4.20"), node("10.0.3.20")});
  CHECK(tree.valid());
}

TEST_CASE("multicast_path nests as the paths do") {
  CHECK(short_text(tree_of({})) == "[]");
  CHECK(short_text(tree_of({nodes(1)})) == "[1]");
  CHECK(short_text(tree_of({nodes(1, 2, 3)})) == "[1, 2, 3]");
  CHECK(short_text(tree_of({nodes(1, 2), nodes(1, 3), nodes(1, 4)})) == "[1, [[2], [3], [4]]]");
  CHECK(short_text(tree_of({nodes(1, 2, 3), nodes(1, 2, 4, 5), nodes(1, 2, 4, 6), nodes(1, 7)})) ==
        "[1, [[2, [[3], [4, [[5], [6]]]]], [7]]]");
  CHECK(short_text(tree_of({nodes(1, 2, 3, 4, 5), nodes(1, 2, 3, 4, 6), nodes(1, 7, 8), nodes(1, 7, 9)})) ==
        "[1, [[2, 3, 4, [[5], [6]]], [7, [[8], [9]]]]]");
}

TEST_CASE("branches stand in order of first appearance") {
  CHECK(short_text(tree_of({nodes(1, 9), nodes(1, 2, 3), nodes(1, 5), nodes(1, 2, 4)})) ==
        "[1, [[9], [2, [[3], [4]]], [5]]]");
}

TEST_CASE("a destination may be a relay of others") {
  for (const auto& tree : {tree_of({nodes(1, 2), nodes(1, 2, 3)}), tree_of({nodes(1, 2, 3), nodes(1, 2)})}) {
    CHECK(short_text(tree) == "[1, 2, 3]");
    CHECK(tree.destinations() == nodes(2, 3));
    CHECK(tree.valid());
  }
  CHECK(tree_of({nodes(1, 2, 3)}).destinations() == nodes(3));
  CHECK(tree_of({nodes(1), nodes(1, 2)}).destinations() == nodes(1, 2));
}

TEST_CASE("a path listed twice, and an empty one, change nothing") {
  CHECK(tree_of({{}, nodes(1, 2, 3), {}, nodes(1, 2, 3)}) == tree_of({nodes(1, 2, 3)}));
  CHECK(tree_of({{}}).empty());
}

TEST_CASE("a node that two paths reach by different ways is in the tree once") {
  const PathTree tree = tree_of({nodes(1, 2, 4, 5), nodes(1, 3, 4, 6)});
  CHECK(short_text(tree) == "[1, [[2, 4, [[5], [6]]], [3]]]");
  CHECK(tree.valid());
}

TEST_CASE("a child's subtree is a tree by itself") {
  const PathTree tree = tree_of({nodes(1, 2, 3), nodes(1, 2, 4), nodes(1, 5), nodes(1, 6, 7)});
  std::vector<std::string> below;
  for (const PathTree::View child : tree.children()) {
    const PathTree part{{child.begin(), child.end()}};
    CHECK(part.valid());
    below.push_back(short_text(part));
  }
  CHECK(below == std::vector<std::string>{"[2, [[3], [4]]]", "[5]", "[6, 7]"});

  const auto at_6 = tree.find(node(6));
  REQUIRE(at_6);
  CHECK(tree.subtree(*at_6).size() == 2);
  CHECK((*tree.children(*at_6).begin()).front().node == node(7));
  CHECK(tree.children(*tree.find(node(7))).empty());
  CHECK_FALSE(tree.find(node(8)));
}

TEST_CASE("what a peer sends is a tree only if sizes nest exactly and no node is there twice") {
  const auto make = [](std::vector<std::pair<unsigned, std::uint32_t>> entries) {
    PathTree tree;
    for (const auto& [number, size] : entries) tree.entries.push_back({node(number), size, false});
    return tree.valid();
  };
  CHECK(make({{1, 1}}));
  CHECK(make({{1, 4}, {2, 2}, {3, 1}, {4, 1}}));
  CHECK_FALSE(make({}));
  CHECK_FALSE(make({{1, 0}}));
  CHECK_FALSE(make({{1, 2}}));
  CHECK_FALSE(make({{1, 1}, {2, 1}}));                  // two roots
  CHECK_FALSE(make({{1, 3}, {2, 3}, {3, 1}}));          // a child larger than its parent leaves room for
  CHECK_FALSE(make({{1, 4}, {2, 2}, {3, 2}, {4, 1}}));  // a subtree that ends after its parent's
  CHECK_FALSE(make({{1, 3}, {2, 0}, {3, 1}}));          // an empty subtree
  CHECK_FALSE(make({{1, 3}, {2, 1}, {2, 1}}));          // siblings that are one node
  CHECK_FALSE(make({{1, 3}, {2, 2}, {1, 1}}));          // a loop
  CHECK_FALSE(make({{1, 2}, {2, 0xFFFF'FFFF}}));
}

TEST_CASE("a chain and a caterpillar of ten thousand nodes are trees like others") {
  constexpr unsigned kDepth = 10'000;
  PathTree chain;
  PathTree caterpillar;  // each node of the spine diverges into a leaf and the rest
  for (unsigned i = 0; i < kDepth; ++i) {
    chain.entries.push_back({node(i), kDepth - i, false});
    caterpillar.entries.push_back({node(i), 2 * (kDepth - i), false});
    caterpillar.entries.push_back({node(kDepth + i), 1, true});
  }
  CHECK(chain.valid());
  CHECK(caterpillar.valid());
  CHECK(caterpillar.destinations().size() == kDepth);

  const std::string text = to_string(caterpillar);
  CHECK(std::count(text.begin(), text.end(), '[') == 1 + 3 * (kDepth - 1));
  CHECK(std::count(text.begin(), text.end(), ']') == std::count(text.begin(), text.end(), '['));
  CHECK(text.ends_with("]]]]]"));

  std::vector<NodeId> path;
  for (unsigned i = 0; i < kDepth; ++i) path.push_back(node(i));
  const PathTree merged = multicast_path(std::vector<std::vector<NodeId>>{path});
  CHECK(merged.valid());
  CHECK(merged.entries.size() == kDepth);
}

TEST_CASE("whatever paths a tree is made of, they are the paths in it") {
  const unsigned seed = GENERATE(range(1U, 101U));
  CAPTURE(seed);
  test::Random random(seed);
  // A random tree by parents, and the paths from its root to some of its nodes.
  const unsigned count = 1 + random.below(40);
  std::vector<std::vector<NodeId>> path_to = {nodes(0)};
  for (unsigned i = 1; i < count; ++i) {
    path_to.push_back(path_to[random.below(i)]);
    path_to.back().push_back(node(i));
  }
  std::shuffle(path_to.begin(), path_to.end(), random.engine);
  path_to.resize(1 + random.below(count));

  const PathTree tree = multicast_path(path_to);
  CHECK(tree.valid());
  auto found = paths_in(tree);
  std::sort(found.begin(), found.end());
  std::sort(path_to.begin(), path_to.end());
  CHECK(found == path_to);
}

}  // namespace
}  // namespace ott
