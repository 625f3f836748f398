// Trees, STARTs and records of somebody who means harm: what others are sent goes on.
#include <catch2/catch.hpp>

#include "hostile_relay.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::HostileRelay;
using test::node;

TEST_CASE("a TRACKER far ahead from a node that is not on the way takes the stream from nobody") {
  const std::uint32_t ahead = GENERATE(1U, (1U << 23U) - 1, 1U << 23U, (1U << 23U) + 1);
  HostileRelay relay;
  relay.begin_stream();
  relay.frames_sent(relay.two);
  relay.say(relay.three, relay.tree(node("10.0.0.3"), 7 + ahead));
  std::vector<std::uint64_t> got;
  std::uint32_t version = 8;
  for (unsigned i = 0; i < 120; ++i) {  // six seconds
    relay.next_frame();
    relay.live_on(milliseconds(50));
    // Its origin hears that nothing comes from 10.0.0.3, and sends its tree again.
    for (const Watch& watch : relay.sent<Watch>(relay.boot)) {
      if (!watch.starved_by.address.is_unspecified() || watch.wants_tracker)
        relay.say(relay.boot, relay.tree(node("10.0.0.10"), version++));
    }
    relay.say(relay.two, Start{relay.live.id, FrameNumber{got.empty() ? 0 : got.back()}, 1});
    relay.answer_start();
    for (const std::uint64_t frame : relay.frames_sent(relay.two)) got.push_back(frame);
  }
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() + 5 >= relay.frame);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a SKIP over more frames than can be missing costs the link that it came by, and no other") {
  HostileRelay relay;
  relay.begin_stream();
  relay.frames_sent(relay.two);
  const std::uint64_t last = GENERATE(std::uint64_t{1} << 61U, kFrameNumberMax - 1);
  relay.receive(relay.three, test::record_bytes(relay.label, relay.frame + 1, 0, last, 0, 0));
  CHECK(relay.links.at(relay.three).closed);
  relay.next_frame();
  CHECK(relay.frames_sent(relay.two) == std::vector{relay.frame});
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a watcher that its stream's trees do not count says again that it watches, at a rate") {
  HostileRelay relay;
  relay.begin_stream();
  KnownStream stream;
  stream.info = relay.live;
  stream.origin = node("10.0.0.10");
  relay.overlay.watch(stream, true, relay.now());
  relay.live_on(milliseconds(100));
  relay.sent<Watch>(relay.boot);
  // Trees for 10.0.0.2 alone: somebody has told the origin that nobody watches here any more.
  std::uint32_t version = 8;
  for (int i = 0; i < 5; ++i) relay.say(relay.boot, relay.tree(node("10.0.0.10"), version++));
  std::vector<Watch> told = relay.sent<Watch>(relay.boot);
  REQUIRE(told.size() == 1);
  CHECK(told.front().watcher == HostileRelay::here());
  CHECK(told.front().viewers == 1);
  CHECK_FALSE(told.front().wants_tracker);
  relay.live_on(milliseconds(600));
  CHECK(relay.sent<Watch>(relay.boot).size() == 1);
  relay.live_on(seconds(1));
  CHECK(relay.sent<Watch>(relay.boot).empty());
}

