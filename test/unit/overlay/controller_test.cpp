// What a bootstrapper offers to clients that have no place in its topology.
#include "overlay/controller.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using test::Engine;
using test::node;

/// A bootstrapper in two families, with nodes of both that are online.
struct DualStack : Engine {
  explicit DualStack(std::vector<const char*> online) : Engine(config()) {
    for (const char* id : online) {
      const LinkId link = accept(NodeId{node(id).address, 4000});
      shake_hands_as(link, node(id));
    }
  }
  static OverlayConfig config() {
    OverlayConfig config = bootstrapper();
    config.topology = parse_topology(R"({
      "10.0.0.10": { "neighbors": ["10.0.0.1", "fd00::1", "fd00::2"] },
      "10.0.0.1": { "neighbors": [] }, "fd00::1": { "neighbors": [] }, "fd00::2": { "neighbors": [] } })",
                                     "dual.json")
                          .value();
    return config;
  }
  void shake_hands_as(LinkId link, const NodeId& id) {
    say(link, test::ack(PeerKind::Node, 3, id));
    say(link, FinalAck{Relation::Neighbour});
    drain(link);
  }
  std::vector<NodeId> offers_to(const char* remote) {
    const LinkId link = accept(node(remote));
    say(link, test::ack(PeerKind::Client, 9, node(remote)));
    const auto speers = last_sent<Speers>(link);
    REQUIRE(speers);
    CHECK(speers->you.port == 0);
    std::vector<NodeId> offers;
    for (const Peer& peer : speers->peers) offers.push_back(peer.id);
    return offers;
  }
};

TEST_CASE("clients are offered access nodes of the family that they came by") {
  DualStack bootstrapper({"10.0.0.1", "fd00::1", "fd00::2"});
  CHECK(bootstrapper.offers_to("192.168.9.9:5555") == std::vector{node("10.0.0.1")});
  CHECK(bootstrapper.offers_to("[fd00::9]:5555") == std::vector{node("fd00::1"), node("fd00::2")});
}

TEST_CASE("without a node of its family a client is offered the bootstrapper, or what there is") {
  DualStack only_v6({"fd00::1", "fd00::2"});
  CHECK(only_v6.offers_to("192.168.9.9:5555") == std::vector{node("10.0.0.10")});
  DualStack only_v4({"10.0.0.1"});
  CHECK(only_v4.offers_to("[fd00::9]:5555") == std::vector{node("10.0.0.1")});
  CHECK(only_v4.log.lines.back().find("no access node has an IPv6 address") != std::string::npos);
}

/// Nodes 10.0.0.1 and 10.0.0.2 are linked with the bootstrapper; 10.0.0.20 is a member on a control link.
struct WithMember : Engine {
  LinkId one, two, member;
  WithMember() : Engine(config()) {
    one = join("10.0.0.1", PeerKind::Node, Relation::Neighbour);
    two = join("10.0.0.2", PeerKind::Node, Relation::Neighbour);
    member = join("10.0.0.20", PeerKind::Client, Relation::Control);
    report(one, {{kBoot, 1}});
    report(two, {{kBoot, 1}});
  }
  static OverlayConfig config() {
    OverlayConfig config = bootstrapper();
    config.topology = parse_topology(R"({
      "10.0.0.10": { "neighbors": ["10.0.0.1", "10.0.0.2"] },
      "10.0.0.1": { "name": "n1", "neighbors": [] },
      "10.0.0.2": { "neighbors": ["10.0.0.20"] }, "10.0.0.20": { "neighbors": [] } })",
                                     "member.json")
                          .value();
    return config;
  }
  LinkId join(const char* id, PeerKind kind, Relation relation) {
    const LinkId link = accept(node(id));
    shake_hands(link, kind, 3, relation);
    return link;
  }
  void report(LinkId link, std::vector<Adjacency> to) {
    say(link, test::links_of(links[link].peer, ++number, std::move(to)));
  }
  std::optional<AccessNodes> answer_to(LinkId link) {
    last_sent<AccessNodes>(link);
    say(link, AccessNodes{});
    return last_sent<AccessNodes>(link);
  }
  const NodeId kBoot = node("10.0.0.10");
  std::uint64_t number = 0;
};

