#include "ott/tracker.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "random_messages.h"

namespace ott {
namespace {

using test::node;
using test::nodes;

PathTree tree_of(const std::vector<std::vector<NodeId>>& paths) { return multicast_path(paths); }

std::optional<Tracker> round_trip(const Tracker& tracker) {
  std::vector<std::uint8_t> bytes;
  Writer out(bytes);
  write(out, tracker);
  Reader in(bytes);
  Tracker back;
  read(in, back);
  return in.ok() ? std::optional(back) : std::nullopt;
}

TEST_CASE("each branch carries its own subtree, a hop more, and where it has been") {
  Tracker tracker = Tracker::along(tree_of({nodes(1, 2, 3), nodes(1, 2, 4), nodes(1, 5)}));
  tracker.hops = 7;
  tracker.visited = nodes(9);
  const std::vector<Branch> branches = split(tracker);
  REQUIRE(branches.size() == 2);
  CHECK(branches[0].next == node(2));
  CHECK(branches[0].tracker.path == tree_of({nodes(2, 3), nodes(2, 4)}));
  CHECK(branches[1].next == node(5));
  CHECK(branches[1].tracker.path == tree_of({nodes(5)}));
  for (const Branch& branch : branches) {
    CHECK(branch.tracker.hops == 8);
    CHECK(branch.tracker.visited == nodes(9, 1));
    CHECK_FALSE(branch.tracker.flood);
  }
  CHECK(split(branches[1].tracker).empty());
}

TEST_CASE("a node on the way is a destination only if it is named as one") {
  Tracker tracker = Tracker::along(tree_of({nodes(1, 2, 3), nodes(1, 2)}));
  CHECK_FALSE(tracker.for_here());
  tracker = split(tracker).front().tracker;
  CHECK(tracker.for_here());  // the relay 2
  tracker = split(tracker).front().tracker;
  CHECK(tracker.for_here());
  CHECK_FALSE(Tracker::everywhere().for_here());
}

TEST_CASE("hops stay at their largest rather than wrap") {
  Tracker tracker = Tracker::everywhere();
  tracker.hops = 0xFFFF;
  CHECK(flood(tracker, node(1), {}).tracker.hops == 0xFFFF);
  tracker = Tracker::along(tree_of({nodes(1, 2)}));
  tracker.hops = 0xFFFF;
  CHECK(split(tracker).front().tracker.hops == 0xFFFF);
}

TEST_CASE("a flood goes to the neighbours that it has not visited") {
  Tracker tracker = Tracker::everywhere();
  tracker.visited = nodes(4, 2);
  tracker.hops = 2;
  const FloodStep step = flood(tracker, node(1), nodes(2, 3, 4, 5));
  CHECK(step.next == nodes(3, 5));
  CHECK(step.tracker.visited == nodes(4, 2, 1));
  CHECK(step.tracker.hops == 3);
  CHECK(step.tracker.flood);
  CHECK(step.tracker.path.empty());
  CHECK(flood(tracker, node(1), nodes(1)).next.empty());  // not even to itself
}

TEST_CASE("split on the way reaches every destination once, in as many hops as it is deep") {
  const unsigned seed = GENERATE(range(1U, 101U));
  CAPTURE(seed);
  test::Random random(seed);
  const PathTree tree = test::any_path(random);
  std::vector<Branch> under_way = {{tree.root().node, Tracker::along(tree)}};
  std::vector<NodeId> reached;
  while (!under_way.empty()) {
    const Branch here = under_way.back();
    under_way.pop_back();
    REQUIRE(here.tracker.path.valid());
    REQUIRE(here.tracker.path.root().node == here.next);
    REQUIRE(round_trip(here.tracker) == here.tracker);
    REQUIRE(here.tracker.visited.size() == here.tracker.hops);
    if (here.tracker.for_here()) reached.push_back(here.next);
    for (Branch& branch : split(here.tracker)) under_way.push_back(std::move(branch));
  }
  std::vector<NodeId> wanted = tree.destinations();
  std::sort(wanted.begin(), wanted.end());
  std::sort(reached.begin(), reached.end());
  CHECK(reached == wanted);
}

TEST_CASE("a flood in which each node passes on the first copy reaches all that can be reached") {
  const unsigned seed = GENERATE(range(1U, 51U));
  CAPTURE(seed);
  test::Random random(seed);
  const unsigned count = 2 + random.below(12);
  std::map<NodeId, std::vector<NodeId>> neighbours;
  for (unsigned i = 1; i < count; ++i) {
    for (const unsigned other : {random.below(i), random.below(i)}) {
      neighbours[node(i)].push_back(node(other));
      neighbours[node(other)].push_back(node(i));
    }
  }
  std::set<NodeId> handled = {node(0)};
  std::vector<std::pair<NodeId, Tracker>> under_way = {{node(0), Tracker::everywhere()}};
  while (!under_way.empty()) {
    const auto [here, tracker] = under_way.back();
    under_way.pop_back();
    const FloodStep step = flood(tracker, here, neighbours[here]);
    for (const NodeId& next : step.next) {
      REQUIRE_FALSE(step.tracker.has_visited(next));
      if (handled.insert(next).second) under_way.emplace_back(next, step.tracker);
    }
  }
  CHECK(handled.size() == count);
}

TEST_CASE("what a peer sends is a path that is a tree, or a flood without one") {
  CHECK(round_trip(Tracker::everywhere()));
  CHECK(round_trip(Tracker::along(tree_of({nodes(1, 2), nodes(1, 3)}))));
  Tracker both = Tracker::along(tree_of({nodes(1)}));
  both.flood = true;
  CHECK_FALSE(round_trip(both));
  CHECK_FALSE(round_trip(Tracker{}));  // neither
  Tracker twice;
  twice.path.entries = {{node(1), 3, false}, {node(2), 1, true}, {node(2), 1, true}};
  CHECK_FALSE(round_trip(twice));
  Tracker sizes;
  sizes.path.entries = {{node(1), 2, false}, {node(2), 2, true}};
  CHECK_FALSE(round_trip(sizes));
}

}  // namespace
}  // namespace ott
