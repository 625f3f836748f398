// A guest among the access nodes that it knows.
#include "overlay/access.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::Engine;
using test::node;

struct Guest : Engine {
  Guest() : Engine(config()) {}
  static OverlayConfig config() {
    OverlayConfig config;
    config.kind = PeerKind::Guest;
    config.incarnation = 1;
    config.access = {node("10.0.0.2"), node("10.0.0.3")};
    return config;
  }
  /// Opens the connections that were asked for. By the node that they go to.
  std::map<NodeId, LinkId> open_all() {
    std::map<NodeId, LinkId> opened;
    while (!connecting.empty()) {
      const NodeId to = connecting.back().to;
      opened[to] = open(node("192.168.9.9:5555"));
      drain(opened[to]);
    }
    return opened;
  }
  void answer(LinkId link) {
    say(link, Speers{Greeting{PeerKind::Node, 9}, links[link].peer, node("192.168.9.9:5555"), {}});
  }
};

TEST_CASE("a guest that one access node has no room for attaches to another") {
  Guest guest;
  auto links = guest.open_all();
  REQUIRE(links.size() == 2);
  guest.say(links[node("10.0.0.2")], Bye{ByeReason::NoRoom, "full"});
  guest.answer(links[node("10.0.0.3")]);
  CHECK(guest.last_sent<FinalAck>(links[node("10.0.0.3")]));
}

TEST_CASE("a guest that is refused when it has chosen tries the others, too") {
  Guest guest;
  auto links = guest.open_all();
  guest.answer(links[node("10.0.0.2")]);
  guest.pass(milliseconds(250));
  REQUIRE(guest.last_sent<FinalAck>(links[node("10.0.0.2")]));
  guest.say(links[node("10.0.0.2")], Bye{ByeReason::NoRoom, "full"});
  guest.pass(milliseconds(250));
  links = guest.open_all();
  REQUIRE(links.size() == 2);
  guest.say(links[node("10.0.0.2")], Bye{ByeReason::NoRoom, "full"});
  guest.answer(links[node("10.0.0.3")]);
  CHECK(guest.last_sent<FinalAck>(links[node("10.0.0.3")]));
  CHECK_FALSE(guest.overlay.requests().exit);
}

}  // namespace
}  // namespace ott