TEST_CASE("a member without neighbours is offered nodes that the bootstrapper's graph leads to") {
  WithMember bootstrapper;
  const auto both = bootstrapper.answer_to(bootstrapper.member);
  REQUIRE(both);
  REQUIRE(both->nodes.size() == 2);
  CHECK(both->nodes[0].id == node("10.0.0.1"));
  CHECK(both->nodes[0].name == "10.0.0.1 (n1)");
  bootstrapper.report(bootstrapper.one, {{node("10.0.0.20"), 1}});  // it has no link with the bootstrapper
  bootstrapper.pass(std::chrono::milliseconds(100));
  const auto linked = bootstrapper.answer_to(bootstrapper.member);
  REQUIRE(linked);
  REQUIRE(linked->nodes.size() == 1);
  CHECK(linked->nodes[0].id == node("10.0.0.2"));
}

TEST_CASE("only registered members are offered access nodes on their links, and not without end") {
  WithMember bootstrapper;
  const LinkId guest = bootstrapper.accept(node("192.168.9.9:5555"));
  bootstrapper.shake_hands(guest, PeerKind::Guest, 1, Relation::Guest);
  CHECK_FALSE(bootstrapper.answer_to(guest));
  CHECK_FALSE(bootstrapper.answer_to(bootstrapper.one));
  CHECK((!bootstrapper.links[guest].closed && !bootstrapper.links[bootstrapper.one].closed));
  const Limits limits;
  for (int i = 0; i < 1'000; ++i) bootstrapper.say(bootstrapper.member, AccessNodes{});
  CHECK(bootstrapper.count_sent(bootstrapper.member, MessageType::AccessNodes) ==
        limits.messages_per_link_s * limits.burst_s);
}

TEST_CASE("a client that was offered access nodes is not registered by going on") {
  Engine bootstrapper(Engine::bootstrapper());
  const LinkId link = bootstrapper.accept(node("192.168.9.9:5555"));
  bootstrapper.say(link, test::ack(PeerKind::Client, 9, NodeId{node("192.168.9.9").address, 0}));
  CHECK_FALSE(bootstrapper.say(link, FinalAck{Relation::Control}));
  CHECK(bootstrapper.bye(link) == ByeReason::Protocol);
}

Topology topology(std::string_view json) { return parse_topology(json, "t.json").value(); }

/// A bootstrapper with a router that has two addresses.
struct Routers : Engine {
  Routers() : Engine(config()) {}
  static OverlayConfig config() {
    OverlayConfig config = bootstrapper();
    config.topology = topology(R"({
      "10.0.0.10": { "neighbors": ["10.0.0.1"] },
      "10.0.0.1": { "addresses": ["10.0.1.1"], "neighbors": ["10.0.0.10", "10.0.1.20"] },
      "10.0.1.20": { "neighbors": ["10.0.1.1"] } })");
    return config;
  }
  LinkId join(const char* id, Relation relation, PeerKind kind = PeerKind::Node) {
    const LinkId link = accept(NodeId{node(id).address, 4000});
    say(link, test::ack(kind, 3, node(id)));
    say(link, FinalAck{relation});
    REQUIRE_FALSE(links[link].closed);
    return link;
  }
  std::vector<NodeId> peers(LinkId link) {
    std::vector<NodeId> ids;
    if (const auto place = last_sent<Place>(link)) {
      for (const Peer& peer : place->peers) ids.push_back(peer.id);
    }
    return ids;
  }
};

TEST_CASE("a node is registered from any of its addresses, and told its own and its neighbours'") {
  Routers engine;
  const LinkId router = engine.accept(node("10.0.1.1:4000"));
  Ack ack = test::ack(PeerKind::Node, 3, NodeId{node("10.0.1.1").address, 0});
  ack.ids.push_back({node("10.0.0.1").address, 0});
  engine.say(router, ack);
  const auto place = engine.last_sent<Speers>(router);
  REQUIRE(place);
  CHECK(place->you == node("10.0.0.1"));
  CHECK(place->addresses == std::vector{node("10.0.1.1")});
  CHECK(place->peers.size() == 2);

  const LinkId client = engine.accept(node("10.0.1.20:4000"));
  engine.say(client, test::ack(PeerKind::Client, 3, node("10.0.1.20")));
  const auto told = engine.last_sent<Speers>(client);
  REQUIRE(told);
  REQUIRE(told->peers.size() == 1);
  CHECK(told->peers[0] == Peer{node("10.0.0.1"), 1, "", node("10.0.1.1"), {node("10.0.1.1")}});
}

