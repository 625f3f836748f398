// A member whose neighbours are all gone: whom it asks, as whose guest it goes on, and how it comes back.
#include "overlay/fallback.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Bytes;
using test::Engine;
using test::links_of;
using test::node;

const NodeId kOrigin = node("10.0.0.10");  // and the bootstrapper
const NodeId kOne = node("10.0.0.1");
const NodeId kTwo = node("10.0.0.2");
const NodeId kSelf = node("10.0.0.20");
const NodeId kAsGuest = node("10.0.0.20:5555");

StreamInfo film() {
  StreamInfo info;
  info.id = StreamId{77};
  info.name = "film";
  info.kind = "test";
  return info;
}

/// A member with one neighbour, 10.0.0.2, by which it watches the bootstrapper's stream.
struct Member : Engine {
  LinkId boot;
  LinkId two;
  std::uint64_t state_number = 1;
  std::uint64_t next_frame = 1;

  explicit Member(PeerKind kind = PeerKind::Client, bool has_neighbour = true) : Engine(config(kind)) {
    boot = open_to(kOrigin, {kSelf.address, 4000});
    say(boot, Speers{Greeting{PeerKind::Bootstrap, 7}, kOrigin, kSelf, {{kTwo, 1, "n2"}}});
    say(boot, FinalAck{Relation::Control});
    drain(boot);
    if (has_neighbour) two_is_back();
  }
  static OverlayConfig config(PeerKind kind) {
    OverlayConfig config = relay();
    config.kind = kind;
    return config;
  }
  void two_is_back() {
    two = accept(kTwo);
    shake_hands(two, PeerKind::Node, 5);
    ++state_number;
    say(two, links_of(kTwo, state_number, {{kOne, 1}, {kOrigin, 1}, {kSelf, 1}}));
    say(two, links_of(kOne, state_number, {{kTwo, 1}, {kOrigin, 1}}));
    say(two, links_of(kOrigin, state_number, {{kOne, 1}, {kTwo, 1}}, {film()}, PeerKind::Bootstrap));
    say(two, links_of(node("10.0.0.30"), state_number, {{kTwo, 1}}, {}, PeerKind::Client));
  }

  [[nodiscard]] bool connects_to(const NodeId& to) const {
    return std::ranges::any_of(connecting, [&to](const auto& request) { return request.to == to; });
  }
  LinkId open_to(const NodeId& to, const NodeId& local) {
    REQUIRE(connects_to(to));
    const auto wanted = std::ranges::find_if(connecting, [&](const auto& r) { return r.to == to; });
    std::iter_swap(wanted, connecting.end() - 1);
    return open(local);
  }
  /// Time in which the bootstrapper lives, and nobody listens at neighbours.
  void live(Duration time) {
    for (Duration left = time; left > Duration{}; left -= milliseconds(50)) {
      pass(milliseconds(50));
      if (!links.at(boot).closed) say(boot, Heartbeat{});
      if (two != LinkId{} && !links.at(two).closed) say(two, Heartbeat{});
    }
  }
  /// The access node that it is offered answers.
  LinkId attach(const NodeId& access = kOne) {
    live(milliseconds(750));
    say(boot, AccessNodes{{{access, 1, "10.0.0.1 (n1)"}}});
    return attach_to(access);
  }
  LinkId attach_to(const NodeId& access) {
    const LinkId link = open_to(access, kAsGuest);
    const auto ack = last_sent<Ack>(link);
    REQUIRE(ack);
    CHECK(ack->greeting.kind == PeerKind::Guest);
    CHECK(ack->ids == std::vector{kAsGuest});
    say(link, Speers{Greeting{PeerKind::Node, 9}, access, kAsGuest, {}});
    live(milliseconds(250));  // in which others might have answered
    const auto final_ack = last_sent<FinalAck>(link);
    REQUIRE(final_ack);
    CHECK(final_ack->relation == Relation::Guest);
    say(link, FinalAck{Relation::Guest});
    return link;
  }
  void watch() { overlay.watch({kOrigin, film()}, true, now()); }

