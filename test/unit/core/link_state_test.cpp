#include "ott/link_state.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "nodes.h"

namespace ott {
namespace {

using test::node;
using test::nodes;
using Update = LinkStateDb::Update;

LinkState report(unsigned reporter, std::uint64_t number, std::vector<Adjacency> links,
                 std::uint64_t incarnation = 1) {
  LinkState state;
  state.reporter = node(reporter);
  state.incarnation = incarnation;
  state.number = number;
  state.links = std::move(links);
  return state;
}

StreamInfo stream(std::uint64_t id) {
  StreamInfo info;
  info.id = StreamId{id};
  return info;
}

TEST_CASE("the newest report of a node counts, and none twice") {
  LinkStateDb db;
  CHECK(db.find(node(1)) == nullptr);
  CHECK(db.update(report(1, 5, {})) == Update::Graph);
  CHECK(db.update(report(1, 5, {})) == Update::Old);
  CHECK(db.update(report(1, 4, {{node(2), 1}})) == Update::Old);
  CHECK(db.update(report(1, 6, {})) == Update::Newer);
  CHECK(db.update(report(1, 7, {{node(2), 1}})) == Update::Newer);  // the other end does not say so
  CHECK(db.update(report(1, 6, {}, 9)) == Update::Old);             // a later run has to go on from there
  CHECK(db.update(report(1, 8, {}, 9)) == Update::Newer);
  CHECK(db.find(node(1))->incarnation == 9);
  CHECK(db.all().size() == 1);
}

TEST_CASE("of two different reports of one number the same one counts everywhere") {
  const LinkState one = report(1, 5, {{node(2), 1}});
  for (const LinkState& two : {report(1, 5, {{node(2), 1}}, 2), report(1, 5, {{node(2), 3}})}) {
    LinkStateDb a;
    a.update(one);
    a.update(two);
    LinkStateDb b;
    b.update(two);
    b.update(one);
    CHECK(a.find(node(1))->incarnation == b.find(node(1))->incarnation);
    CHECK(a.find(node(1))->links == b.find(node(1))->links);
  }
}

TEST_CASE("what can be reached is the same whether it was asked for before or is asked for the first time") {
  std::mt19937 random(7);
  std::uniform_int_distribution<unsigned> any(1, 12);
  std::uniform_int_distribution<unsigned> twentieth(1, 20);
  LinkStateDb db;
  std::map<unsigned, std::set<unsigned>> links;
  for (std::uint64_t number = 1; number <= 3'000; ++number) {
    const unsigned reporter = any(random);
    if (twentieth(random) == 1) {
      db.remove(node(reporter));
      links.erase(reporter);
    } else {
      const unsigned other = any(random);
      std::set<unsigned>& reported = links[reporter];
      if (other != reporter && reported.erase(other) == 0) reported.insert(other);
      std::vector<Adjacency> all;
      for (const unsigned each : reported) all.push_back({node(each), 1});
      db.update(report(reporter, number, std::move(all)));
    }
    const auto reached = db.graph().reachable_from(node(1));
    for (unsigned each = 1; each <= 12; ++each) {
      const auto vertex = db.graph().vertex_of(node(each));
      REQUIRE(db.reaches(node(1), node(each)) == (vertex && reached[*vertex] != 0));
      REQUIRE((db.find(node(each)) != nullptr) == links.contains(each));
    }
  }
}

TEST_CASE("a node that is forgotten takes its links along, and what can be reached is what has a way") {
  LinkStateDb db;
  db.update(report(1, 1, {{node(2), 1}}));
  db.update(report(2, 1, {{node(1), 1}, {node(3), 1}}));
  db.update(report(3, 1, {{node(2), 1}}));
  CHECK(db.reaches(node(1), node(3)));
  CHECK(db.remove(node(2)));
  CHECK_FALSE(db.reaches(node(1), node(3)));
  CHECK(db.reaches(node(1), node(1)));
  CHECK_FALSE(db.remove(node(2)));
  CHECK(db.graph().link_count() == 0);
}

TEST_CASE("streams alone change the report, not the graph") {
  LinkStateDb db;
  db.update(report(1, 1, {}));
  LinkState state = report(1, 2, {});
  state.streams.push_back(stream(7));
  CHECK(db.update(state) == Update::Newer);
  CHECK(db.find(node(1))->streams.size() == 1);
}

TEST_CASE("a link is there while both its ends report it") {
  LinkStateDb db;
  db.update(report(1, 1, {{node(2), 1}}));
  CHECK(db.graph().link_count() == 0);
  CHECK(db.update(report(2, 1, {{node(1), 1}, {node(3), 1}})) == Update::Graph);
  CHECK(db.graph().link_cost(node(1), node(2)) == 1U);
  CHECK_FALSE(db.graph().link_cost(node(2), node(3)));
  CHECK(db.graph().shortest_path(node(1), node(2)) == nodes(1, 2));

  CHECK(db.update(report(2, 2, {{node(3), 1}})) == Update::Graph);
  CHECK(db.graph().link_count() == 0);
  db.update(report(2, 3, {{node(1), 1}}));
  CHECK(db.graph().link_count() == 1);
  db.update(report(1, 2, {}));
  CHECK(db.graph().link_count() == 0);
}

TEST_CASE("a link costs what the dearer of its ends says, whoever comes first") {
  for (const bool one_first : {true, false}) {
    LinkStateDb db;
    const LinkState one = report(1, 1, {{node(2), 3}});
    const LinkState two = report(2, 1, {{node(1), 8}});
    db.update(one_first ? one : two);
    db.update(one_first ? two : one);
    CHECK(db.graph().link_cost(node(2), node(1)) == 8U);
    db.update(report(2, 2, {{node(1), 2}}));
    CHECK(db.graph().link_cost(node(1), node(2)) == 3U);
    db.update(report(1, 2, {{node(2), 1}}));
    CHECK(db.graph().link_cost(node(1), node(2)) == 2U);
  }
}

TEST_CASE("a node that names itself as its neighbour changes nothing") {
  LinkStateDb db;
  db.update(report(1, 1, {{node(1), 1}}));
  CHECK(db.graph().link_count() == 0);
  db.update(report(1, 2, {}));
  CHECK(db.graph().vertex_of(node(1)));
}

TEST_CASE("the graph follows the newest reports alone, whatever came before") {
  const unsigned seed = GENERATE(range(1U, 51U));
  CAPTURE(seed);
  test::Random random(seed);
  LinkStateDb db;
  std::map<NodeId, LinkState> newest;
  for (unsigned step = 0; step < 60; ++step) {
    LinkState state = report(random.below(6), random.below(30), {}, random.below(3));
    for (unsigned other = 0; other < 6; ++other) {
      if (random.below(2) == 0) state.links.push_back({node(other), 1 + random.below(9)});
    }
    const auto before = newest.find(state.reporter);
    const auto rank = [](const LinkState& s) { return std::tie(s.number, s.incarnation, s.links); };
    const bool newer = before == newest.end() || rank(state) > rank(before->second);
    REQUIRE((db.update(state) != Update::Old) == newer);
    if (newer) newest[state.reporter] = state;
  }
  const auto cost = [&newest](unsigned from, unsigned to) -> std::uint32_t {
    const auto state = newest.find(node(from));
    if (state == newest.end() || from == to) return 0;
    for (const Adjacency& link : state->second.links) {
      if (link.id == node(to)) return link.cost;
    }
    return 0;
  };
  for (unsigned a = 0; a < 6; ++a) {
    for (unsigned b = 0; b < 6; ++b) {
      const bool both = cost(a, b) != 0 && cost(b, a) != 0;
      CAPTURE(a, b);
      CHECK(db.graph().link_cost(node(a), node(b)).value_or(0) ==
            (both ? std::max(cost(a, b), cost(b, a)) : 0));
    }
  }
}

TEST_CASE("streams are listed with the bootstrapper's first, if their origin can be reached") {
  LinkStateDb db;
  const auto add = [&db](unsigned reporter, PeerKind kind, std::vector<Adjacency> links,
                         std::vector<StreamInfo> streams) {
    LinkState state = report(reporter, 1, std::move(links));
    state.kind = kind;
    state.streams = std::move(streams);
    db.update(state);
  };
  add(1, PeerKind::Node, {{node(2), 1}}, {stream(10)});
  add(2, PeerKind::Node, {{node(1), 1}, {node(9), 1}}, {});
  add(3, PeerKind::Node, {}, {stream(30)});
  add(9, PeerKind::Bootstrap, {{node(2), 1}}, {stream(92), stream(91)});
  const auto listed = [&db](unsigned here) {
    std::vector<std::uint64_t> ids;
    for (const KnownStream& known : known_streams(db, node(here))) ids.push_back(known.info.id.value);
    return ids;
  };
  CHECK(listed(1) == std::vector<std::uint64_t>{92, 91, 10});
  CHECK(listed(3) == std::vector<std::uint64_t>{30});
  CHECK(known_streams(db, node(1)).front().origin == node(9));
}

}  // namespace
}  // namespace ott
