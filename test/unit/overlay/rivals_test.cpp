// A bootstrapper that looks for another one of its overlay.
#include "overlay/rivals.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::seconds;
using test::Engine;
using test::node;

const NodeId kOther = node("10.0.0.20");

/// A bootstrapper whose call to kOther is there.
struct Caller : Engine {
  Caller() : Engine(bootstrapper()) {
    std::vector<NodeId> called;
    for (const auto& request : connecting) called.push_back(request.to);
    REQUIRE(std::ranges::count(called, kOther) == 1);
    while (connecting.back().to != kOther) {
      overlay.closed(connecting.back().link, "refused", now());
      connecting.pop_back();
    }
    link = open(node("10.0.0.10:4000"));
  }
  void answer(PeerKind kind, std::uint64_t incarnation) {
    say(link, Speers{Greeting{kind, incarnation}, kOther, node("10.0.0.10:4000"), {}});
  }
  LinkId link;
};

TEST_CASE("a bootstrapper calls on the others as a guest-to-be, and leaves a node alone") {
  Caller caller;
  const auto ack = caller.last_sent<Ack>(caller.link);
  REQUIRE(ack);
  CHECK(ack->greeting.kind == PeerKind::Guest);
  caller.answer(PeerKind::Node, 1);
  CHECK(caller.bye(caller.link) == ByeReason::NotNeeded);
  CHECK_FALSE(caller.overlay.requests().exit);
}

TEST_CASE("a bootstrapper ends if another one was there before") {
  Caller caller;
  caller.answer(PeerKind::Bootstrap, Engine::bootstrapper().incarnation - 1);
  REQUIRE(caller.overlay.requests().exit);
  CHECK(caller.overlay.requests().exit->status == 1);
  const std::string& message = caller.overlay.requests().exit->message;
  CHECK(message.find("10.0.0.20") != std::string::npos);
  CHECK(message.find("10.0.0.10") != std::string::npos);
}

TEST_CASE("a bootstrapper stays if the other one came later") {
  Caller caller;
  caller.answer(PeerKind::Bootstrap, Engine::bootstrapper().incarnation + 1);
  CHECK_FALSE(caller.overlay.requests().exit);
  CHECK(caller.bye(caller.link) == ByeReason::NotNeeded);
}

TEST_CASE("a node that says nothing is called on once") {
  Caller caller;
  caller.lose(caller.link);
  caller.pass(seconds(20));
  CHECK(caller.connecting.empty());
}

TEST_CASE("link states that tell of another bootstrapper are worth a warning, and no more") {
  Caller caller;
  const LinkId link = caller.accept(kOther);
  caller.shake_hands(link, PeerKind::Node, 5);
  for (std::uint64_t number = 1; number <= 10; ++number) {
    caller.say(link, test::links_of(kOther, number, {{node("10.0.0.10"), 1}}, {}, PeerKind::Bootstrap));
    caller.pass(seconds(1));
    caller.say(link, Heartbeat{});
  }
  CHECK_FALSE(caller.overlay.requests().exit);
  CHECK(std::ranges::count_if(caller.log.lines, [](const std::string& line) {
          return line.find("10.0.0.20 is a bootstrapper of this overlay, too") != std::string::npos;
        }) == 1);
}

}  // namespace
}  // namespace ott