  static TrackerMessage tree(const NodeId& here, const NodeId& parent, std::uint32_t version) {
    TrackerMessage m;
    m.tracker = Tracker::along({{{here, 1, true}}});
    m.tracker.visited = {kOrigin, parent};
    m.label = make_label(film().id, version);
    m.origin = kOrigin;
    m.stream = film();
    m.expects_start = true;
    return m;
  }
  /// The tree comes by this link, and START is answered. Returns the frame that it named.
  FrameNumber begin(LinkId link, const TrackerMessage& message) {
    last_sent<Start>(link);
    say(link, message);
    const auto start = last_sent<Start>(link);
    REQUIRE(start);
    say(link, Started{film().id, start->number, start->last});
    return start->last;
  }
  void frames(LinkId link, std::uint64_t until) {
    for (; next_frame <= until; ++next_frame) {
      const auto sequence = static_cast<std::uint16_t>(next_frame);
      receive(link, test::record_bytes(make_label(film().id, 1), next_frame, kRecordFlags, 1, sequence, 40));
    }
  }
  [[nodiscard]] std::uint64_t last_frame() {
    const Flow* flow = overlay.flow(film().id);
    return flow == nullptr ? 0 : flow->buffer.last_done().value;
  }
  [[nodiscard]] bool logged(const std::string& part) const {
    return std::ranges::any_of(log.lines,
                               [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }
};

TEST_CASE("a member whose neighbours are gone asks the bootstrapper, but not before one could be back") {
  Member member;
  member.lose(member.two);
  member.live(milliseconds(600));
  CHECK(member.count_sent(member.boot, MessageType::AccessNodes) == 0);
  member.live(milliseconds(150));
  const auto asked = member.last_sent<AccessNodes>(member.boot);
  REQUIRE(asked);
  CHECK(asked->nodes.empty());
  CHECK(member.connects_to(kTwo));  // as ever
  member.say(member.boot, AccessNodes{{{kOne, 1, "10.0.0.1 (n1)"}, {node("10.0.0.3"), 1, ""}}});
  CHECK(member.connects_to(node("10.0.0.3")));
  member.attach_to(kOne);
  CHECK_FALSE(member.connects_to(node("10.0.0.3")));  // the other one was nearer
  CHECK(member.logged("no neighbour is left: going on as a guest of 10.0.0.1 (n1)"));
  CHECK(member.overlay.self() == kSelf);
  CHECK(member.connects_to(kTwo));
}

TEST_CASE("a member that has just started gives its neighbours longer") {
  Member member(PeerKind::Client, false);
  member.live(milliseconds(2'900));
  CHECK(member.count_sent(member.boot, MessageType::AccessNodes) == 0);
  member.live(milliseconds(150));
  CHECK(member.count_sent(member.boot, MessageType::AccessNodes) == 1);
}

TEST_CASE("a node without neighbours does not become a guest") {
  Member relay(PeerKind::Node);
  relay.lose(relay.two);
  relay.live(seconds(4));
  CHECK(relay.count_sent(relay.boot, MessageType::AccessNodes) == 0);
}

TEST_CASE("a neighbour that is back in time is enough") {
  Member member;
  member.lose(member.two);
  member.live(milliseconds(600));
  member.two_is_back();
  member.live(seconds(2));
  CHECK(member.count_sent(member.boot, MessageType::AccessNodes) == 0);
}

TEST_CASE("access nodes are taken from the bootstrapper alone, and only if they were asked for") {
  Member member;
  const AccessNodes offer{{{node("10.0.0.66"), 1, "trap"}}};
  CHECK(member.say(member.boot, offer));
  CHECK(member.say(member.two, offer));
  const LinkId guest = member.accept(node("192.168.9.9:5555"));
  member.shake_hands(guest, PeerKind::Guest, 1, Relation::Guest);
  CHECK(member.say(guest, offer));
  const LinkId access = [&] {
    member.lose(member.two);
    return member.attach();
  }();
  CHECK(member.say(access, offer));
  CHECK(member.say(member.boot, offer));
  CHECK_FALSE(member.connects_to(node("10.0.0.66")));
}

TEST_CASE(
    "a stream goes on with a guest's access node, and with the neighbour that is back, each frame once") {
  Member member;
  member.watch();
  CHECK(member.begin(member.two, member.tree(kSelf, kTwo, 1)) == FrameNumber{0});
  member.frames(member.two, 10);
  member.lose(member.two);

  const LinkId access = member.attach();
  const auto watch = member.last_sent<Watch>(access);
  REQUIRE(watch);
  CHECK(watch->watcher == kAsGuest);
  CHECK(watch->viewers == 1);
  CHECK(member.begin(access, member.tree(kAsGuest, kOne, 3)) == FrameNumber{10});
  member.frames(access, 20);
  CHECK(member.last_frame() == 20);

  member.two_is_back();
  const auto again = member.last_sent<Watch>(member.two);  // the origin may have forgotten it
  REQUIRE(again);
  CHECK(again->watcher == kSelf);
  CHECK(again->wants_tracker);
  member.frames(access, 25);
  CHECK(member.begin(member.two, member.tree(kSelf, kTwo, 4)) == FrameNumber{25});
  member.frames(access, 30);
  CHECK(member.last_frame() == 30);
  CHECK(member.count_sent(access, MessageType::Stop) == 0);  // the tree has not brought anything yet
  member.frames(member.two, 31);
  CHECK(member.count_sent(access, MessageType::Stop) == 1);
  CHECK_FALSE(member.links[access].closed);
  member.live(milliseconds(1'100));
  CHECK(member.links[access].closed);
  CHECK(member.logged("back as a member: linked with 10.0.0.2 (n2)"));
  member.frames(member.two, 40);
  CHECK(member.last_frame() == 40);
}

TEST_CASE("a neighbour that fails again before it has sent anything leaves the access node as it was") {
  Member member;
  member.watch();
  member.begin(member.two, member.tree(kSelf, kTwo, 1));
  member.frames(member.two, 10);
  member.lose(member.two);
  const LinkId access = member.attach();
  member.begin(access, member.tree(kAsGuest, kOne, 3));
  member.frames(access, 20);
  member.two_is_back();
  member.begin(member.two, member.tree(kSelf, kTwo, 4));
  member.lose(member.two);
  const auto start = member.last_sent<Start>(access);
  REQUIRE(start);
  CHECK(start->last == FrameNumber{20});
  member.say(access, Started{film().id, start->number, start->last});
  member.frames(access, 30);
  CHECK(member.last_frame() == 30);
}

TEST_CASE("an access node has no say about a member's place in the overlay") {
  Member member;
  member.watch();
  member.begin(member.two, member.tree(kSelf, kTwo, 1));
  member.frames(member.two, 10);
  member.lose(member.two);
  const LinkId access = member.attach();

  SECTION("a tree that leads on from here is not taken from it") {
    TrackerMessage onward = member.tree(kAsGuest, kOne, 3);
    onward.tracker.path.entries = {{kAsGuest, 2, true}, {kTwo, 1, true}};
    member.say(access, onward);
    CHECK(member.count_sent(access, MessageType::Start) == 0);
  }
  SECTION("nor one of a stream that comes by a neighbour") {
    member.two_is_back();
    member.begin(member.two, member.tree(kSelf, kTwo, 4));
    member.last_sent<Start>(access);
    member.say(access, member.tree(kAsGuest, kOne, 9));
    CHECK(member.count_sent(access, MessageType::Start) == 0);
    member.frames(member.two, 20);
    CHECK(member.last_frame() == 20);
  }
  SECTION("what it says to all goes nowhere") {
    member.two_is_back();
    member.drain(member.two);
    CHECK(member.say(access, Message{Tracker::everywhere(), kOne, 1, "to all"}));
    Ping ping{Tracker::along({{{kAsGuest, 2, true}, {kTwo, 1, true}}}), kOne, 1, 1};
    CHECK(member.say(access, ping));
    CHECK(member.count_sent(member.two, MessageType::Message) == 0);
    CHECK(member.count_sent(member.two, MessageType::Ping) == 0);
  }
  SECTION("link states and requests have no place on its link") {
    const bool stays =
        GENERATE(0, 1, 2) == 0 ? member.say(access, links_of(node("10.0.0.66"), 1))
        : GENERATE(0, 1) == 0
            ? member.say(access, Sync{})
            : member.say(access, Watch{member.tree(kSelf, kOne, 1).tracker, film().id, kOne, 1, 1, true});
    CHECK_FALSE(stays);
    CHECK(member.overlay.link_states().find(node("10.0.0.66")) == nullptr);
  }
}

TEST_CASE("a member without neighbours and bootstrapper tries the nodes that it knows") {
  Member member;
  member.lose(member.two);
  member.lose(member.boot);
  member.live(milliseconds(750));
  CHECK(member.connects_to(kOne));
  CHECK_FALSE(member.connects_to(node("10.0.0.30")));  // a client
  member.attach_to(kOne);
  CHECK(member.logged("going on as a guest of 10.0.0.1"));
}

TEST_CASE(
    "a bootstrapper that does not answer is not waited for, and where its offers fail it is tried itself") {
  Member member;
  member.lose(member.two);
  SECTION("it does not answer") {
    member.live(milliseconds(1'300));
    CHECK(member.connects_to(kOne));
  }
  SECTION("the node that it offers is gone") {
    member.live(milliseconds(750));
    member.say(member.boot, AccessNodes{{{node("10.0.0.3"), 1, ""}}});
    member.refuse_connections();
    member.live(milliseconds(200));
    member.say(member.boot, AccessNodes{{{node("10.0.0.3"), 1, ""}}});
    CHECK(member.connects_to(node("10.0.0.3")));
    CHECK(member.connects_to(kOrigin));
    member.attach_to(kOrigin);
  }
}

TEST_CASE("a member that has lost its control link as well registers again by itself") {
  Member member;
  member.lose(member.two);
  member.attach();
  member.lose(member.boot);
  member.live(milliseconds(500));
  CHECK(member.connects_to(kOrigin));
}

TEST_CASE("a client that the topology has no more lets its former neighbours go and calls them no more") {
  Member member;
  member.watch();
  member.begin(member.two, Member::tree(kSelf, kTwo, 1));
  member.say(member.boot, Bye{ByeReason::NotNeeded, "the topology has this node no more"});
  for (int i = 0; i < 40 && !member.connects_to(kOrigin); ++i) member.live(milliseconds(50));
  member.boot = member.open_to(kOrigin, {kSelf.address, 4001});
  member.say(
      member.boot,
      Speers{Greeting{PeerKind::Bootstrap, 7}, kOrigin, {kSelf.address, 0}, {{kOne, 1, "10.0.0.1 (n1)"}}});
  member.attach_to(kOne);
  SECTION("it ends their links") {
    member.live(seconds(3));
    CHECK(member.bye(member.two) == ByeReason::NotNeighbour);
  }
  SECTION("they do") {
    member.say(member.two, Bye{ByeReason::NotNeighbour, "no neighbours by the topology any more"});
    CHECK(member.links.at(member.two).closed);
  }
  member.live(seconds(12));
  CHECK_FALSE(member.connects_to(kTwo));
  CHECK(member.overlay.next_deadline() > member.now().mono);  // it does not wait for what a guest never does
}

}  // namespace
}  // namespace ott
