// Hello intervals of the two ends, and answers to HEARTBEATs.
#include "overlay/liveness.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Engine;
using test::node;

/// A relay with a hello interval of its own, and a neighbour with another.
struct Relay : Engine {
  LinkId boot;
  LinkId two;
  Relay(milliseconds own, milliseconds peers) : Engine(config(own)), boot(register_with_bootstrapper()) {
    two = accept(node("10.0.0.2:4000"));
    Ack ack = test::ack(PeerKind::Node, 2, node("10.0.0.2"));
    ack.greeting.hello_ms = static_cast<std::uint32_t>(peers.count());
    say(two, ack);
    CHECK(last_sent<Speers>(two)->greeting.hello_ms == own.count());
    say(two, FinalAck{Relation::Neighbour});
    drain(two);
  }
  static OverlayConfig config(milliseconds own) {
    OverlayConfig config = relay();
    config.heartbeat = own;
    return config;
  }
};

TEST_CASE("a peer is dead after three hello intervals of its own, whatever this end's is") {
  const auto [own, peers] =
      GENERATE(table<int, int>({{30, 100}, {100, 30}, {100, 100}, {5'000, 30}, {5, 2'000}}));
  CAPTURE(own, peers);
  Relay relay{milliseconds(own), milliseconds(peers)};
  const auto pass = [&relay](int ms) {
    for (int i = 0; i < ms; ++i) {
      relay.pass(milliseconds(1));
      if (i % 50 == 0) relay.say(relay.boot, Heartbeat{});
    }
  };
  for (int i = 0; i < 5; ++i) {  // as late as a peer may be
    pass(peers * 3 / 2);
    relay.say(relay.two, Heartbeat{});
  }
  CHECK_FALSE(relay.links[relay.two].closed);
  pass(3 * peers - 2);
  CHECK_FALSE(relay.links[relay.two].closed);
  pass(3);
  CHECK(relay.links[relay.two].closed);
  CHECK(relay.bye(relay.two) == ByeReason::Silent);
}

TEST_CASE("a peer whose segments come lives, although one before them is missing") {
  Relay relay{milliseconds(100), milliseconds(100)};
  const auto pass = [&relay](int ms, std::uint64_t segments_each_10_ms) {
    for (int i = 0; i < ms && !relay.links[relay.two].closed; i += 10) {
      relay.links[relay.two].flight.segments_received += segments_each_10_ms;
      relay.pass(milliseconds(10));
      if (i % 50 == 0) relay.say(relay.boot, Heartbeat{});
    }
  };
  pass(5'000, 1);
  CHECK_FALSE(relay.links[relay.two].closed);
  SECTION("until they come no more") {
    pass(610, 0);
    CHECK(relay.links[relay.two].closed);
    CHECK(relay.bye(relay.two) == ByeReason::Silent);
  }
  SECTION("and who falls silent is dead as soon as ever") {
    relay.say(relay.two, Heartbeat{});
    pass(290, 0);
    CHECK_FALSE(relay.links[relay.two].closed);
    pass(20, 0);
    CHECK(relay.links[relay.two].closed);
  }
}

TEST_CASE(
    "a peer is not dead before two round trips have passed, but after three dead intervals in any case") {
  const auto [round_trip_ms, lives_ms, dead_ms] =
      GENERATE(table<int, int, int>({{150, 290, 310}, {350, 690, 810}, {60'000, 890, 1'010}}));
  CAPTURE(round_trip_ms);
  Relay relay{milliseconds(100), milliseconds(100)};
  relay.links[relay.two].flight.round_trip = milliseconds(round_trip_ms);
  const auto silent_since = relay.now().mono;
  const auto pass_until = [&](int ms) {
    while (relay.now().mono < silent_since + milliseconds(ms)) {
      relay.pass(milliseconds(10));
      relay.say(relay.boot, Heartbeat{});
    }
  };
  pass_until(lives_ms);
  CHECK_FALSE(relay.links[relay.two].closed);
  pass_until(dead_ms);
  CHECK(relay.links[relay.two].closed);
}

TEST_CASE("a peer that is further away than a dead interval is heard of, too") {
  Engine relay(Engine::relay());
  const LinkId boot = relay.register_with_bootstrapper();
  const auto pass = [&](int ms) {
    for (int i = 0; i < ms; i += 10) {
      relay.pass(milliseconds(10));
      relay.say(boot, Heartbeat{});
    }
  };
  const LinkId far = relay.accept(node("10.0.0.2:4000"));
  relay.say(far, test::ack(PeerKind::Node, 2, node("10.0.0.2")));
  relay.drain(far);
  pass(800);
  relay.say(far, FinalAck{Relation::Neighbour});
  pass(1'090);
  CHECK_FALSE(relay.links[far].closed);
  SECTION("if it says nothing then, it is dead") {
    pass(20);
    CHECK(relay.links[far].closed);
  }
  SECTION("from then on it is as any other") {
    relay.say(far, Heartbeat{});
    pass(290);
    CHECK_FALSE(relay.links[far].closed);
    pass(20);
    CHECK(relay.links[far].closed);
  }
}

TEST_CASE("each end sends hellos by its own interval") {
  Relay relay{milliseconds(100), milliseconds(30)};
  relay.drain(relay.two);
  milliseconds quiet{0};
  milliseconds longest{0};
  std::size_t sent = 0;
  for (int i = 0; i < 1'000; ++i) {
    relay.pass(milliseconds(5));
    relay.say(relay.boot, Heartbeat{});
    if (i % 6 == 0) relay.say(relay.two, Heartbeat{});
    quiet += milliseconds(5);
    longest = std::max(longest, quiet);
    const std::size_t hellos = relay.count_sent(relay.two, MessageType::Heartbeat);
    sent += hellos;
    if (hellos > 0) quiet = milliseconds(0);
  }
  CHECK(longest <= milliseconds(150));
  CHECK(sent <= 100);
}

TEST_CASE("a peer that asks and reads no answers has one waiting, to the newest question") {
  Relay relay{milliseconds(100), milliseconds(100)};
  const LinkId guest = relay.accept(node("192.168.9.9:5555"));
  relay.shake_hands(guest, PeerKind::Guest, 1, Relation::Guest);
  relay.say(guest, Heartbeat{false, 1});
  relay.drain(guest, 5);  // the first answer is half sent
  for (std::uint64_t time = 2; time <= 10'000; ++time) REQUIRE(relay.say(guest, Heartbeat{false, time}));
  for (const PeerLink& link : relay.overlay.links().all()) CHECK(link.outbox.size() < 1'000);
  std::vector<std::uint64_t> answers;
  relay.each_sent(guest, [&answers](const Header& header, const test::Bytes& message) {
    if (header.type != MessageType::Heartbeat) return;
    const auto heartbeat = decode<Heartbeat>(ByteSpan(message).subspan(kHeaderBytes));
    if (heartbeat->reply) answers.push_back(heartbeat->time);
  });
  CHECK(answers == std::vector<std::uint64_t>{1, 10'000});
}

}  // namespace
}  // namespace ott