TEST_CASE("a guest is offered that address of a node which is most like its own") {
  Routers engine;
  engine.join("10.0.0.1", Relation::Neighbour);
  const auto offer_to = [&engine](const char* remote) {
    const LinkId link = engine.accept(node(remote));
    engine.say(link, test::ack(PeerKind::Client, 9, node(remote)));
    const auto speers = engine.last_sent<Speers>(link);
    REQUIRE(speers);
    REQUIRE(speers->peers.size() == 1);
    return speers->peers[0].id;
  };
  CHECK(offer_to("10.0.1.77:5555") == node("10.0.1.1"));
  CHECK(offer_to("10.0.0.77:5555") == node("10.0.0.1"));
}

TEST_CASE("a changed topology is told to those whose place is another now, and to nobody else") {
  Routers engine;
  const LinkId router = engine.join("10.0.0.1", Relation::Neighbour);
  const LinkId client = engine.join("10.0.1.20", Relation::Control);
  engine.drain(router);
  engine.drain(client);
  engine.last_sent<Place>(router);
  const auto told = engine.overlay.take_topology(topology(R"({
      "10.0.0.10": { "neighbors": ["10.0.0.1"] },
      "10.0.0.1": { "addresses": ["10.0.1.1"], "neighbors": ["10.0.0.10", "10.0.1.20", "10.0.1.30"] },
      "10.0.1.20": { "neighbors": ["10.0.1.1"] }, "10.0.1.30": { "neighbors": ["10.0.1.1"] } })"),
                                                 engine.now());
  REQUIRE(told);
  CHECK(*told == 1);
  CHECK(engine.peers(router) == std::vector{node("10.0.0.10"), node("10.0.1.20"), node("10.0.1.30")});
  CHECK_FALSE(engine.last_sent<Place>(client));
}

TEST_CASE("those that a changed topology makes neighbours of the bootstrapper connect again") {
  Routers engine;
  const LinkId client = engine.join("10.0.1.20", Relation::Control, PeerKind::Client);
  REQUIRE(engine.overlay.take_topology(topology(R"({
      "10.0.0.10": { "neighbors": ["10.0.1.20"] }, "10.0.1.20": { "neighbors": ["10.0.0.10"] } })"),
                                       engine.now()));
  CHECK(engine.bye(client) == ByeReason::NotNeeded);
  engine.join("10.0.1.20", Relation::Neighbour, PeerKind::Client);
}

TEST_CASE("nodes that a changed topology does not have are let go: clients as guests, neighbours in time") {
  Routers engine;
  const LinkId neighbour = engine.join("10.0.0.1", Relation::Neighbour);
  const LinkId client = engine.join("10.0.1.20", Relation::Control, PeerKind::Client);
  engine.last_sent<Place>(neighbour);
  REQUIRE(engine.overlay.take_topology(topology(R"({ "10.0.0.10": {} })"), engine.now()));
  CHECK(engine.bye(client) == ByeReason::NotNeeded);
  CHECK_FALSE(engine.links[neighbour].closed);
  CHECK(engine.last_sent<Place>(neighbour));
  engine.pass(std::chrono::milliseconds(300));
  CHECK(engine.bye(neighbour) == ByeReason::NotNeighbour);
  const LinkId again = engine.accept(node("10.0.0.1:4001"));
  engine.say(again, test::ack(PeerKind::Node, 3, node("10.0.0.1")));
  CHECK(engine.bye(again) == ByeReason::NotInTopology);
}

TEST_CASE("a topology without the bootstrapper itself is not taken, and nothing changes") {
  Routers engine;
  const LinkId router = engine.join("10.0.0.1", Relation::Neighbour);
  engine.last_sent<Place>(router);
  const auto taken = engine.overlay.take_topology(topology(R"({ "10.0.0.1": {} })"), engine.now());
  REQUIRE_FALSE(taken);
  CHECK(taken.error().message == "it has no node 10.0.0.10, which this process is");
  CHECK_FALSE(engine.last_sent<Place>(router));
  engine.join("10.0.1.20", Relation::Control);
}

}  // namespace
}  // namespace ott
