// How a node finds its id and its place, and what it does when the bootstrapper is gone.
#include "overlay/registration.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::Engine;
using test::node;

const NodeId kBootstrapper = node("10.0.0.10");
const NodeId kSelf = node("10.0.0.20");

Speers speers(const NodeId& you, std::vector<Peer> peers) {
  return {Greeting{PeerKind::Bootstrap, 7'777}, kBootstrapper, you, std::move(peers)};
}

/// A node whose way to the bootstrapper leaves by another address than its id's.
OverlayConfig router() {
  OverlayConfig config = Engine::relay();
  config.id.reset();
  config.local_addresses = {node("10.0.9.9").address, kSelf.address};
  return config;
}

TEST_CASE("a node whose connection comes from another address than its id's connects again from that") {
  Engine router_node(router());
  const LinkId first = router_node.open(node("10.0.9.9:4000"));
  const auto ack = router_node.last_sent<Ack>(first);
  REQUIRE(ack);
  CHECK(ack->ids.size() == 2);
  router_node.say(first, speers(kSelf, {}));
  CHECK(router_node.links[first].closed);
  CHECK(router_node.bye(first) == ByeReason::NotNeeded);
  REQUIRE(router_node.connecting.size() == 1);
  CHECK(router_node.connecting.front().from == std::vector{kSelf.address});
  CHECK(router_node.connecting.front().to == kBootstrapper);
  const LinkId second = router_node.open(NodeId{kSelf.address, 4001});
  const auto named = router_node.last_sent<Ack>(second);
  REQUIRE(named);
  CHECK(named->ids == std::vector{kSelf});
  router_node.say(second, speers(kSelf, {{kBootstrapper, 1, ""}}));
  CHECK(router_node.last_sent<FinalAck>(second));
  CHECK(router_node.overlay.self() == kSelf);
}

TEST_CASE("the bootstrapper tells a node its id, and takes nothing for it from another address") {
  Engine bootstrapper(Engine::bootstrapper());
  Ack all = test::ack(PeerKind::Node, 5, NodeId{node("10.0.9.9").address, 0});
  all.ids.push_back({kSelf.address, 0});
  const LinkId first = bootstrapper.accept(node("10.0.9.9:4000"));
  REQUIRE(bootstrapper.say(first, all));
  const auto told = bootstrapper.last_sent<Speers>(first);
  REQUIRE(told);
  CHECK(told->you == kSelf);
  CHECK(told->peers.empty());
  // Nothing is registered by that: a process at the address itself is, at once.
  const LinkId second = bootstrapper.accept(NodeId{kSelf.address, 4001});
  bootstrapper.say(second, test::ack(PeerKind::Node, 6, kSelf));
  const auto registered = bootstrapper.last_sent<Speers>(second);
  REQUIRE(registered);
  CHECK(registered->peers.size() == 3);
  // One that goes on as if it were registered learns why it is not.
  bootstrapper.say(first, FinalAck{Relation::Control});
  CHECK(bootstrapper.bye(first) == ByeReason::WrongAddress);
  CHECK_FALSE(bootstrapper.links[second].closed);
}

TEST_CASE("a node that is refused for its address ends and says why") {
  Engine node_engine(Engine::relay());
  const LinkId link = node_engine.open(NodeId{kSelf.address, 4000});
  node_engine.say(link, Bye{ByeReason::WrongAddress, "10.0.0.20 is not believed from 10.0.9.9"});
  REQUIRE(node_engine.overlay.requests().exit);
  CHECK(node_engine.overlay.requests().exit->status == 1);
  CHECK(node_engine.overlay.requests().exit->message.find("not believed from 10.0.9.9") != std::string::npos);
}

TEST_CASE("the addresses of a host that was named are tried in turn, those of the other family last") {
  OverlayConfig config = Engine::relay();
  config.bootstrap.reset();
  Engine named(config);
  CHECK(named.connecting.empty());
  CHECK_FALSE(named.overlay.is_in_trouble());
  named.overlay.found({node("[fd00::1]:7000"), node("203.0.113.5"), kBootstrapper}, named.now());
  named.pass(milliseconds(1));
  for (int round = 0; round < 2; ++round) {
    std::vector<NodeId> called;
    while (!named.connecting.empty()) {
      called.push_back(named.connecting.front().to);
      named.refuse_connections();
    }
    CHECK(called == std::vector{node("203.0.113.5"), kBootstrapper, node("[fd00::1]:7000")});
    CHECK(named.overlay.is_in_trouble());
    CHECK(named.overlay.trouble().find("no bootstrapper at") == 0);
    named.pass(milliseconds(700));
  }
  CHECK(std::ranges::count_if(named.log.lines, [](const std::string& line) {
          return line.find("no bootstrapper at") != std::string::npos;
        }) == 1);
}

TEST_CASE("a bootstrapper that answers with a refusal is not said to be away") {
  Engine refused(Engine::relay());
  const LinkId link = refused.open(NodeId{kSelf.address, 4000});
  refused.say(link, Bye{ByeReason::Duplicate, "another process is 10.0.0.20 already"});
  CHECK(refused.overlay.trouble() ==
        "the bootstrapper at 10.0.0.10:7000 says: another process is 10.0.0.20 already");
}

TEST_CASE("a bootstrapper behind an address translation is connected to by the address that was given") {
  const NodeId given = node("203.0.113.5:7100");
  OverlayConfig config = Engine::relay();
  config.bootstrap = given;
  Engine node_engine(config);
  REQUIRE(node_engine.connecting.front().to == given);
  const LinkId link = node_engine.open(NodeId{kSelf.address, 4000});
  node_engine.say(link, speers(kSelf, {{kBootstrapper, 1, "boot"}, {node("10.0.0.2"), 1, ""}}));
  node_engine.say(link, FinalAck{Relation::Neighbour});
  std::vector<NodeId> called;
  const auto take_called = [&] {
    for (const auto& request : node_engine.connecting) called.push_back(request.to);
    node_engine.refuse_connections();
  };
  take_called();
  CHECK(called == std::vector{node("10.0.0.2")});
  called.clear();
  node_engine.lose(link);
  for (int i = 0; i < 8; ++i) {
    node_engine.pass(milliseconds(50));
    take_called();
  }
  CHECK(std::count(called.begin(), called.end(), given) == 1);
  CHECK(std::count(called.begin(), called.end(), kBootstrapper) == 0);
}

/// A node that is registered as 10.0.0.20, with the further address 10.0.1.20 and two neighbours.
struct WithAddresses : Engine {
  LinkId boot;

  WithAddresses() : Engine(relay()), boot(open(NodeId{kSelf.address, 4000})) {
    Speers place = speers(kSelf, {{kBootstrapper, 1, "boot"},
                                  {node("10.0.0.2"), 1, "", node("10.0.1.2"), {node("10.0.1.2")}},
                                  {node("10.0.0.3"), 1, ""}});
    place.addresses = {node("10.0.1.20")};
    say(boot, place);
    say(boot, FinalAck{Relation::Neighbour});
    drain(boot);
  }
  LinkId open_to(const NodeId& to, const NodeId& local) {
    const auto request = std::ranges::find(connecting, to, &Requests::Connect::to);
    REQUIRE(request != connecting.end());
    std::rotate(request, request + 1, connecting.end());
    return open(local);
  }
  /// Its neighbours' ids, by its last link state.
  std::vector<NodeId> listed() {
    std::vector<NodeId> ids;
    if (const auto last = last_sent<Links>(boot)) {
      for (const Adjacency& link : last->state.links) ids.push_back(link.id);
    }
    return ids;
  }
};

TEST_CASE("a node listens on all its addresses, and calls each neighbour where its place says") {
  WithAddresses engine;
  CHECK(engine.listening == std::vector{kSelf, node("10.0.1.20")});
  std::vector<NodeId> called;
  for (const Requests::Connect& request : engine.connecting) {
    called.push_back(request.to);
    CHECK(request.from == std::vector{kSelf.address, node("10.0.1.20").address});
  }
  CHECK(called == std::vector{node("10.0.1.2"), node("10.0.0.3")});
  const LinkId two = engine.open_to(node("10.0.1.2"), node("10.0.1.20:4001"));
  engine.say(two, Speers{Greeting{PeerKind::Node, 9}, node("10.0.0.2"), kSelf, {}});
  engine.say(two, FinalAck{Relation::Neighbour});
  CHECK_FALSE(engine.links[two].closed);
  CHECK(engine.listed() == std::vector{node("10.0.0.2"), kBootstrapper});
  // The one that answers must be the neighbour that was called.
  const LinkId three = engine.open_to(node("10.0.0.3"), node("10.0.0.20:4002"));
  engine.say(three, Speers{Greeting{PeerKind::Node, 9}, node("10.0.0.2"), kSelf, {}});
  CHECK(engine.bye(three) == ByeReason::Protocol);
}

TEST_CASE("a neighbour is believed from any of its addresses, and from no other") {
  WithAddresses engine;
  const auto accepted = [&engine](const char* from, const char* id) {
    const LinkId link = engine.accept(node(from));
    engine.say(link, test::ack(PeerKind::Node, 5, node(id)));
    return engine.links[link].closed ? engine.bye(link) : ByeReason{};
  };
  CHECK(accepted("10.0.1.2:5001", "10.0.0.3") == ByeReason::WrongAddress);
  CHECK(accepted("10.0.1.3:5001", "10.0.0.2") == ByeReason::WrongAddress);
  engine.refuse_connections();
  CHECK(accepted("10.0.1.2:5002", "10.0.0.2") == ByeReason{});
  CHECK(accepted("10.0.0.2:5003", "10.0.0.2") == ByeReason{});
}

TEST_CASE("a new place takes effect at once: a former neighbour's link is listed no more, and ends") {
  WithAddresses engine;
  const LinkId two = engine.open_to(node("10.0.1.2"), node("10.0.1.20:4001"));
  engine.say(two, Speers{Greeting{PeerKind::Node, 9}, node("10.0.0.2"), kSelf, {}});
  engine.say(two, FinalAck{Relation::Neighbour});
  engine.refuse_connections();
  REQUIRE(engine.listed() == std::vector{node("10.0.0.2"), kBootstrapper});

  const auto both_live = [&engine, two] {
    engine.say(two, Heartbeat{});
    engine.say(engine.boot, Heartbeat{});
  };
  engine.pass(milliseconds(200));
  both_live();
  engine.say(engine.boot,
             Place{{{kBootstrapper, 7, "boot"}, {node("10.0.0.4"), 1, ""}}, {node("10.0.2.20")}});
  CHECK(engine.listening == std::vector{kSelf, node("10.0.1.20"), node("10.0.2.20")});
  REQUIRE(engine.connecting.size() == 1);
  CHECK(engine.connecting.front().to == node("10.0.0.4"));
  CHECK_FALSE(engine.links[two].closed);
  engine.pass(milliseconds(100));
  CHECK(engine.listed() == std::vector{kBootstrapper});
  both_live();
  engine.pass(milliseconds(200));
  CHECK(engine.bye(two) == ByeReason::NotNeighbour);
  CHECK_FALSE(engine.links[engine.boot].closed);
}

TEST_CASE("a place that anybody but the bootstrapper tells of is a violation") {
  WithAddresses engine;
  const LinkId two = engine.open_to(node("10.0.1.2"), node("10.0.1.20:4001"));
  engine.say(two, Speers{Greeting{PeerKind::Node, 9}, node("10.0.0.2"), kSelf, {}});
  engine.say(two, FinalAck{Relation::Neighbour});
  engine.say(two, Place{});
  CHECK(engine.bye(two) == ByeReason::Protocol);
}

TEST_CASE("a node that the topology has no more ends, with the reason, when it is let go") {
  WithAddresses engine;
  engine.say(engine.boot, Bye{ByeReason::NotInTopology, "the topology has this node no more"});
  REQUIRE(engine.overlay.requests().exit);
  CHECK(engine.overlay.requests().exit->status == 1);
  CHECK(engine.overlay.requests().exit->message.find("the topology has this node no more") !=
        std::string::npos);
}

TEST_CASE("a node whose registration ends for its new place says nothing of a bootstrapper that is away") {
  WithAddresses engine;
  engine.refuse_connections();
  engine.say(engine.boot, Bye{ByeReason::NotNeeded, "neighbours by the topology now: connect again"});
  engine.pass(milliseconds(400));
  REQUIRE_FALSE(engine.connecting.empty());
  CHECK(std::ranges::count(engine.connecting, kBootstrapper, &Requests::Connect::to) == 1);
  for (const std::string& line : engine.log.lines) CHECK(line.find("no bootstrapper") == std::string::npos);
}

}  // namespace
}  // namespace ott
