// Viewers whose stream stops: each says why, from what the nodes on the way know.
#include <catch2/catch.hpp>

#include "lab.h"

namespace ott::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The classic overlay with the member n5, a guest of n3, and their streams flowing.
struct Watching {
  explicit Watching(std::uint64_t seed) : lab(seed) {
    lab.start(kBootstrapRole, "10.0.0.10");
    lab.start_relays();
    member = &lab.start(kClientRole, "10.0.3.20");
    guest = &lab.prepare(kClientRole, "192.168.7.7");
    OverlayConfig& config = guest->context->options.overlay;
    config.bootstrap.reset();
    config.kind = PeerKind::Guest;
    config.access_named = true;
    config.access = {NodeId{ip("10.0.1.2")}};
    lab.network.start(ip("192.168.7.7"), kClientRole.create(*guest->context));
    REQUIRE(flows(20));
  }
  bool flows(std::size_t frames) {
    const std::size_t member_due = member->frames.frames.size() + frames;
    const std::size_t guest_due = guest->frames.frames.size() + frames;
    return lab.network.run_until(
        [&] {
          return member->frames.frames.size() >= member_due && guest->frames.frames.size() >= guest_due;
        },
        seconds(30));
  }
  static bool says(Process& viewer, const std::string& reason) {
    return std::ranges::any_of(viewer.log.lines, [&reason](const std::string& line) {
      return line.starts_with("no frame of 'small' for ") && line.ends_with(reason);
    });
  }
  static bool begins_with(Process& viewer, const std::string& reason) {
    return std::ranges::any_of(viewer.log.lines, [&reason](const std::string& line) {
      return line.starts_with("no frame of 'small' for ") && line.find(" s: " + reason) != std::string::npos;
    });
  }

  Lab lab;
  Process* member;
  Process* guest;
};

TEST_CASE("viewers two nodes below hear from their own node who has left, and what they have missed") {
  Watching w(71);
  w.lab.network.signal(ip("10.0.0.1"), Signal::Terminate);
  w.lab.network.run_for(seconds(4));
  for (Process* viewer : {w.member, w.guest}) {
    CHECK(w.says(*viewer, "10.0.0.1 (n2) left; no path to the origin 10.0.0.10"));
    CHECK_FALSE(viewer->log.has("goes on after"));
  }
  w.lab.start(kNodeRole, "10.0.0.1");
  REQUIRE(w.flows(20));
  for (const char* address : {"10.0.3.20", "192.168.7.7"})
    w.lab.network.signal(ip(address), Signal::Terminate);
  for (Process* viewer : {w.member, w.guest}) {
    const std::uint64_t lost = viewer->stat("frames_lost");
    const std::uint64_t skipped = viewer->stat("frames_skipped");
    const std::string missing = std::to_string(lost) + (lost == 1 ? " frame" : " frames") + " lost, " +
                                std::to_string(skipped) + " skipped";
    CHECK(viewer->log.has("'small' goes on after "));
    CHECK(viewer->log.has(missing));
    CHECK(viewer->stat("frames_received") == viewer->frames.frames.size());
  }
}

TEST_CASE("a relay that is killed is gone, and one that hangs does not answer") {
  const bool hangs = GENERATE(false, true);
  CAPTURE(hangs);
  Watching w(72);
  if (hangs) {
    w.lab.network.stop(ip("10.0.1.2"));
  } else {
    w.lab.network.kill(ip("10.0.1.2"));
  }
  w.lab.network.run_for(seconds(4));
  // The member has no other neighbour, and goes on as a guest of another node before it is worth a word.
  CHECK(w.member->log.has("no neighbour is left: going on as a guest of"));
  CHECK_FALSE(w.member->log.has("no frame of"));
  CHECK(w.begins_with(*w.guest, hangs ? "10.0.1.2 does not answer" : "10.0.1.2 is gone ("));
}

TEST_CASE("a stream whose origin leaves has no path to it, whoever sees that") {
  Watching w(73);
  w.lab.network.signal(ip("10.0.0.10"), Signal::Terminate);
  w.lab.network.run_for(seconds(4));
  for (Process* viewer : {w.member, w.guest})
    CHECK(w.says(*viewer, "10.0.0.10 (n1) left; no path to the origin 10.0.0.10 (n1)"));
}

TEST_CASE("a failure that is healed within a second is not worth a word") {
  Watching w(74);
  w.lab.network.break_connections(ip("10.0.0.1"), ip("10.0.1.2"));
  REQUIRE(w.flows(50));
  for (Process* viewer : {w.member, w.guest}) {
    CHECK_FALSE(viewer->log.has("no frame of"));
    CHECK_FALSE(viewer->log.has("goes on"));
  }
}

}  // namespace
}  // namespace ott::sim
