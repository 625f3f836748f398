#include "ott/graph.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>

#include "core/shortest_paths.h"
#include "nodes.h"

namespace ott {
namespace {

using test::node;
using test::nodes;
using test::Random;
using test::text;
using Links = std::map<std::pair<unsigned, unsigned>, std::uint32_t>;  // smaller number first
constexpr std::uint64_t kFar = 1U << 30;

Graph graph_of(std::initializer_list<std::array<unsigned, 3>> links) {
  Graph graph;
  for (const auto& [a, b, cost] : links) graph.add_link(node(a), node(b), cost);
  return graph;
}

Graph classic_overlay() {
  Graph graph;
  for (const auto& [a, b] : {std::pair{"10.0.0.10", "10.0.0.1"},
                             {"10.0.0.1", "10.0.1.2"},
                             {"10.0.0.1", "10.0.2.2"},
                             {"10.0.1.2", "10.0.3.20"},
                             {"10.0.2.2", "10.0.4.20"}}) {
    graph.add_link(node(a), node(b));
  }
  return graph;
}

TEST_CASE("the classic example has the classic results") {
  const Graph graph = classic_overlay();
  const std::vector dests = {node("10.0.4.20"), node("10.0.3.20")};
  const auto list = graph.multicast_path_list(node("10.0.0.10"), dests);
  CHECK(text(list) ==
        "[[10.0.0.10, 10.0.0.1, 10.0.2.2, 10.0.4.20], [10.0.0.10, 10.0.0.1, 10.0.1.2, 10.0.3.20]]");
  CHECK(to_string(multicast_path(list)) ==
        "[10.0.0.10, 10.0.0.1, [[10.0.2.2, 10.0.4.20], [10.0.1.2, 10.0.3.20]]]");
  CHECK(text(graph.shortest_path(node("10.0.3.20"), node("10.0.0.10"))) ==
        "[10.0.3.20, 10.0.1.2, 10.0.0.1, 10.0.0.10]");
  for (const auto policy : {TreePolicy::Shortest, TreePolicy::Shared}) {
    CHECK(to_string(multicast_tree(graph, node("10.0.0.10"), dests, policy)) ==
          "[10.0.0.10, 10.0.0.1, [[10.0.1.2, 10.0.3.20], [10.0.2.2, 10.0.4.20]]]");
  }
}

TEST_CASE("one destination needs no divergence") {
  const Graph graph = classic_overlay();
  const std::vector dests = {node("10.0.3.20")};
  CHECK(to_string(multicast_tree(graph, node("10.0.0.10"), dests)) ==
        "[10.0.0.10, 10.0.0.1, 10.0.1.2, 10.0.3.20]");
}

TEST_CASE("a path to itself is the source alone, and there is none to or from a stranger") {
  const Graph graph = graph_of({{1, 2, 1}, {3, 4, 1}});
  CHECK(graph.shortest_path(node(1), node(1)) == nodes(1));
  CHECK(graph.shortest_path(node(1), node(3)).empty());
  CHECK(graph.shortest_path(node(1), node(9)).empty());
  CHECK(graph.shortest_path(node(9), node(1)).empty());
  CHECK(graph.shortest_path(node(9), node(9)).empty());
}

TEST_CASE(
    "a path list keeps the order asked for, each destination once, and leaves out who is out of reach") {
  const Graph graph = graph_of({{1, 2, 1}, {2, 3, 1}, {8, 9, 1}});
  CHECK(text(graph.multicast_path_list(node(1), nodes(3, 9, 2, 3, 77, 1, 2))) ==
        text({nodes(1, 2, 3), nodes(1, 2), nodes(1)}));
  CHECK(graph.multicast_path_list(node(77), nodes(1, 77)).empty());
  CHECK(graph.multicast_path_list(node(1), {}).empty());
}

TEST_CASE("hops count while all links cost one, and the sum of costs otherwise") {
  Graph graph = graph_of({{1, 2, 1}, {2, 3, 1}, {3, 4, 1}, {1, 4, 1}});
  CHECK(graph.shortest_path(node(1), node(4)) == nodes(1, 4));
  graph.add_link(node(1), node(4), 4);
  CHECK_FALSE(graph.all_costs_are_one());
  CHECK(graph.shortest_path(node(1), node(4)) == nodes(1, 2, 3, 4));
  CHECK(graph.shortest_path(node(4), node(1)) == nodes(4, 3, 2, 1));
  graph.add_link(node(4), node(1), 1);
  CHECK(graph.all_costs_are_one());
  CHECK(graph.shortest_path(node(1), node(4)) == nodes(1, 4));
}

TEST_CASE("the greatest costs add up without wrapping") {
  const Graph graph =
      graph_of({{1, 2, 0xFFFF'FFFF}, {2, 3, 0xFFFF'FFFF}, {1, 4, 0xFFFF'FFFF}, {4, 3, 0xFFFF'FFFE}});
  CHECK(graph.shortest_path(node(1), node(3)) == nodes(1, 4, 3));
}

TEST_CASE("among equal ways a node is reached through its neighbour with the smallest NodeId") {
  CHECK(graph_of({{1, 3, 1}, {3, 4, 1}, {1, 2, 1}, {2, 4, 1}}).shortest_path(node(1), node(4)) ==
        nodes(1, 2, 4));
  // The rule is local to the last node: 5 has the choice of 3 and 4, whatever lies before them.
  const Graph late = graph_of({{1, 2, 1}, {2, 4, 1}, {1, 6, 1}, {6, 3, 1}, {3, 5, 1}, {4, 5, 1}});
  CHECK(late.shortest_path(node(1), node(5)) == nodes(1, 6, 3, 5));
  const Graph by_cost = graph_of({{1, 3, 2}, {3, 4, 2}, {1, 2, 3}, {2, 4, 1}, {1, 4, 4}});
  CHECK(by_cost.shortest_path(node(1), node(4)) == nodes(1, 4));
  CHECK(graph_of({{8, 3, 2}, {3, 4, 2}, {8, 2, 3}, {2, 4, 1}}).shortest_path(node(8), node(4)) ==
        nodes(8, 2, 4));
}

TEST_CASE("trees diverge three ways, nested, and through destinations that relay") {
  const Graph graph = graph_of({{1, 2, 1}, {2, 3, 1}, {2, 4, 1}, {2, 5, 1}, {4, 6, 1}, {4, 7, 1}, {7, 8, 1}});
  const PathTree tree = multicast_tree(graph, node(1), nodes(8, 5, 4, 3, 6));
  CHECK(tree == multicast_path(graph.multicast_path_list(node(1), nodes(3, 4, 6, 8, 5))));
  CHECK(to_string(tree) ==
        "[10.0.0.1, 10.0.0.2, [[10.0.0.3], [10.0.0.4, [[10.0.0.6], [10.0.0.7, 10.0.0.8]]], [10.0.0.5]]]");
  CHECK(tree.destinations() == nodes(3, 4, 6, 8, 5));
}

TEST_CASE("a tree to nobody is its root, and there is none from a stranger") {
  const Graph graph = graph_of({{1, 2, 1}, {3, 4, 1}});
  for (const auto policy : {TreePolicy::Shortest, TreePolicy::Shared}) {
    CHECK(to_string(multicast_tree(graph, node(1), {}, policy)) == "[10.0.0.1]");
    CHECK(to_string(multicast_tree(graph, node(1), nodes(3, 9), policy)) == "[10.0.0.1]");
    CHECK(multicast_tree(graph, node(1), nodes(1), policy).destinations() == nodes(1));
    CHECK(multicast_tree(graph, node(9), nodes(1, 9), policy).empty());
  }
}

TEST_CASE("the shared tree uses fewer links where the shortest ways have none in common") {
  // Three clients at two hops each over a relay of their own; 5-6-7 links them in a row.
  const Graph graph =
      graph_of({{1, 2, 1}, {1, 3, 1}, {1, 4, 1}, {2, 5, 1}, {3, 6, 1}, {4, 7, 1}, {5, 6, 1}, {6, 7, 1}});
  CHECK(multicast_tree(graph, node(1), nodes(5, 6, 7)).entries.size() - 1 == 6);
  const PathTree shared = multicast_tree(graph, node(1), nodes(5, 6, 7), TreePolicy::Shared);
  CHECK(shared.entries.size() - 1 == 4);
  CHECK(shared.valid());
}

TEST_CASE("nodes and links come and go") {
  Graph graph;
  CHECK(graph.add_node(node(1)));
  CHECK_FALSE(graph.add_node(node(1)));
  CHECK(graph.add_link(node(1), node(2)));
  CHECK_FALSE(graph.add_link(node(2), node(1)));
  CHECK(graph.add_link(node(2), node(1), 5));
  CHECK(graph.link_cost(node(1), node(2)) == 5U);
  CHECK(graph.add_link(node(2), node(3)));
  CHECK(graph.node_count() == 3);
  CHECK(graph.link_count() == 2);

  CHECK(graph.remove_link(node(1), node(2)));
  CHECK_FALSE(graph.remove_link(node(1), node(2)));
  CHECK_FALSE(graph.remove_link(node(1), node(9)));
  CHECK(graph.vertex_of(node(1)));
  CHECK(graph.remove_node(node(2)));
  CHECK_FALSE(graph.remove_node(node(2)));
  CHECK(graph.node_count() == 2);
  CHECK(graph.link_count() == 0);
  CHECK_FALSE(graph.link_cost(node(2), node(3)));

  graph.add_link(node(3), node(2));  // it comes back, without its old links
  CHECK(graph.shortest_path(node(3), node(2)) == nodes(3, 2));
  CHECK(graph.shortest_path(node(3), node(1)).empty());
}

TEST_CASE("a path follows each change, although paths from one source are remembered") {
  Graph graph = graph_of({{1, 2, 1}, {2, 3, 1}});
  const auto path = [&graph] { return graph.shortest_path(node(1), node(3)); };
  CHECK(path() == nodes(1, 2, 3));
  graph.add_link(node(1), node(3), 1);
  CHECK(path() == nodes(1, 3));
  graph.add_link(node(1), node(3), 9);
  CHECK(path() == nodes(1, 2, 3));
  const Graph before = graph;
  graph.remove_link(node(1), node(2));
  CHECK(path() == nodes(1, 3));
  CHECK(before.shortest_path(node(1), node(3)) == nodes(1, 2, 3));
  graph.add_node(node(4));
  CHECK(graph.shortest_path(node(1), node(4)).empty());
  graph.remove_node(node(3));
  CHECK(path().empty());
  CHECK(graph.shortest_path(node(4), node(1)).empty());
}

TEST_CASE("removed nodes and links leave nothing behind") {
  Graph graph = graph_of({{1, 2, 1}, {1, 3, 1}});
  const std::size_t vertices = graph.vertex_limit() + 1;
  for (unsigned i = 0; i < 100; ++i) {
    graph.add_link(node(1), node(100 + i), 5);
    graph.add_link(node(2), node(100 + i), 1);
    CHECK_FALSE(graph.all_costs_are_one());
    if (i % 2 == 0) graph.remove_link(node(1), node(100 + i));
    graph.remove_node(node(100 + i));
    CHECK(graph.all_costs_are_one());
  }
  CHECK(graph.vertex_limit() == vertices);
  CHECK(graph.link_count() == 2);
}

TEST_CASE("a chain of ten thousand nodes has a path and a tree from end to end") {
  constexpr unsigned kCount = 10'000;
  Graph graph;
  for (unsigned i = 1; i < kCount; ++i) graph.add_link(node(i - 1), node(i));
  CHECK(graph.shortest_path(node(0), node(kCount - 1)).size() == kCount);
  for (const auto policy : {TreePolicy::Shortest, TreePolicy::Shared}) {
    const PathTree tree = multicast_tree(graph, node(0), nodes(kCount - 1, kCount / 2), policy);
    CHECK(tree.entries.size() == kCount);
    CHECK(tree.valid());
  }
}

// Against an oracle that shares nothing with the implementation: distances by Floyd and Warshall, the best
// Steiner tree by trying everything (Dreyfus and Wagner).

struct RandomOverlay {
  unsigned count;
  Links links;
  std::vector<std::vector<std::uint64_t>> distance;

