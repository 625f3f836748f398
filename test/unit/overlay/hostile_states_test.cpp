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

TEST_CASE("what comes in great numbers is handed on together, and not to a neighbour that has it already") {
  HostileRelay relay;
  relay.sent<Links>(relay.two);
  const auto reporter = [](unsigned i) { return node("172.16.0." + std::to_string(i)); };
  std::vector<NodeId> handed_on;
  const auto look = [&] {
    for (const Links& m : relay.sent<Links>(relay.two)) {
      if (m.state.reporter.address.bytes[12] == 172) handed_on.push_back(m.state.reporter);
    }
  };
  for (unsigned i = 1; i <= 200; ++i) {
    relay.say(relay.three, links_of(reporter(i), 1));
    look();
  }
  CHECK(handed_on.size() > 20);
  CHECK(handed_on.size() <= 50);
  relay.say(relay.two, links_of(reporter(200), 1));
  relay.live_on(milliseconds(100));
  look();
  CHECK(handed_on.size() == 199);
  CHECK(std::ranges::find(handed_on, reporter(200)) == handed_on.end());
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
  // A newer state of a reporter that is there needs no room.
  REQUIRE(relay.overlay.link_states().all().size() == 20);
  relay.say(relay.two, links_of(node("10.0.0.2"), 2, {{HostileRelay::here(), 1}}));
  CHECK(relay.overlay.link_states().find(node("10.0.0.2"))->number == 2);
  relay.lose(relay.three);
  // Who is there finds room at once.
  relay.say(relay.two, links_of(node("10.0.0.2"), 3, {{node("10.0.0.1"), 1}, {HostileRelay::here(), 1}}));
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

TEST_CASE("a number at the end of its 64 bits is malformed") {
  HostileRelay relay;
  const Links links = links_of(node("10.0.0.2"), 1);
  test::Bytes bytes;
  encode(bytes, links);
  // After the header: a Tracker that floods, the reporter, its kind and incarnation.
  const std::size_t at = kHeaderBytes + 1 + 2 + 2 + 4 + 18 + 1 + 8;
  REQUIRE(load_be<std::uint64_t>(bytes.data() + at) == 1);
  const std::uint64_t number = GENERATE(~std::uint64_t{0}, kSequenceMax + 1);
  store_be<std::uint64_t>(bytes.data() + at, number);
  CHECK_FALSE(relay.receive(relay.three, bytes));
  CHECK(relay.overlay.link_states().find(node("10.0.0.2"))->links.size() == 2);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a relay whose own state was forged tells the origins of its streams again what it watches") {
  HostileRelay relay;
  const LinkId guest = relay.guest("192.168.9.9:5555");
  Watch watch;
  watch.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  watch.stream = relay.live.id;
  watch.watcher = node("192.168.9.9:5555");
  watch.viewers = 1;
  watch.wants_tracker = true;
  relay.say(guest, watch);
  TrackerMessage tree = relay.tree(node("10.0.0.10"), 7);
  tree.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  relay.say(relay.boot, tree);
  relay.sent<Watch>(relay.boot);
  const LinkState* own = relay.overlay.link_states().find(HostileRelay::here());
  REQUIRE(own != nullptr);
  relay.say(relay.three, links_of(HostileRelay::here(), own->number + 1, {}, {}, PeerKind::Node, 99));
  relay.live_on(milliseconds(200));
  const std::vector<Watch> told = relay.sent<Watch>(relay.boot);
  REQUIRE(told.size() == 1);
  CHECK(told.front().viewers == 1);
  CHECK(told.front().watcher == HostileRelay::here());
}

TEST_CASE("guests get a stream again that a forged state has taken from its origin's list") {
  HostileRelay relay;
  const LinkId guest = relay.guest("192.168.9.9:5555");
  Watch watch;
  watch.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  watch.stream = relay.live.id;
  watch.watcher = node("192.168.9.9:5555");
  watch.viewers = 1;
  watch.wants_tracker = true;
  relay.say(guest, watch);
  TrackerMessage tree = relay.tree(node("10.0.0.10"), 7);
  tree.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  relay.say(relay.boot, tree);
  REQUIRE(relay.sent<TrackerMessage>(guest).size() == 1);
  relay.say(relay.three,
            links_of(node("10.0.0.10"), 2, {{HostileRelay::here(), 1}}, {}, PeerKind::Bootstrap));
  relay.live_on(milliseconds(200));
  CHECK(relay.overlay.flows().all().size() == 1);  // as a rule its origin hears of it, and outbids it
  relay.live_on(std::chrono::seconds(3));
  CHECK(relay.overlay.flows().all().empty());
  relay.sent<Watch>(relay.boot);
  // Now it does, after all.
  relay.say(relay.boot,
            links_of(node("10.0.0.10"), 3, {{HostileRelay::here(), 1}}, {relay.live}, PeerKind::Bootstrap));
  relay.live_on(milliseconds(200));
  const std::vector<Watch> asked = relay.sent<Watch>(relay.boot);
  REQUIRE_FALSE(asked.empty());
  CHECK(asked.back().wants_tracker);
  tree.label = make_label(relay.live.id, 8);
  relay.say(relay.boot, tree);
  CHECK(relay.sent<TrackerMessage>(guest).size() == 1);  // without a word from it
}

TEST_CASE("an origin gives a watcher its place again whose state was forged, once it says what it watches") {
  Engine origin(Engine::bootstrapper());
  const LinkId link = origin.accept(node("10.0.0.20"));
  origin.shake_hands(link, PeerKind::Node, 5);
  StreamInfo info;
  info.name = "film";
  info.id = origin.overlay.origin().add_stream(info).value();
  const auto own_state = [&](std::uint64_t number, std::uint64_t incarnation) {
    origin.say(
        link, links_of(node("10.0.0.20"), number, {{node("10.0.0.10"), 1}}, {}, PeerKind::Node, incarnation));
  };
  Watch watch;
  watch.tracker = Tracker::along({{{node("10.0.0.10"), 1, true}}});
  watch.stream = info.id;
  watch.watcher = node("10.0.0.20");
  watch.incarnation = 5;
  watch.viewers = 1;
  watch.wants_tracker = true;
  own_state(1, 5);
  origin.say(link, watch);
  origin.pass(milliseconds(50));
  REQUIRE(origin.overlay.origin().watchers() == std::vector{node("10.0.0.20")});
  own_state(2, 99);
  origin.pass(milliseconds(50));
  own_state(3, 5);
  origin.pass(milliseconds(50));
  watch.wants_tracker = false;  // the stream still comes there, as far as it knows
  origin.say(link, watch);
  origin.pass(milliseconds(50));
  CHECK(origin.overlay.origin().watchers() == std::vector{node("10.0.0.20")});
  CHECK(origin.overlay.flow(info.id)->child(link) != nullptr);
}

/// Says one after the other of many states, as if each came from another part of the overlay.
void say_states(HostileRelay& relay, unsigned count, const std::vector<Adjacency>& links) {
  for (unsigned i = 0; i < count; ++i) {
    NodeId reporter = node("172.16.0.0");
    store_be<std::uint16_t>(reporter.address.bytes.data() + 14, static_cast<std::uint16_t>(i));
    relay.say(relay.three, links_of(reporter, 1, links));
  }
}

TEST_CASE("states past the memory there is for them are not taken, and asked for again later") {
  OverlayConfig config = Engine::relay();
  config.limits.link_state_bytes = 1'000'000;
  HostileRelay relay(config);
  std::vector<Adjacency> links;
  for (unsigned i = 0; i < 4'000; ++i) {
    NodeId other = node("11.0.0.0");
    store_be<std::uint16_t>(other.address.bytes.data() + 14, static_cast<std::uint16_t>(i));
    links.push_back({other, 1});
  }
  say_states(relay, 100, links);
  const std::size_t fit = 1'000'000 / (links.size() * sizeof(Adjacency));
  CHECK(relay.overlay.link_states().all().size() <= 4 + fit);
  CHECK(relay.overlay.counters().link_states_refused >= 100 - 2 * fit);  // the first made room
  relay.sent<Sync>(relay.two);
  relay.live_on(seconds(3));
  CHECK(relay.sent<Sync>(relay.two).size() == 1);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("new states come by one link at a bounded rate, and what is refused is asked for again later") {
  OverlayConfig config = Engine::relay();
  config.limits.link_states = 100'000;
  HostileRelay relay(config);
  say_states(relay, 30'000, {});
  CHECK(relay.overlay.link_states().all().size() <= 4 + 20'000);
  CHECK(relay.overlay.counters().link_states_refused >= 9'999);
  relay.sent<Sync>(relay.two);
  relay.live_on(seconds(3));
  CHECK(relay.sent<Sync>(relay.two).size() == 1);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE(
    "a node whose state is forged all the time floods its own at a bounded rate, and the last one is its "
    "own") {
  HostileRelay relay;
  const Limits limits;
  Links forged = links_of(HostileRelay::here(), 0);
  std::size_t floods = 0;
  LinkState last;
  const auto take_floods = [&] {
    for (const Links& m : relay.sent<Links>(relay.two)) {
      ++floods;
      last = m.state;
    }
  };
  for (unsigned i = 0; i < 1'000; ++i) {  // each outbids what the relay has just said
    forged.state.number = relay.overlay.link_states().find(HostileRelay::here())->number + 1;
    relay.say(relay.three, forged);
    for (const LinkId link : {relay.boot, relay.two}) relay.say(link, Heartbeat{});
    relay.stand_still(milliseconds(2));
    take_floods();
  }
  CHECK(floods > 0);
  CHECK(floods <= limits.own_states_per_s * (2 + limits.burst_s));
  relay.live_on(seconds(2));
  take_floods();
  CHECK(last.reporter == HostileRelay::here());
  CHECK(last.number > forged.state.number);
  CHECK(last.links.size() == 3);
  CHECK(relay.honest_links_are_there());
}

}  // namespace
}  // namespace ott
