// A parent that lives and sends nothing of a stream: its child asks elsewhere, and the origin avoids the
// link.
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

/// A relay whose parent for the stream is 10.0.0.3, which answers its START and sends nothing after that.
struct Starving : HostileRelay {
  Starving() {
    say(three, tree(node("10.0.0.3"), 7));
    say(two, Start{live.id, FrameNumber{0}, 1});
    for (const Start& start : sent<Start>(three)) say(three, Started{start.stream, start.number, start.last});
    sent<Watch>(boot);
  }
  /// The first complaint that comes to the origin, and by which link.
  std::optional<Watch> complaint_within(Duration time) {
    for (const MonoTime end = now().mono + time; now().mono < end;) {
      live_on(milliseconds(50));
      for (const Watch& watch : sent<Watch>(boot)) {
        if (!watch.starved_by.address.is_unspecified()) return watch;
      }
    }
    return {};
  }
};

TEST_CASE("a parent that lives and sends nothing is complained of to the origin, by another way") {
  Starving relay;
  CHECK_FALSE(relay.complaint_within(seconds(2)));
  const auto complaint = relay.complaint_within(seconds(1));
  REQUIRE(complaint);
  CHECK(complaint->starved_by == node("10.0.0.3"));
  CHECK(complaint->watcher == HostileRelay::here());
  CHECK(complaint->stream == relay.live.id);
  CHECK(complaint->last == FrameNumber{0});
  CHECK_FALSE(relay.links.at(relay.three).closed);
}

TEST_CASE("such a parent is left once another one sends, and is none again for a while") {
  Starving relay;
  REQUIRE(relay.complaint_within(seconds(3)));
  relay.sent<Stop>(relay.three);
  relay.say(relay.boot, relay.tree(node("10.0.0.10"), 8));
  relay.answer_start();
  for (unsigned i = 0; i < 10; ++i) {
    relay.live_on(milliseconds(50));
    relay.next_frame();
  }
  CHECK(relay.frames_sent(relay.two).back() == relay.frame);
  CHECK(relay.sent<Stop>(relay.three).size() == 1);
  CHECK(relay.overlay.counters().parents_left == 1);
  // However new the tree is that it offers.
  relay.say(relay.three, relay.tree(node("10.0.0.3"), 9));
  CHECK(relay.sent<Stop>(relay.three).size() == 1);
  relay.next_frame();
  CHECK(relay.frames_sent(relay.two) == std::vector{relay.frame});
}

TEST_CASE("a parent whose origin has nothing to send is not left") {
  Starving relay;
  const unsigned frames = GENERATE(0U, 5U);
  for (unsigned i = 0; i < frames; ++i) {
    ++relay.frame;
    relay.receive(relay.three, test::record_bytes(relay.label, relay.frame, kRecordFlags, 1,
                                                  static_cast<std::uint16_t>(relay.frame), 100));
  }
  relay.live_on(seconds(10));
  CHECK(relay.overlay.counters().parents_left == 0);
  CHECK(relay.sent<Stop>(relay.three).empty());
}

/// An origin with two ways to 10.0.0.2: by 10.0.0.1, which its tree takes, and by 10.0.0.20.
struct TwoWays : Engine {
  LinkId one, twenty;
  StreamId stream;

  TwoWays() : Engine(bootstrapper()), one(join("10.0.0.1")), twenty(join("10.0.0.20")) {
    StreamInfo info;
    info.name = "film";
    stream = overlay.origin().add_stream(info).value();
    const NodeId two = node("10.0.0.2");
    const NodeId here = node("10.0.0.10");
    say(one, links_of(node("10.0.0.1"), 1, {{two, 1}, {here, 1}}));
    say(twenty, links_of(node("10.0.0.20"), 1, {{two, 1}, {here, 1}}));
    say(one, links_of(two, 1, {{node("10.0.0.1"), 1}, {node("10.0.0.20"), 1}}));
    say(one, watch());
    live_on(milliseconds(100));
    REQUIRE(count_sent(one, MessageType::Tracker) == 1);
    REQUIRE(count_sent(twenty, MessageType::Tracker) == 0);
  }
  LinkId join(std::string_view peer) {
    const LinkId link = accept(node(peer));
    shake_hands(link, PeerKind::Node, 1);
    return link;
  }
  [[nodiscard]] Watch watch() const {
    Watch m;
    m.tracker = Tracker::along({{{node("10.0.0.10"), 1, true}}});
    m.stream = stream;
    m.watcher = node("10.0.0.2");
    m.incarnation = 1;
    m.viewers = 1;
    m.wants_tracker = true;
    return m;
  }
  void complain() {
    Watch m = watch();
    m.wants_tracker = false;
    m.starved_by = node("10.0.0.1");
    say(twenty, m);
    live_on(milliseconds(100));
  }
  /// Where its tree goes first.
  NodeId first_hop() { return (*overlay.origin().tree(stream).children().begin()).front().node; }
  void publish() {
    Flow& flow = *overlay.flow(stream);
    overlay.origin().write_record(flow, {FrameNumber{1}, true, true, 100}, now(),
                                  [](MutableByteSpan rtp) { std::fill(rtp.begin(), rtp.end(), 0); });
    overlay.published(flow);
  }
  void live_on(Duration time) {
    for (const MonoTime end = now().mono + time; now().mono < end;) {
      for (const LinkId link : {one, twenty}) say(link, Heartbeat{});
      pass(milliseconds(50));
    }
  }
};

TEST_CASE("an origin avoids a link by which its frames do not come, for a while") {
  TwoWays origin;
  origin.publish();
  origin.live_on(milliseconds(1'500));
  origin.complain();
  CHECK(origin.count_sent(origin.twenty, MessageType::Tracker) == 1);
  CHECK(origin.first_hop() == node("10.0.0.20"));
  origin.live_on(seconds(11));
  origin.say(origin.one, origin.watch());
  origin.live_on(milliseconds(100));
  CHECK(origin.first_hop() == node("10.0.0.1"));
}

TEST_CASE("an origin that has sent nothing, or only just now, avoids no link") {
  TwoWays origin;
  const bool sent = GENERATE(false, true);
  origin.live_on(milliseconds(1'500));
  if (sent) origin.publish();
  origin.complain();
  CHECK(origin.count_sent(origin.twenty, MessageType::Tracker) == 0);
}

}  // namespace
}  // namespace ott