  RandomOverlay(Random& random, unsigned node_max, std::uint32_t cost_max)
      : count(2 + random.below(node_max - 1)) {
    const unsigned link_tries = random.below(3 * count);
    for (unsigned i = 0; i < link_tries; ++i) {
      const unsigned a = random.below(count);
      const unsigned b = random.below(count);
      if (a != b) links[std::minmax(a, b)] = 1 + random.below(cost_max);
    }
    measure();
  }

  [[nodiscard]] std::uint64_t cost(unsigned a, unsigned b) const {
    const auto link = links.find(std::minmax(a, b));
    return link == links.end() ? kFar : link->second;
  }

  void measure() {
    distance.assign(count, std::vector<std::uint64_t>(count, kFar));
    for (unsigned a = 0; a < count; ++a) {
      for (unsigned b = 0; b < count; ++b) distance[a][b] = a == b ? 0 : cost(a, b);
    }
    for (unsigned via = 0; via < count; ++via) {
      for (unsigned a = 0; a < count; ++a) {
        for (unsigned b = 0; b < count; ++b) {
          distance[a][b] = std::min(distance[a][b], distance[a][via] + distance[via][b]);
        }
      }
    }
  }

  [[nodiscard]] std::vector<NodeId> path(unsigned src, unsigned dst) const {
    if (distance[src][dst] >= kFar) return {};
    std::vector<NodeId> reversed = {node(dst)};
    while (dst != src) {
      unsigned before = 0;  // numbers are in order of NodeId: the first that fits is the smallest
      while (distance[src][before] + cost(before, dst) != distance[src][dst]) ++before;
      dst = before;
      reversed.push_back(node(dst));
    }
    return {reversed.rbegin(), reversed.rend()};
  }

