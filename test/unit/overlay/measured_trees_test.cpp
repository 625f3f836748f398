#include "overlay/measured_trees.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "../core/nodes.h"
#include "overlay/way_report.h"

namespace ott {
namespace {

using test::node;
using Link = MeasuredTrees::Link;

/// An overlay whose links have facts. Node 1 is the origin.
class Overlay {
 public:
  void link(unsigned a, unsigned b, double rtt_ms) {
    set(a, b).rtt_us = set(b, a).rtt_us = static_cast<std::uint32_t>(rtt_ms * 1e3);
  }
  LinkFacts& set(unsigned from, unsigned to) { return facts_[from][to]; }
  void flood() {
    ++number_;
    for (const auto& [reporter, links] : facts_) {
      LinkState state;
      state.reporter = node(reporter);
      state.incarnation = 1;
      state.number = number_;
      for (const auto& [other, facts] : links) state.links.push_back({node(other), 1, facts});
      db.update(state);
    }
  }
  LinkStateDb db;

 private:
  std::map<unsigned, std::map<unsigned, LinkFacts>> facts_;
  std::uint64_t number_ = 0;
};

/// Two ways from 1 to 4: over 2 and over 3.
Overlay diamond(double over_2_ms, double over_3_ms) {
  Overlay overlay;
  overlay.link(1, 2, over_2_ms / 2);
  overlay.link(2, 4, over_2_ms / 2);
  overlay.link(1, 3, over_3_ms / 2);
  overlay.link(3, 4, over_3_ms / 2);
  overlay.flood();
  return overlay;
}

PathTree way(std::initializer_list<unsigned> over) {
  std::vector<NodeId> path = {node(1)};
  for (const unsigned each : over) path.push_back(node(each));
  path.push_back(node(4));
  return multicast_path(std::vector<std::vector<NodeId>>{path});
}

struct Stream {
  Metric metric = Metric::Latency;
  std::uint64_t viewers = 1;
  std::uint32_t kbps = 0;
  PathTree now{{{node(1), 1, false}}};
  bool left_out = false;
};

class Origin {
 public:
  explicit Origin(Overlay& overlay) : trees_(overlay.db, TreePolicy::Shortest) {}

  /// Gives each stream its tree, as an origin would.
  std::vector<MeasuredTrees::Placed> place(std::vector<Stream>& streams, std::vector<Link> avoided = {}) {
    std::vector<MeasuredTrees::Demand> demands;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      const Stream& s = streams[i];
      demands.push_back(
          {StreamId{i + 1}, s.metric, s.viewers, s.kbps, s.kbps, {node(4)}, &s.now, s.left_out});
    }
    auto placed = trees_.place(node(1), demands, avoided, now);
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].metric == Metric::Cost) continue;
      trees_.on_tree_changed(streams[i].now, placed[i].tree, now);
      streams[i].now = placed[i].tree;
      streams[i].left_out = !placed[i].left_out.empty();
    }
    return placed;
  }
  MonoTime now{std::chrono::hours(1)};

 private:
  MeasuredTrees trees_;
};

TEST_CASE(
    "by latency the way with the shorter round trips is taken, and left for one that is better by 15 %") {
  Overlay overlay = diamond(20, 24);
  Origin origin(overlay);
  std::vector<Stream> streams(1);
  origin.place(streams);
  CHECK(streams[0].now == way({2}));
  const auto becomes = [&](double over_2_ms) {
    overlay.link(1, 2, over_2_ms / 2);
    overlay.link(2, 4, over_2_ms / 2);
    overlay.flood();
    origin.place(streams);
    return streams[0].now;
  };
  CHECK(becomes(26) == way({2}));
  CHECK(becomes(29) == way({3}));
  CHECK(becomes(22) == way({3}));
  CHECK(becomes(18) == way({2}));
}

TEST_CASE(
    "a way is as long as the end says that measured it as longer, and an unmeasured one is a second long") {
  Overlay overlay = diamond(20, 60);
  Origin origin(overlay);
  std::vector<Stream> streams(1);
  origin.place(streams);
  overlay.set(2, 4).rtt_us = 1;  // it would attract streams
  overlay.set(4, 2).rtt_us = 90'000;
  overlay.flood();
  origin.place(streams);
  CHECK(streams[0].now == way({3}));
  overlay.set(3, 4).rtt_us = 0;
  overlay.flood();
  origin.place(streams);
  CHECK(streams[0].now == way({2}));
}