TEST_CASE("records from a neighbour that is no parent are nobody's") {
  HostileRelay relay;
  relay.begin_stream();
  relay.frames_sent(relay.two);
  for (const std::uint64_t frame : {relay.frame + 1, relay.frame + 1'000, std::uint64_t{1} << 40U})
    relay.receive(relay.three, test::record_bytes(relay.label, frame, kRecordFlags, 1, 1, 100));
  CHECK(relay.frames_sent(relay.two).empty());
  relay.next_frame();
  CHECK(relay.frames_sent(relay.two) == std::vector{relay.frame});
}

TEST_CASE("a tree that nobody wants leaves nothing behind when the node that invented it has gone") {
  const std::uint32_t ahead = GENERATE(100U, (1U << 23U) + 1);
  HostileRelay relay;
  relay.say(relay.three, relay.tree(node("10.0.0.3"), 7 + ahead));
  // It goes by the tree of another parent.
  for (const TrackerMessage& m : relay.sent<TrackerMessage>(relay.two))
    relay.say(relay.two, Stop{make_label(m.stream.id, 7)});
  relay.lose(relay.three);
  relay.live_on(seconds(5));
  CHECK(relay.overlay.flows().all().empty());
}

TEST_CASE(
    "a child that comes with frames that the stream does not have yet is told so, and gets what there is") {
  HostileRelay relay;
  relay.begin_stream();
  relay.sent<Started>(relay.two);
  relay.say(relay.two, Start{relay.live.id, FrameNumber{relay.frame + 5'000}, 2});
  std::vector<std::uint64_t> got;
  FrameNumber after{kFrameNumberMax};
  for (unsigned i = 0; i < 60; ++i) {
    relay.next_frame();
    relay.live_on(milliseconds(50));
    relay.answer_start();
    relay.each_sent(relay.two, [&](const Header& header, const test::Bytes& message) {
      const ByteSpan body = ByteSpan(message).subspan(kHeaderBytes);
      if (header.type == MessageType::Started) after = decode<Started>(body)->after;
      if (header.type == MessageType::Data) got.push_back(parse_record(header, message)->frame.value);
    });
  }
  CHECK(after.value <= relay.frame);
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == relay.frame);
}

TEST_CASE("a first guest that asks for what comes after the end of the range keeps it from nobody else") {
  HostileRelay relay;
  const std::uint64_t last =
      GENERATE(as<std::uint64_t>{}, kFrameNumberMax, kFrameNumberMax - 1, std::uint64_t{1'000'000});
  const LinkId hostile = relay.guest("192.168.9.9:5555");
  const LinkId honest = relay.guest("192.168.9.8:5555");
  const auto watch = [&relay](LinkId link, const NodeId& who) {
    Watch m;
    m.tracker.path.entries = {{HostileRelay::here(), 1, true}};
    m.stream = relay.live.id;
    m.watcher = who;
    m.viewers = 1;
    m.wants_tracker = true;
    relay.say(link, m);
  };
  watch(hostile, node("192.168.9.9:5555"));
  TrackerMessage tree = relay.tree(node("10.0.0.10"), 7);
  tree.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  relay.say(relay.boot, tree);
  relay.say(hostile, Start{relay.live.id, FrameNumber{last}, 1});
  relay.live_on(milliseconds(500));
  relay.answer_start();
  for (unsigned i = 0; i < 5; ++i) {
    relay.next_frame();
    relay.live_on(milliseconds(50));
    relay.answer_start();
  }
  watch(honest, node("192.168.9.8:5555"));
  relay.say(honest, Start{relay.live.id, FrameNumber{0}, 1});
  std::vector<std::uint64_t> got;
  for (unsigned i = 0; i < 20; ++i) {
    relay.next_frame();
    relay.live_on(milliseconds(50));
    relay.answer_start();
    for (const std::uint64_t frame : relay.frames_sent(honest)) got.push_back(frame);
  }
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == relay.frame);
}

/// The stream comes by 10.0.0.3, from which it is believed, to 10.0.0.2.
struct HostileParent : HostileRelay {
  HostileParent() {
    say(three, tree(node("10.0.0.3"), 7));
    say(two, Start{live.id, FrameNumber{0}, 1});
    for (const Start& start : sent<Start>(three)) say(three, Started{start.stream, start.number, start.last});
    from_three(frame);
    REQUIRE(frames_sent(two) == std::vector{frame});
  }
  bool from_three(std::uint64_t number, std::uint8_t flags = kRecordFlags) {
    return receive(three,
                   test::record_bytes(label, number, flags, 1, static_cast<std::uint16_t>(number), 100));
  }
  bool skip_from_three(std::uint64_t first, std::uint64_t last) {
    return receive(three, test::record_bytes(label, first, 0, last, 0, 0));
  }
  /// The stream comes by another way, where it has numbers of its own. What 10.0.0.2 gets of it.
  std::vector<std::uint64_t> frames_by_another_way() {
    say(boot, tree(node("10.0.0.10"), 8));
    std::vector<std::uint64_t> got;
    for (unsigned i = 0; i < 60; ++i) {
      next_frame();
      live_on(milliseconds(50));
      answer_start();
      for (const std::uint64_t number : frames_sent(two)) got.push_back(number);
    }
    return got;
  }
};

TEST_CASE("a frame number at the end of its 64 bits costs a parent its link, and nobody below the stream") {
  HostileParent relay;
  const std::uint64_t end = ~std::uint64_t{0};
  const unsigned way = GENERATE(0U, 1U, 2U, 3U);
  CAPTURE(way);
  if (way == 0) relay.from_three(end);
  if (way == 1) relay.skip_from_three(relay.frame + 1, end);
  if (way == 2) relay.skip_from_three(end, end);
  if (way == 3) relay.from_three(end - 1);
  CHECK(relay.links.at(relay.three).closed);
  const std::vector<std::uint64_t> got = relay.frames_by_another_way();
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == relay.frame);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a parent that jumps over more frames than can be missing loses its link, and is counted") {
  HostileParent relay;
  const bool skip = GENERATE(false, true);
  const std::uint64_t far = relay.frame + (std::uint64_t{1} << 21U);
  const bool stays = skip ? relay.skip_from_three(far, far + 1) : relay.from_three(far);
  CHECK_FALSE(stays);
  CHECK(relay.overlay.counters().numbers_refused == 1);
  CHECK(relay.bye(relay.three) == ByeReason::Protocol);
  const std::vector<std::uint64_t> got = relay.frames_by_another_way();
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == relay.frame);
}

TEST_CASE("frames that a former parent has invented are forgotten here and below once another one has none") {
  HostileParent relay;
  const bool skip = GENERATE(false, true);
  std::uint64_t last = relay.frame;
  for (unsigned i = 0; i < 3; ++i) {  // as far as each record may
    last += (std::uint64_t{1} << 20U) - 1;
    const bool stays = skip ? relay.skip_from_three(last, last) : relay.from_three(last);
    REQUIRE(stays);
  }
  relay.lose(relay.three);
  relay.sent<Started>(relay.two);
  const std::vector<std::uint64_t> got = relay.frames_by_another_way();
  CHECK(relay.overlay.counters().numbers_refused > 0);
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == relay.frame);
  CHECK(got.size() > 40);
}

TEST_CASE("a guest whose START names what is no frame number is gone, and another one gets the stream") {
  HostileRelay relay;
  relay.begin_stream();
  const LinkId hostile = relay.guest("192.168.9.9:5555");
  test::Bytes start;
  encode(start, Start{relay.live.id, FrameNumber{0}, 1});
  std::fill_n(start.begin() + kHeaderBytes + 8, 8, std::uint8_t{0xFF});
  CHECK_FALSE(relay.receive(hostile, start));
  const LinkId honest = relay.guest("192.168.9.8:5555");
  Watch watch;
  watch.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  watch.stream = relay.live.id;
  watch.watcher = node("192.168.9.8:5555");
  watch.viewers = 1;
  watch.wants_tracker = true;
  relay.say(honest, watch);
  relay.say(honest, Start{relay.live.id, FrameNumber{0}, 1});
  relay.next_frame();
  const std::vector<std::uint64_t> got = relay.frames_sent(honest);
  REQUIRE_FALSE(got.empty());
  CHECK(got.back() == relay.frame);
}

}  // namespace
}  // namespace ott