  [[nodiscard]] std::uint64_t least_tree_cost(unsigned src, const std::vector<unsigned>& dests) const {
    if (dests.empty()) return 0;
    const std::size_t all = (std::size_t{1} << dests.size()) - 1;
    std::vector best(all + 1, std::vector<std::uint64_t>(count, kFar));  // [set][node where its tree hangs]
    for (std::size_t i = 0; i < dests.size(); ++i) best[std::size_t{1} << i] = distance[dests[i]];
    for (std::size_t set = 1; set <= all; ++set) {
      std::vector<std::uint64_t> joined = best[set];
      for (std::size_t part = (set - 1) & set; part > 0; part = (part - 1) & set) {
        for (unsigned v = 0; v < count; ++v) {
          joined[v] = std::min(joined[v], best[part][v] + best[set ^ part][v]);
        }
      }
      for (unsigned v = 0; v < count; ++v) {
        for (unsigned u = 0; u < count; ++u) {
          best[set][v] = std::min(best[set][v], joined[u] + distance[u][v]);
        }
      }
    }
    return best[all][src];
  }

  /// The same overlay, whatever was in it before and in which order it came.
  [[nodiscard]] Graph graph(Random& random) const {
    Graph graph;
    std::vector<std::pair<std::pair<unsigned, unsigned>, std::uint32_t>> order(links.begin(), links.end());
    std::shuffle(order.begin(), order.end(), random.engine);
    for (unsigned i = 0; i < 10; ++i) graph.add_link(node(random.below(count)), node(1000 + i), 1 + i);
    for (const auto& [ends, cost] : order) {
      const bool turned = random.below(2) != 0;
      graph.add_link(node(turned ? ends.second : ends.first), node(turned ? ends.first : ends.second), cost);
      if (random.below(8) == 0) graph.remove_node(node(random.below(count)));
    }
    for (unsigned i = 0; i < 10; ++i) graph.remove_node(node(1000 + i));
    for (unsigned i = 0; i < count; ++i) graph.add_node(node(i));
    for (const auto& [ends, cost] : order) graph.add_link(node(ends.first), node(ends.second), cost);
    return graph;
  }
};

/// Links that all cost the same, cheap ones, and such that few paths cost less than 64.
std::uint32_t highest_cost(unsigned seed) { return std::array{1U, 9U, 500U}[seed % 3]; }

std::vector<unsigned> some_of(Random& random, unsigned count, unsigned wanted) {
  std::vector<unsigned> numbers;
  for (unsigned i = 0; i < wanted; ++i) numbers.push_back(random.below(count));
  return numbers;
}

std::vector<NodeId> as_nodes(const std::vector<unsigned>& numbers) {
  std::vector<NodeId> list;
  for (const unsigned number : numbers) list.push_back(node(number));
  return list;
}

struct TreeFacts {
  std::uint64_t cost = 0;
  bool links_exist = true;
  bool leaves_are_destinations = true;
  bool siblings_in_order = true;
};

TreeFacts facts_of(const PathTree& tree, const Graph& graph) {
  TreeFacts facts;
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    const PathTree::Entry& entry = tree.entries[i];
    if (entry.subtree_size == 1 && i > 0) facts.leaves_are_destinations &= entry.destination;
    std::optional<NodeId> elder;
    for (const PathTree::View child : tree.children(i)) {
      const NodeId& id = child.front().node;
      facts.siblings_in_order &= !elder || *elder < id;
      elder = id;
      const auto cost = graph.link_cost(entry.node, id);
      facts.links_exist &= cost.has_value();
      facts.cost += cost.value_or(0);
    }
  }
  return facts;
}

TEST_CASE("paths are those of the oracle, whatever the graph went through") {
  const unsigned seed = GENERATE(range(1U, 201U));
  CAPTURE(seed);
  Random random(seed);
  const RandomOverlay overlay(random, 14, seed % 2 == 0 ? 1 : 4);
  const Graph graph = overlay.graph(random);
  REQUIRE(graph.node_count() == overlay.count);
  REQUIRE(graph.link_count() == overlay.links.size());
  for (unsigned src = 0; src < overlay.count; ++src) {
    for (unsigned dst = 0; dst < overlay.count; ++dst) {
      const auto path = graph.shortest_path(node(src), node(dst));
      if (path != overlay.path(src, dst))
        FAIL_CHECK(text(path) << " is not " << text(overlay.path(src, dst)));
    }
  }
}

TEST_CASE("the shortest tree is the union of the shortest paths") {
  const unsigned seed = GENERATE(range(1U, 201U));
  CAPTURE(seed);
  Random random(seed);
  const RandomOverlay overlay(random, 30, seed % 2 == 0 ? 1 : 4);
  const Graph graph = overlay.graph(random);
  auto dests = as_nodes(some_of(random, overlay.count, 1 + random.below(10)));
  const PathTree tree = multicast_tree(graph, node(0), dests);
  CHECK(tree.valid());
  CHECK(facts_of(tree, graph).siblings_in_order);

  PathTree merged = multicast_path(graph.multicast_path_list(node(0), dests));
  if (merged.empty()) merged.entries.push_back({node(0)});
  auto ordered = tree.entries;
  std::sort(ordered.begin(), ordered.end());
  std::sort(merged.entries.begin(), merged.entries.end());
  CHECK(ordered == merged.entries);

  std::shuffle(dests.begin(), dests.end(), random.engine);
  CHECK(multicast_tree(overlay.graph(random), node(0), dests) == tree);
}

TEST_CASE("the shared tree reaches the same, at no more than the shortest tree's cost and near the least") {
  const unsigned seed = GENERATE(range(1U, 151U));
  CAPTURE(seed);
  Random random(seed);
  const RandomOverlay overlay(random, 24, highest_cost(seed));
  const Graph graph = overlay.graph(random);
  auto dests = as_nodes(some_of(random, overlay.count, 1 + random.below(6)));
  const PathTree shortest = multicast_tree(graph, node(0), dests);
  const PathTree shared = multicast_tree(graph, node(0), dests, TreePolicy::Shared);
  CHECK(shared.valid());
  CHECK(shared.root().node == node(0));
  const TreeFacts facts = facts_of(shared, graph);
  CHECK(facts.links_exist);
  CHECK(facts.leaves_are_destinations);
  CHECK(facts.siblings_in_order);

  auto reached = shared.destinations();
  auto wanted = shortest.destinations();
  std::sort(reached.begin(), reached.end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(reached == wanted);

  std::vector<unsigned> reachable;
  for (unsigned i = 0; i < overlay.count; ++i) {
    if (std::binary_search(wanted.begin(), wanted.end(), node(i))) reachable.push_back(i);
  }
  const std::uint64_t least = overlay.least_tree_cost(0, reachable);
  CHECK(facts.cost <= facts_of(shortest, graph).cost);
  CHECK(facts.cost >= least);
  CHECK(facts.cost <= least + least / 4);

  std::shuffle(dests.begin(), dests.end(), random.engine);
  CHECK(multicast_tree(overlay.graph(random), node(0), dests, TreePolicy::Shared) == shared);
}

TEST_CASE("on small overlays the shared tree is mostly the best there is") {
  std::uint64_t least_total = 0;
  std::uint64_t shared_total = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const RandomOverlay overlay(random, 40, highest_cost(seed));
    const Graph graph = overlay.graph(random);
    std::vector<unsigned> dests;
    for (const unsigned dest : some_of(random, overlay.count, 7)) {
      if (overlay.distance[0][dest] < kFar) dests.push_back(dest);
    }
    least_total += overlay.least_tree_cost(0, dests);
    shared_total += facts_of(multicast_tree(graph, node(0), as_nodes(dests), TreePolicy::Shared), graph).cost;
  }
  CAPTURE(shared_total, least_total);
  CHECK(100 * shared_total <= 101 * least_total);
}

/// Links come, go and change their costs, each way for itself.
void change_some_links(Graph& graph, unsigned nodes, unsigned changes, Random& random) {
  for (unsigned i = 0; i < changes; ++i) {
    const NodeId a = node(random.below(nodes));
    const NodeId b = node(random.below(nodes));
    if (a == b) continue;
    if (!graph.link_cost(a, b)) {
      graph.add_link(a, b, 1 + random.below(9));
    } else if (random.below(3) == 0) {
      graph.remove_link(a, b);
    } else {
      graph.set_cost(*graph.vertex_of(a), *graph.vertex_of(b), 1 + random.below(9));
    }
  }
}

TEST_CASE("ways that are brought up to date are those that a search finds") {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    const unsigned nodes = 2 + random.below(40);
    Graph graph;
    for (unsigned i = 0; i < nodes; ++i) graph.add_node(node(i));
    change_some_links(graph, nodes, nodes * 3, random);
    FavouredLinks favoured = favoured_links(graph, {}, 50);
    auto paths = paths_from(graph, node(0), &favoured);
    for (int step = 0; step < 5; ++step) {
      const std::uint64_t before = graph.edition();
      change_some_links(graph, nodes, random.below(6), random);
      auto changed = graph.changed_since(before).value();
      for (unsigned i = 0; i < nodes; ++i) {  // other links are favoured, too
        if (random.below(8) != 0) continue;
        const Graph::Vertex above = random.below(nodes);
        for (const Graph::Vertex each : {favoured.above[i], above}) {
          if (each != Graph::kNoVertex) changed.push_back({each, i});
        }
        favoured.above[i] = above;
      }
      paths = paths_from(graph, node(0), favoured, *paths, changed);
      const auto expected = paths_from(graph, node(0), &favoured);
      CHECK(paths->distance == expected->distance);
      CHECK(paths->parent == expected->parent);
    }
  }
}