TEST_CASE("loss counts by quality, of the way that is sent, and not by latency") {
  for (const Metric metric : {Metric::Latency, Metric::Quality}) {
    Overlay overlay = diamond(20, 25);
    Origin origin(overlay);
    std::vector<Stream> streams(1);
    streams[0].metric = metric;
    overlay.set(4, 2).loss = 300;  // not on the way
    overlay.flood();
    origin.place(streams);
    CHECK(streams[0].now == way({2}));
    overlay.set(2, 4).loss = 300;
    overlay.flood();
    origin.place(streams);
    CHECK(streams[0].now == (metric == Metric::Quality ? way({3}) : way({2})));
  }
}

TEST_CASE("an avoided link is the last resort") {
  Overlay overlay = diamond(20, 500);
  Origin origin(overlay);
  std::vector<Stream> streams(1);
  origin.place(streams, {{node(4), node(2)}});
  CHECK(streams[0].now == way({3}));
  origin.place(streams, {{node(2), node(4)}, {node(1), node(3)}});
  CHECK_FALSE(streams[0].now.entries.empty());
}

/// Both streams were on the way over 2, which did not keep up.
Overlay crowded(std::uint32_t could_carry, std::uint32_t carries) {
  Overlay overlay = diamond(20, 22);
  overlay.set(2, 4).could_carry_kbps = could_carry;
  overlay.set(2, 4).carries_kbps = carries;
  overlay.flood();
  return overlay;
}

