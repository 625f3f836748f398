// A process that is called late in every round: the clock of its overlay runs slower than the world's, and
// still runs.
#include <catch2/catch.hpp>

#include "hostile_relay.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::HostileRelay;

const Duration kHello = OverlayConfig{}.heartbeat;

TEST_CASE("a process that is late in every round finds a dead peer, and takes no other for dead") {
  const auto late = GENERATE(milliseconds(60), milliseconds(100), milliseconds(250), milliseconds(5'000));
  CAPTURE(late.count());
  HostileRelay relay;
  unsigned rounds = 0;
  for (; rounds < 20 && !relay.links.at(relay.three).closed; ++rounds) {
    relay.stand_still(kHello + late);
    for (const LinkId link : {relay.boot, relay.two}) relay.say(link, Heartbeat{});
  }
  CHECK(relay.links.at(relay.three).closed);
  CHECK(relay.bye(relay.three) == ByeReason::Silent);
  CHECK(rounds <= 5);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a process that is late in every round skips frames for a viewer that is too slow, and no other") {
  const auto late = GENERATE(milliseconds(60), milliseconds(100), milliseconds(250));
  CAPTURE(late.count());
  HostileRelay relay;
  relay.begin_stream();
  relay.frames_sent(relay.two);
  const LinkId guest = relay.guest("192.168.9.9:5555");
  Watch watch;
  watch.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  watch.stream = relay.live.id;
  watch.watcher = test::node("192.168.9.9:5555");
  watch.viewers = 1;
  watch.wants_tracker = true;
  relay.say(guest, watch);
  relay.say(guest, Start{relay.live.id, FrameNumber{0}, 1});
  relay.drain(guest);
  std::vector<std::uint64_t> quick;
  for (unsigned round = 0; round < 20; ++round) {
    for (unsigned i = 0; i < 5; ++i) relay.next_frame();
    for (const std::uint64_t frame : relay.frames_sent(relay.two)) quick.push_back(frame);
    relay.drain(guest, 100);  // less than one frame
    relay.stand_still(kHello + late);
    for (const LinkId link : {relay.boot, relay.two, relay.three, guest}) relay.say(link, Heartbeat{});
  }
  CHECK(quick.size() == 100);
  std::size_t skipped = 0;
  relay.each_sent(guest, [&skipped](const Header& header, const test::Bytes& message) {
    if (header.type != MessageType::Skip) return;
    const auto record = parse_record(header, message);
    skipped += record->last_skipped().value - record->frame.value + 1;
  });
  CHECK(skipped > 50);
}

}  // namespace
}  // namespace ott
