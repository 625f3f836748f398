// Guests may be anybody: what one can make a node keep and do has an end.
#include <algorithm>
#include <catch2/catch.hpp>

#include "hostile_relay.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Bytes;
using test::Engine;
using test::HostileRelay;
using test::node;

const PeerLink* link_of(HostileRelay& relay, const NodeId& remote) {
  for (const PeerLink& link : relay.overlay.links().all()) {
    if (link.remote == remote) return &link;
  }
  return nullptr;
}

Watch watch_of(StreamId stream, const NodeId& who) {
  Watch m;
  m.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  m.stream = stream;
  m.watcher = who;
  m.viewers = 1;
  m.wants_tracker = true;
  return m;
}

TEST_CASE("a guest that watches a stream that nobody has is refused, and stays") {
  HostileRelay relay;
  const LinkId guest = relay.guest("192.168.9.9:5555");
  CHECK(relay.say(guest, watch_of(StreamId{77}, node("192.168.9.9:5555"))));
  const std::vector<Refused> refused = relay.sent<Refused>(guest);
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().stream == StreamId{77});
  CHECK(refused.front().reason == RefusedReason::UnknownStream);
  CHECK(relay.overlay.counters().watches_refused == 1);
}

TEST_CASE("a guest asks for so much a second and no more") {
  HostileRelay relay;
  const Limits limits;
  const LinkId guest = relay.guest("192.168.9.9:5555");
  for (unsigned i = 0; i < 1'000; ++i) relay.say(guest, watch_of(StreamId{77 + i}, node("192.168.9.9:5555")));
  CHECK(relay.sent<Refused>(guest).size() <= limits.requests_per_guest_s * limits.burst_s);
  CHECK(relay.overlay.counters().messages_dropped > 0);
}

TEST_CASE("a guest asks so many questions why at a time, and all together so many") {
  HostileRelay relay;
  const auto is_refused = [](const auto& answer) {
    return answer.outcome == WhyOutcome::Busy && answer.lines.size() == 1 &&
           answer.lines.front().find("too many ask") != std::string::npos;
  };
  const auto refused_to = [&](LinkId guest) {
    return std::ranges::count_if(relay.sent<WhyAnswer>(guest), is_refused);
  };
  const auto ask = [&relay](LinkId guest, std::string_view who) {
    Why question;
    question.asker = node(who);
    question.stream = relay.live.id;
    question.tracker = Tracker::along({{{HostileRelay::here(), 1, true}}});
    relay.say(guest, question);
  };
  const LinkId greedy = relay.guest("192.168.9.9:5555");
  for (int i = 0; i < 10; ++i) ask(greedy, "192.168.9.9:5555");
  CHECK(refused_to(greedy) == 2);
  CHECK(relay.overlay.counters().whys_refused == 2);
  const LinkId other = relay.guest("192.168.9.8:5555");
  ask(other, "192.168.9.8:5555");
  CHECK(refused_to(other) == 0);

  const KnownStream stream = relay.overlay.streams().front();
  Whys& whys = relay.overlay.whys();
  for (int i = 0; i < 64 - 8 - 1; ++i) CHECK_FALSE(whys.take_answer(whys.ask(stream, "", relay.now())));
  CHECK(is_refused(whys.take_answer(whys.ask(stream, "", relay.now())).value_or(Origin::Why{})));
  relay.live_on(seconds(6));  // the bootstrapper answers none: they have waited long enough
  CHECK_FALSE(whys.take_answer(whys.ask(stream, "", relay.now())));
}

TEST_CASE("a guest's message has four kilobytes, whether it is finished or not") {
  HostileRelay relay;
  const LinkId guest = relay.guest("192.168.9.9:5555");
  Bytes longest(kHeaderBytes + 4'000);
  store_header(longest.data(), {MessageType::Watch, 0, 0, kBodyBytesMaxUnauthenticated});
  CHECK(relay.receive(guest, longest, 100));
  CHECK(link_of(relay, node("192.168.9.9:5555"))->partial.size() <=
        kHeaderBytes + kBodyBytesMaxUnauthenticated);
  const LinkId other = relay.guest("192.168.9.8:5555");
  Bytes too_long(kHeaderBytes);
  store_header(too_long.data(), {MessageType::Watch, 0, 0, kBodyBytesMaxUnauthenticated + 1});
  CHECK_FALSE(relay.receive(other, too_long));
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("of the answers that a guest does not read only one waits for it") {
  HostileRelay relay;
  const Limits limits;
  const LinkId guest = relay.guest("192.168.9.9:5555");
  bool stays = true;
  for (unsigned i = 0; i < 100'000 && stays; ++i) {
    stays = relay.say(guest, Heartbeat{false, 1 + i});
    const PeerLink* link = link_of(relay, node("192.168.9.9:5555"));
    REQUIRE(link != nullptr);
    REQUIRE(link->outbox.size() <= limits.guest_outbox_bytes);
  }
  CHECK(stays);
  CHECK(relay.overlay.counters().links_unread == 0);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a guest that says a message of a later version stays") {
  HostileRelay relay;
  const LinkId guest = relay.guest("192.168.9.9:5555");
  Bytes unknown(kHeaderBytes + 20);
  store_header(unknown.data(), {MessageType{200}, 0, 0, 20});
  CHECK(relay.receive(guest, unknown));
  CHECK(relay.receive(relay.three, unknown));
}

TEST_CASE("an answer to a hello that was never sent says nothing of the round trip") {
  HostileRelay relay;
  relay.say(relay.three, Heartbeat{true, 1});
  CHECK(link_of(relay, node("10.0.0.3"))->rtt < seconds(1));
}

}  // namespace
}  // namespace ott