TEST_CASE("of two streams that do not fit on a link one is moved, and then both stay, whoever has more") {
  Overlay overlay = crowded(3'000, 3'000);
  Origin origin(overlay);
  std::vector<Stream> streams(2, {Metric::Quality, 1, 2'000, way({2})});
  streams[1].viewers = 3;
  const auto placed = origin.place(streams);
  CHECK(streams[0].now == way({3}));
  CHECK(streams[1].now == way({2}));
  CHECK(placed[0].crowded);
  CHECK_FALSE(placed[0].shared);
  CHECK_FALSE(placed[1].crowded);
  for (const std::uint64_t viewers : {1U, 7U}) {
    streams[0].viewers = viewers;
    overlay.set(2, 4).carries_kbps = 2'000;
    overlay.flood();
    origin.now += std::chrono::seconds(20);
    origin.place(streams);
    CHECK(streams[0].now == way({3}));
    CHECK(streams[1].now == way({2}));
  }
}

TEST_CASE("streams stay on a link that carries them all, if it could do so but for what measuring is worth") {
  for (const std::uint32_t could_carry : {3'900U, 3'500U}) {
    CAPTURE(could_carry);
    Overlay overlay = crowded(could_carry, 3'900);
    Origin origin(overlay);
    std::vector<Stream> streams(2, {Metric::Quality, 1, 2'000, way({2})});
    const auto placed = origin.place(streams);
    const bool stays = could_carry == 3'900;
    CHECK(placed[1].crowded.has_value() != stays);
    CHECK((streams[0].now == way({2}) && streams[1].now == way({2})) == stays);
  }
}

TEST_CASE("a stream by cost is in the way of others") {
  Overlay overlay = crowded(3'000, 3'000);
  Origin origin(overlay);
  std::vector<Stream> streams = {{Metric::Cost, 1, 2'000, way({2})}, {Metric::Quality, 9, 2'000, way({2})}};
  origin.place(streams);
  CHECK(streams[1].now == way({3}));
}

TEST_CASE("where links carry three of four streams, the one with the fewest viewers is left out") {
  Overlay overlay = crowded(4'500, 4'400);
  overlay.set(3, 4).could_carry_kbps = 3'000;
  overlay.flood();
  Origin origin(overlay);
  std::vector<Stream> streams(4, {Metric::Quality, 2, 2'000, way({2})});
  streams[2].viewers = 1;
  auto placed = origin.place(streams);
  CHECK(placed[2].left_out == std::vector<NodeId>{node(4)});
  CHECK(placed[2].tree.entries.size() == 1);
  for (const std::size_t i : {0U, 1U, 3U}) CHECK(placed[i].left_out.empty());
  // It stays so, also where all have as many.
  streams[2].viewers = 2;
  origin.now += std::chrono::seconds(20);
  placed = origin.place(streams);
  CHECK(streams[2].left_out);
  // Another has fewer.
  streams[0].viewers = 1;
  placed = origin.place(streams);
  CHECK(streams[0].left_out);
  CHECK_FALSE(streams[2].left_out);
}

TEST_CASE("a stream that fits nowhere goes where it spoils no other") {
  Overlay overlay = crowded(3'000, 3'000);
  overlay.set(3, 4).could_carry_kbps = 1'000;
  overlay.flood();
  Origin origin(overlay);
  std::vector<Stream> streams(2, {Metric::Quality, 1, 2'000, way({2})});
  const auto placed = origin.place(streams);
  CHECK(placed[0].left_out.empty());
  CHECK(placed[1].left_out.empty());
  CHECK(streams[0].now != streams[1].now);
}

TEST_CASE("streams of other origins count by what the link carries, once that has been said anew") {
  Overlay overlay = crowded(3'000, 3'000);
  Origin origin(overlay);
  std::vector<Stream> streams(2, {Metric::Quality, 1, 1'400, way({2})});
  origin.place(streams);
  CHECK(streams[0].now == way({2}));
  CHECK(streams[1].now == way({2}));
  // Another origin's is on it now.
  std::vector<Stream> one(1, {Metric::Quality, 1, 2'000, way({2})});
  overlay.set(2, 4).carries_kbps = 3'000;
  overlay.flood();
  const auto placed = origin.place(one);
  CHECK(placed[0].shared);
  CHECK(one[0].now == way({3}));
  // Ours has gone from it, which the other end has not said yet: nothing else follows from that.
  overlay.set(3, 4).could_carry_kbps = 3'000;
  overlay.set(3, 4).carries_kbps = 0;
  overlay.flood();
  origin.place(one);
  CHECK(one[0].now == way({3}));
}

/// Cost of the way to a node in a tree.
std::uint64_t cost_in(const Graph& graph, const PathTree& tree, const NodeId& node) {
  const std::vector<NodeId> way = way_in_tree(tree, node);
  std::uint64_t cost = 0;
  for (std::size_t i = 1; i < way.size(); ++i) cost += *graph.link_cost(way[i - 1], way[i]);
  return cost;
}

TEST_CASE("who joins or leaves changes nobody else's way, and has one that is at most the margin longer") {
  std::mt19937 random(7);
  const auto number = [&random](unsigned from, unsigned to) {
    return std::uniform_int_distribution<unsigned>(from, to)(random);
  };
  constexpr unsigned kNodes = 60;
  Overlay overlay;
  for (unsigned i = 2; i <= kNodes; ++i) {
    for (int k = 0; k < 3; ++k) overlay.link(i, number(1, i - 1), number(2, 80));
  }
  overlay.flood();
  const Graph& graph = overlay.db.graph(Metric::Latency);
  MeasuredTrees trees(overlay.db, TreePolicy::Shortest);
  std::set<NodeId> watchers;
  PathTree tree{{{node(1), 1, false}}};
  for (int step = 0; step < 300; ++step) {
    if (step % 50 == 49) {  // other ways may be better now
      overlay.link(kNodes, number(1, kNodes - 1), number(2, 80));
      overlay.flood();
    }
    const NodeId changed = node(number(2, kNodes));
    if (watchers.erase(changed) == 0) watchers.insert(changed);
    MeasuredTrees::Demand demand{StreamId{1}, Metric::Latency, 1, 0, 0, {}, &tree};
    demand.destinations.assign(watchers.begin(), watchers.end());
    const PathTree after = trees.place(node(1), std::span(&demand, 1), {}, MonoTime{})[0].tree;
    REQUIRE(after.valid());
    const auto reached = after.destinations();
    REQUIRE(std::set<NodeId>(reached.begin(), reached.end()) == watchers);
    for (const NodeId& watcher : watchers) {
      const auto best = graph.shortest_path(node(1), watcher);
      const PathTree alone = multicast_path(std::vector<std::vector<NodeId>>{best});
      REQUIRE(cost_in(graph, after, watcher) * 100 <=
              cost_in(graph, alone, watcher) * (100 + MeasuredTrees::kMarginPercent) + 100);
      const bool was_there = watcher != changed && step % 50 != 49;
      if (was_there) REQUIRE(way_in_tree(after, watcher) == way_in_tree(tree, watcher));
    }
    tree = after;
  }
}

}  // namespace
}  // namespace ott
