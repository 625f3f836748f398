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

TEST_CASE("a client that was offered access nodes is not registered by going on") {
  Engine bootstrapper(Engine::bootstrapper());
  const LinkId link = bootstrapper.accept(node("192.168.9.9:5555"));
  bootstrapper.say(link, test::ack(PeerKind::Client, 9, NodeId{node("192.168.9.9").address, 0}));
  CHECK_FALSE(bootstrapper.say(link, FinalAck{Relation::Control}));
  CHECK(bootstrapper.bye(link) == ByeReason::Protocol);
}

}  // namespace
}  // namespace ott
