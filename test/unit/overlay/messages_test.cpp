// MESSAGE at a relay, at a member and at a guest: who is sent what, and what is shown.
#include "overlay/messages.h"

#include <catch2/catch.hpp>

#include "hostile_relay.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Engine;
using test::HostileRelay;
using test::node;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("a text that no MESSAGE can carry is refused with its place", "[messages]") {
  CHECK(check_message_text("good evening, Zo\xC3\xAB \xF0\x9F\x8E\xAC"));
  CHECK(check_message_text(std::string(kTextBytesMax, 'x')));
  CHECK(has(check_message_text("").error().message, "no text"));
  CHECK(has(check_message_text(std::string(kTextBytesMax + 1, 'x')).error().message, "1025 bytes"));
  CHECK(has(check_message_text("a\tb").error().message, "byte 2 of the text is the control character 0x09"));
  CHECK(has(check_message_text("ab\x7F").error().message, "byte 3"));
  for (const char* text : {"a\x80", "a\xC3", "a\xC0\xAF", "a\xE0\x80\x80", "a\xED\xA0\x80",
                           "a\xF5\x80\x80\x80", "a\xF4\x90\x80\x80"}) {
    INFO(text);
    CHECK(has(check_message_text(text).error().message, "byte 2 of the text"));
  }
}

TEST_CASE("a text for several nodes takes a tree: a link that they share carries one copy", "[messages]") {
  HostileRelay relay;
  relay.lose(relay.three);
  relay.say(relay.two,
            test::links_of(node("10.0.0.2"), 2, {{node("10.0.0.3"), 1}, {HostileRelay::here(), 1}}));
  relay.say(relay.two, test::links_of(node("10.0.0.3"), 9, {{node("10.0.0.2"), 1}}));
  relay.pass(milliseconds(100));
  for (const LinkId link : {relay.boot, relay.two}) relay.drain(link);
  relay.sent<Message>(relay.two);
  REQUIRE(relay.overlay.say("hello", {"10.0.0.2", "10.0.0.3"}, relay.now()));
  const auto sent = relay.sent<Message>(relay.two);
  REQUIRE(sent.size() == 1);
  CHECK(sent.front().from == HostileRelay::here());
  CHECK(sent.front().text == "hello");
  CHECK(sent.front().tracker.path.destinations() == std::vector{node("10.0.0.2"), node("10.0.0.3")});
  CHECK(relay.count_sent(relay.boot, MessageType::Message) == 0);

  SECTION("by a neighbour's name") {
    REQUIRE(relay.overlay.say("hello", {"boot"}, relay.now()));
    CHECK(relay.sent<Message>(relay.boot).size() == 1);
  }
  SECTION("and not to whom there is no way") {
    const auto error = [&](const char* to) {
      return relay.overlay.say("x", {to}, relay.now()).error().message;
    };
    CHECK(has(error("10.0.0.99"), "there is no path to 10.0.0.99"));
    CHECK(has(error("nobody"), "no node that is known here is called 'nobody'"));
    CHECK(has(error("10.0.0.20"), "this node itself"));
    CHECK(relay.count_sent(relay.two, MessageType::Message) == 0);
  }
}

TEST_CASE("a text for all goes to each neighbour, with a number that no other run has used", "[messages]") {
  HostileRelay relay;
  REQUIRE(relay.overlay.say("one", {}, relay.now()));
  REQUIRE(relay.overlay.say("two", {}, relay.now()));
  for (const LinkId link : {relay.boot, relay.two, relay.three}) {
    const auto sent = relay.sent<Message>(link);
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].tracker.flood);
    CHECK(sent[0].number > Engine::relay().incarnation);
    CHECK(sent[1].number == sent[0].number + 1);
    CHECK(sent[0].tracker.visited == std::vector{HostileRelay::here()});
  }
  CHECK(relay.overlay.take_messages().empty());
}

