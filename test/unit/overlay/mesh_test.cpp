#include "overlay/mesh.h"

#include <catch2/catch.hpp>
#include <set>

#include "../core/nodes.h"
#include "ott/link_state.h"

namespace ott::test {
namespace {

using std::chrono::milliseconds;

/// Nodes 0, 1, …, of which 0 is the one that decides, with links of these round trips.
MeshView view_of(std::size_t count, const std::vector<std::tuple<unsigned, unsigned, unsigned>>& links_ms) {
  MeshView view;
  for (unsigned i = 0; i < count; ++i) view.nodes.push_back({node(i), ring_place(node(i)), true, {}});
  for (const auto& [a, b, ms] : links_ms) {
    view.nodes[a].links.push_back({b, mesh_length_us(milliseconds(ms))});
    view.nodes[b].links.push_back({a, mesh_length_us(milliseconds(ms))});
  }
  return view;
}

/// A view in which no link of node 0 is one of the ring.
std::vector<unsigned> others_off_the_ring(const MeshView& view) {
  std::vector<unsigned> others;
  for (unsigned i = 1; i < view.nodes.size(); ++i) {
    if (!Mesh::is_ring_link(view, 0, i)) others.push_back(i);
  }
  return others;
}

bool nobody(const NodeId&) { return false; }

TEST_CASE("the ring leads through all nodes, whoever looks at it") {
  MeshView view = view_of(40, {});
  std::set<NodeId> seen;
  for (std::size_t i = 0; i < view.nodes.size(); ++i) {
    const auto next = Mesh::successor(view, nobody);
    REQUIRE(next);
    CHECK(*next != view.here().id);
    CHECK(Mesh::is_ring_link(view, view.self, *view.find(*next)));
    CHECK(seen.insert(*next).second);
    view.self = *view.find(*next);
  }
  CHECK(seen.size() == view.nodes.size());
}

TEST_CASE("the ring passes over those that take nobody, or cannot be called") {
  MeshView view = view_of(10, {});
  const NodeId first = *Mesh::successor(view, nobody);
  const NodeId second = *Mesh::successor(view, [&](const NodeId& id) { return id == first; });
  CHECK(second != first);
  view.nodes[*view.find(first)].takes = false;
  CHECK(Mesh::successor(view, nobody) == second);
  for (MeshView::Node& each : view.nodes) each.takes = false;
  CHECK_FALSE(Mesh::successor(view, nobody));
}

TEST_CASE("a link is worth it where the way is a clear detour, and both ends have room") {
  // 0 reaches 3 in 30 ms.
  MeshView view = view_of(12, {{0, 1, 10}, {1, 2, 10}, {2, 3, 10}});
  const Mesh::Degrees degrees{3, 8};
  CHECK(Mesh(view, degrees).is_worth_a_link(3, milliseconds(10)));
  CHECK_FALSE(Mesh(view, degrees).is_worth_a_link(3, milliseconds(28)));
  for (unsigned i = 4; i < 10; ++i) view.nodes[3].links.push_back({i, 1});  // 3 has 7 now
  CHECK_FALSE(Mesh(view, degrees).is_worth_a_link(3, milliseconds(10)));
}

TEST_CASE("who cannot be reached at all is worth any link") {
  const MeshView view = view_of(3, {{0, 1, 10}});
  CHECK(Mesh(view, {3, 8}).is_worth_a_link(2, milliseconds(500)));
}

TEST_CASE("a link with a way around that is hardly longer goes, and a needed one stays") {
  const MeshView plain = view_of(12, {});
  const std::vector<unsigned> far = others_off_the_ring(plain);
  REQUIRE(far.size() >= 5);
  // The direct link to far[0] takes 50 ms, the way by far[1] 51.
  MeshView view = plain;
  const auto link = [&view](unsigned a, unsigned b, unsigned ms) {
    view.nodes[a].links.push_back({b, mesh_length_us(milliseconds(ms))});
    view.nodes[b].links.push_back({a, mesh_length_us(milliseconds(ms))});
  };
  link(0, far[0], 50);
  link(0, far[1], 5);
  link(far[1], far[0], 46);
  link(0, far[2], 5);
  link(0, far[3], 5);
  for (const unsigned other : {far[0], far[1]}) {  // they have more than the least
    link(other, far[2], 90);
    link(other, far[3], 90);
    link(other, far[4], 90);
  }
  const auto surplus = Mesh(view, {3, 8}).surplus();
  REQUIRE(surplus);
  CHECK(*surplus == view.nodes[far[0]].id);
  SECTION("unless one end would have too few") { CHECK_FALSE(Mesh(view, {4, 8}).surplus()); }
}

TEST_CASE("links of the ring are never let go of") {
  const MeshView plain = view_of(12, {});
  const auto next = *plain.find(*Mesh::successor(plain, nobody));
  MeshView view = plain;
  const auto link = [&view](unsigned a, unsigned b, unsigned ms) {
    view.nodes[a].links.push_back({b, mesh_length_us(milliseconds(ms))});
    view.nodes[b].links.push_back({a, mesh_length_us(milliseconds(ms))});
  };
  for (unsigned i = 1; i < 9; ++i) {
    link(0, i, 10);
    if (i != next) link(i, next, 1);
  }
  if (next >= 9) link(0, next, 10);
  for (int round = 0; round < 9; ++round) {
    const auto surplus = Mesh(view, {1, 3}).surplus();
    if (!surplus) break;
    CHECK(*surplus != view.nodes[next].id);
    const auto gone = *view.find(*surplus);
    std::erase_if(view.nodes[0].links, [gone](const MeshView::Link& each) { return each.to == gone; });
    std::erase_if(view.nodes[gone].links, [](const MeshView::Link& each) { return each.to == 0; });
  }
}

TEST_CASE("the view of a node is what it reaches, with the longer of the round trips that both ends report") {
  LinkStateDb db;
  const auto report = [&db](unsigned who, std::vector<std::pair<unsigned, std::uint32_t>> links) {
    LinkState state;
    state.reporter = node(who);
    state.number = 1;
    state.takes_neighbours = who != 2;
    for (const auto& [to, rtt_us] : links) {
      LinkFacts facts;
      facts.rtt_us = rtt_us;
      state.links.push_back({node(to), 1, facts});
    }
    db.update(state);
  };
  report(0, {{1, 1'000}});
  report(1, {{0, 3'000}, {2, 0}});
  report(2, {{1, 5'000}});
  report(3, {{4, 1'000}});
  report(4, {{3, 1'000}});
  const MeshView view = mesh_view(db, node(0));
  REQUIRE(view.nodes.size() == 3);
  CHECK(view.here().id == node(0));
  REQUIRE(view.nodes[1].links.size() == 2);
  CHECK(view.nodes[0].links[0].length_us == mesh_length_us(std::chrono::microseconds(3'000)));
  CHECK(view.nodes[1].links[0].length_us == view.nodes[0].links[0].length_us);
  CHECK(view.nodes[1].links[1].length_us == mesh_length_us(std::chrono::microseconds(5'000)));
  CHECK(view.nodes[1].takes);
  CHECK_FALSE(view.nodes[2].takes);
}

}  // namespace
}  // namespace ott::test
