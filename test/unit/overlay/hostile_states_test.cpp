// A neighbour that says what is not true of others and of nodes that are not there.
#include <catch2/catch.hpp>

#include "hostile_relay.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Engine;
using test::HostileRelay;
using test::links_of;
using test::node;

/// What a neighbour that takes all this in order believes of the relay in the end.
LinkStateDb heard_of_relay(HostileRelay& relay, LinkId link, const Links& before) {
  LinkStateDb db;
  db.update(before.state);
  for (const Links& m : relay.sent<Links>(link)) {
    if (m.state.reporter != HostileRelay::here()) continue;
    const LinkState* known = db.find(m.state.reporter);
    if (known != nullptr && known->is_withdrawal()) db.remove(m.state.reporter);
    db.update(m.state);
  }
  return db;
}

TEST_CASE("a link state that somebody else invents of a node is outbid by that node, whatever its number") {
  const std::uint64_t number = GENERATE(std::uint64_t{1'000}, std::uint64_t{1} << 60U, kSequenceMax - 1'000,
                                        kSequenceMax - 1, kSequenceMax);
  HostileRelay relay;
  const Links forged = links_of(HostileRelay::here(), number);
  relay.say(relay.three, forged);
  relay.live_on(seconds(2));
  const LinkStateDb db = heard_of_relay(relay, relay.two, forged);
  REQUIRE(db.find(HostileRelay::here()) != nullptr);
  CHECK_FALSE(db.find(HostileRelay::here())->is_withdrawal());
  CHECK(db.find(HostileRelay::here())->links.size() == 3);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a forged link state reaches its owner, whoever is said to have it already") {
  HostileRelay relay;
  relay.sent<Links>(relay.two);
  Links forged = links_of(node("10.0.0.2"), 1'000);
  forged.tracker.visited = {node("10.0.0.3"), node("10.0.0.2"), node("10.0.0.10")};
  relay.say(relay.three, forged);
  bool heard = false;
  for (const Links& m : relay.sent<Links>(relay.two))
    heard = heard || (m.state.reporter == node("10.0.0.2") && m.state.number == 1'000);
  CHECK(heard);
}

TEST_CASE("reporters that are invented have a limit, and are forgotten when nobody leads to them") {
  OverlayConfig config = Engine::relay();
  config.limits.link_states = 20;
  HostileRelay relay(config);
  for (unsigned i = 0; i < 200; ++i) {
    const NodeId invented = node("172.16.0." + std::to_string(1 + i));
    relay.say(relay.three, links_of(invented, 1, {{node("10.0.0.3"), 1}}));
    CHECK(relay.overlay.link_states().all().size() <= 20);
  }
  CHECK(relay.overlay.counters().link_states_refused > 0);
  relay.lose(relay.three);
  // Who is there finds room at once.
  relay.say(relay.two, links_of(node("10.0.0.2"), 2, {{node("10.0.0.1"), 1}, {HostileRelay::here(), 1}}));
  relay.say(relay.two, links_of(node("10.0.0.1"), 1, {{node("10.0.0.2"), 1}}));
  relay.live_on(seconds(3));
  relay.say(relay.two, links_of(node("10.0.0.1"), 1, {{node("10.0.0.2"), 1}}));
  CHECK(relay.overlay.link_states().find(node("10.0.0.1")) != nullptr);
  relay.live_on(seconds(35));
  for (const auto& [reporter, state] : relay.overlay.link_states().all())
    CHECK(reporter.address.bytes[12] == node("10.0.0.1").address.bytes[12]);
}

TEST_CASE("a reporter that changes its mind all the time costs its neighbours a bounded number of floods") {
  HostileRelay relay;
  relay.sent<Links>(relay.two);
  for (unsigned i = 0; i < 5'000; ++i)
    relay.say(relay.three, links_of(node("10.0.0.3"), 2 + i, {{node("10.0.0.2"), 1 + i % 2}}));
  CHECK(relay.sent<Links>(relay.two).size() <= 60);
  CHECK(relay.overlay.counters().states_deferred > 0);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a PING that is a flood is malformed") {
  HostileRelay relay;
  Ping ping{Tracker::everywhere(), node("10.0.0.3"), 1, 1};
  CHECK_FALSE(relay.say(relay.three, ping));
  CHECK(relay.honest_links_are_there());
}

}  // namespace
}  // namespace ott
