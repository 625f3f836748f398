// Limits of what connections may cost before and after their handshake.
#include "overlay/handshakes.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Engine;
using test::node;

NodeId guest_address(std::size_t number) {
  return {node("192.168.9.9").address, static_cast<std::uint16_t>(10'000 + number)};
}

TEST_CASE("past the limit of handshakes the oldest one is closed, and who is through stays") {
  OverlayConfig config = Engine::relay();
  config.limits.handshakes = 20;
  Engine relay(config);
  const LinkId boot = relay.register_with_bootstrapper();
  const LinkId guest = relay.accept(guest_address(0));
  relay.shake_hands(guest, PeerKind::Guest, 1, Relation::Guest);
  std::vector<LinkId> silent;
  for (std::size_t i = 1; i <= 50; ++i) silent.push_back(relay.accept(guest_address(i)));
  relay.pass(milliseconds(1));
  const auto open = [&relay](LinkId link) { return !relay.links[link].closed; };
  CHECK(std::count_if(silent.begin(), silent.end(), open) == 20);
  CHECK(std::all_of(silent.end() - 20, silent.end(), open));
  CHECK(relay.bye(silent.front()) == ByeReason::NoRoom);
  CHECK(relay.overlay.counters().handshakes_closed == 30);
  CHECK((open(boot) && open(guest)));
  // A connection that has been lost, or has come through, makes room.
  relay.lose(silent.back());
  relay.shake_hands(silent[48], PeerKind::Guest, 1, Relation::Guest);
  relay.accept(guest_address(100));
  relay.accept(guest_address(101));
  CHECK(relay.overlay.counters().handshakes_closed == 30);
  // And time ends all of them.
  for (int i = 0; i < 60; ++i) {
    relay.pass(milliseconds(100));
    relay.say(boot, Heartbeat{});
  }
  CHECK(std::count_if(silent.begin(), silent.end(), open) == 1);
  CHECK(relay.overlay.links().accepted_in_handshake() == 0);
}

TEST_CASE("past the limit of guests another one is told to go elsewhere, and a member is not") {
  OverlayConfig config = Engine::relay();
  config.limits.guests = 3;
  Engine relay(config);
  relay.register_with_bootstrapper();
  std::vector<LinkId> guests;
  for (std::size_t i = 0; i < 3; ++i) {
    guests.push_back(relay.accept(guest_address(i)));
    relay.shake_hands(guests.back(), PeerKind::Guest, 1, Relation::Guest);
  }
  CHECK(relay.overlay.links().guests() == 3);
  const auto try_one = [&relay](std::size_t number) {
    const LinkId link = relay.accept(guest_address(number));
    relay.say(link, test::ack(PeerKind::Guest, 1, guest_address(number)));
    return link;
  };
  CHECK(relay.bye(try_one(10)) == ByeReason::NoRoom);
  CHECK(relay.overlay.counters().guests_refused == 1);
  relay.lose(guests[0]);
  CHECK(relay.overlay.links().guests() == 2);
  // Two that begin at once: there is room for one of them in the end.
  const LinkId first = try_one(11);
  const LinkId second = try_one(12);
  CHECK(relay.say(first, FinalAck{Relation::Guest}));
  CHECK_FALSE(relay.say(second, FinalAck{Relation::Guest}));
  CHECK(relay.bye(second) == ByeReason::NoRoom);
  CHECK(relay.overlay.links().guests() == 3);
  const LinkId neighbour = relay.accept(node("10.0.0.2:4000"));
  relay.say(neighbour, test::ack(PeerKind::Node, 2, node("10.0.0.2")));
  CHECK(relay.say(neighbour, FinalAck{Relation::Neighbour}));
}

}  // namespace
}  // namespace ott