TEST_CASE("what a guest says goes on under its own address, along paths of its access node", "[messages]") {
  HostileRelay relay;
  const NodeId where = node("192.168.9.9:5555");
  const LinkId guest = relay.guest("192.168.9.9:5555");
  const LinkId other = relay.guest("192.168.9.8:5555");
  Message message{Tracker::everywhere(), node("10.0.0.2"), 7, "hello"};
  SECTION("to all, its access node and other guests among them") {
    message.tracker.visited = {node("10.0.0.3"), node("10.0.0.2")};
    relay.say(guest, message);
    for (const LinkId link : {relay.boot, relay.two, relay.three}) {
      const auto sent = relay.sent<Message>(link);
      REQUIRE(sent.size() == 1);
      CHECK(sent.front().from == where);
      CHECK(sent.front().tracker.visited == std::vector{where, HostileRelay::here()});
    }
    const auto shown = relay.overlay.take_messages();
    REQUIRE(shown.size() == 1);
    CHECK(shown.front().from == where);
    CHECK(shown.front().route == std::vector{where});
    REQUIRE(relay.sent<Message>(other).size() == 1);
    CHECK(relay.sent<Message>(guest).empty());
    relay.say(guest, message);
    CHECK(relay.sent<Message>(relay.two).empty());
  }
  SECTION("to some") {
    message.tracker = Tracker::along({{{HostileRelay::here(), 4, true},
                                       {node("10.0.0.3"), 1, true},
                                       {node("10.0.0.99"), 1, true},
                                       {node("10.0.0.2"), 1, false}}});
    relay.say(guest, message);
    REQUIRE(relay.sent<Message>(relay.three).size() == 1);
    CHECK(relay.sent<Message>(relay.two).empty());
    CHECK(relay.overlay.take_messages().size() == 1);
    CHECK(relay.sent<Message>(other).empty());
    CHECK(std::ranges::any_of(relay.log.lines,
                              [](const std::string& line) { return has(line, "no path to 10.0.0.99"); }));
  }
  SECTION("a few a second, and no more") {
    const Limits limits;
    for (std::uint64_t i = 1; i <= 100; ++i) {
      message.number = i;
      relay.say(guest, message);
    }
    const std::size_t most = limits.messages_per_guest_s * limits.burst_s;
    CHECK(relay.sent<Message>(relay.two).size() == most);
    CHECK(relay.overlay.counters().messages_dropped == 100 - most);
    CHECK(relay.sent<Message>(other).size() <= 5);
    CHECK(relay.honest_links_are_there());
  }
}

/// A guest of 10.0.0.2, known there as 192.168.9.9:5555.
struct GuestEngine : Engine {
  LinkId access;
  GuestEngine() : Engine(guest()) {
    access = open(node("192.168.9.9:5555"));
    say(access, Speers{Greeting{PeerKind::Node, 9}, node("10.0.0.2"), node("192.168.9.9:5555"), {}});
    say(access, FinalAck{Relation::Guest});
    drain(access);
  }
  static OverlayConfig guest() {
    OverlayConfig config;
    config.kind = PeerKind::Guest;
    config.incarnation = 1;
    config.access = {node("10.0.0.2")};
    return config;
  }
};

TEST_CASE("a guest names its access node as the way, and whom it means behind it", "[messages]") {
  GuestEngine guest;
  SECTION("to all") {
    REQUIRE(guest.overlay.say("hello", {}, guest.now()));
    const auto sent = guest.last_sent<Message>(guest.access);
    REQUIRE(sent);
    CHECK(sent->tracker.flood);
    CHECK(sent->tracker.hops == 1);
    CHECK(sent->tracker.visited == std::vector{node("192.168.9.9:5555")});
  }
  SECTION("to some, the access node among them") {
    REQUIRE(guest.overlay.say("hello", {"10.0.0.3", "10.0.0.2", "10.0.0.4"}, guest.now()));
    const auto sent = guest.last_sent<Message>(guest.access);
    REQUIRE(sent);
    CHECK(sent->tracker.path.root().node == node("10.0.0.2"));
    CHECK(sent->tracker.path.destinations().size() == 3);
    CHECK(sent->tracker.for_here());
  }
  SECTION("to one") {
    REQUIRE(guest.overlay.say("hello", {"10.0.0.3"}, guest.now()));
    const auto sent = guest.last_sent<Message>(guest.access);
    REQUIRE(sent);
    CHECK(sent->tracker.path.destinations() == std::vector{node("10.0.0.3")});
  }
}

TEST_CASE("whoever has no link yet cannot say anything", "[messages]") {
  Engine guest(GuestEngine::guest());
  CHECK(has(guest.overlay.say("x", {}, guest.now()).error().message, "no link to any node"));
}

}  // namespace
}  // namespace ott