TEST_CASE("a graph tells which links have changed, as far back as it can") {
  Graph graph = graph_of({{0, 1, 1}, {1, 2, 1}});
  const std::uint64_t first = graph.edition();
  CHECK(graph.changed_since(first).value().empty());
  graph.set_cost(*graph.vertex_of(node(0)), *graph.vertex_of(node(1)), 1);  // as before
  CHECK(graph.edition() == first);
  graph.add_link(node(0), node(2), 5);
  graph.remove_link(node(0), node(1));
  CHECK(graph.changed_since(first).value().size() >= 2);
  for (std::uint32_t cost = 2; graph.changed_since(first); ++cost) {
    REQUIRE(cost < 10'000);
    graph.add_link(node(1), node(2), cost);
  }
  const std::uint64_t later = graph.edition();
  CHECK(graph.changed_since(later).value().empty());
  graph.add_node(node(3));
  CHECK_FALSE(graph.changed_since(later));
}

TEST_CASE("a node that comes late takes its place in the order that decides between equal ways") {
  Graph graph;
  for (const unsigned by : {7U, 5U, 9U}) {
    graph.add_link(node(1), node(by));
    graph.add_link(node(by), node(20));
  }
  CHECK(graph.shortest_path(node(1), node(20)) == nodes(1, 5, 20));
  graph.add_link(node(1), node(3));
  graph.add_link(node(3), node(20));
  CHECK(graph.shortest_path(node(1), node(20)) == nodes(1, 3, 20));
  graph.remove_node(node(3));
  graph.remove_node(node(5));
  CHECK(graph.shortest_path(node(1), node(20)) == nodes(1, 7, 20));
  graph.add_link(node(1), node(6));
  graph.add_link(node(6), node(20));
  CHECK(graph.shortest_path(node(1), node(20)) == nodes(1, 6, 20));
  CHECK(graph.ranks().at(*graph.vertex_of(node(6))) < graph.ranks().at(*graph.vertex_of(node(7))));
}

TEST_CASE("on large overlays, too, the shared tree costs no more than the shortest") {
  for (unsigned seed = 1; seed <= 70; ++seed) {
    Random random(seed);
    Graph graph;
    constexpr unsigned kCount = 800;
    for (unsigned i = 1; i < kCount; ++i) {
      graph.add_link(node(i), node(random.below(i)), 1 + random.below(9));
      const unsigned other = random.below(kCount);
      if (other != i) graph.add_link(node(i), node(other), 1 + random.below(9));
    }
    const auto dests = as_nodes(some_of(random, kCount, 5));
    const std::uint64_t shortest = facts_of(multicast_tree(graph, node(0), dests), graph).cost;
    const PathTree shared = multicast_tree(graph, node(0), dests, TreePolicy::Shared);
    CAPTURE(seed);
    CHECK(facts_of(shared, graph).cost <= shortest);
  }
}

}  // namespace
}  // namespace ott
