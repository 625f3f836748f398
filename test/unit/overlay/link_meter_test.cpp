#include "overlay/link_meter.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// A link as its meter sees it: a round trip is measured and its counts are looked at each half second.
class Link {
 public:
  explicit Link(Duration round_trip) : round_trip_(round_trip) { meter.begin(round_trip, now); }

  void set_round_trip(Duration round_trip) { round_trip_ = round_trip; }
  /// For so long it takes `kbps`, and feeds skip on it or not.
  void run(Duration time, std::uint64_t kbps = 0, bool skips = false) {
    for (const MonoTime end = now + time; now < end;) {
      now += LinkMeter::kInterval;
      counts_.bytes_out += kbps * 1'000 / 8 / 2;
      counts_.frames_skipped += skips ? 1 : 0;
      if (skips) counts_.blocked += LinkMeter::kInterval;
      meter.round_trip(round_trip_, now);
      meter.look(counts_, now);
      if (meter.take_changed()) ++changes;
    }
  }
  void send(std::uint64_t segments, std::uint64_t again) {
    sent_ += segments;
    resent_ += again;
    meter.segments(sent_, resent_, now);
  }
  [[nodiscard]] double rtt_ms() const { return meter.facts().rtt_us / 1e3; }

  LinkMeter meter;
  MonoTime now{hours_since_boot()};
  unsigned changes = 0;

 private:
  static Duration hours_since_boot() { return std::chrono::hours(3); }
  Duration round_trip_;
  LinkMeter::Counts counts_;
  std::uint64_t sent_ = 0;
  std::uint64_t resent_ = 0;
};

TEST_CASE("a round trip is said when it has been another one by a fifth for three seconds") {
  Link link(milliseconds(10));
  CHECK(link.rtt_ms() == Approx(10).epsilon(0.07));
  link.run(seconds(5));
  link.changes = 0;
  link.set_round_trip(milliseconds(60));
  link.run(milliseconds(2500));
  CHECK(link.changes == 0);
  link.run(seconds(1));
  CHECK(link.changes == 1);
  CHECK(link.rtt_ms() == Approx(60).epsilon(0.07));
  link.set_round_trip(milliseconds(10));
  link.run(milliseconds(2500));
  CHECK(link.changes == 1);
  link.run(seconds(1));
  CHECK(link.rtt_ms() == Approx(10).epsilon(0.07));
}

TEST_CASE("a handshake that took longer than the round trip is corrected once, after three seconds") {
  Link link(milliseconds(60));
  link.set_round_trip(milliseconds(52));
  link.run(milliseconds(2500));
  CHECK(link.rtt_ms() == Approx(60).epsilon(0.07));
  link.run(milliseconds(1500));
  CHECK(link.rtt_ms() == Approx(52).epsilon(0.03));
  link.set_round_trip(milliseconds(46));
  link.run(seconds(10));
  CHECK(link.rtt_ms() == Approx(52).epsilon(0.03));
}

TEST_CASE(
    "what wanders by a tenth, a few late answers, and differences below a millisecond say nothing new") {
  Link link(milliseconds(20));
  link.run(seconds(1));
  link.changes = 0;
  for (int i = 0; i < 600; ++i) {
    link.set_round_trip(milliseconds(18 + i * 7 % 5));
    if (i % 6 == 0) link.set_round_trip(milliseconds(300));
    link.run(LinkMeter::kInterval);
  }
  CHECK(link.changes == 0);
  Link near(std::chrono::microseconds(100));
  near.run(seconds(5));
  near.changes = 0;
  near.set_round_trip(std::chrono::microseconds(700));
  near.run(seconds(20));
  CHECK(near.changes == 0);
}

TEST_CASE("loss is said once enough was sent, and is as high as of late") {
  Link link(milliseconds(10));
  link.send(150, 15);
  CHECK(link.meter.loss() < 0);
  link.run(seconds(5));
  CHECK(link.meter.facts().loss == 0);
  link.send(100, 10);
  CHECK(link.meter.loss() == Approx(0.1));
  link.run(seconds(4));
  CHECK(link.meter.facts().loss == 1'000);
  for (int i = 0; i < 10; ++i) link.send(1'000, 0);
  link.run(seconds(4));
  CHECK(link.meter.facts().loss < 50);
}

TEST_CASE("what is lost where the link's own queue is full is no loss of the link") {
  Link link(milliseconds(10));
  link.run(seconds(2), 3'000);
  link.send(500, 20);  // the queue fills
  link.run(seconds(1), 3'000);
  for (int i = 0; i < 10; ++i) {
    link.run(seconds(1), 3'000, true);
    link.send(300, 12);
  }
  REQUIRE_FALSE(link.meter.keeps_up());
  CHECK(link.meter.facts().loss == 0);
  link.run(seconds(3), 2'000);  // some streams have left it
  link.send(1'000, 20);
  link.run(seconds(4), 2'000);
  CHECK(link.meter.facts().loss == 200);
}

TEST_CASE("another connection begins to count anew") {
  Link link(milliseconds(10));
  link.send(1'000, 0);
  link.meter.begin(milliseconds(10), link.now);
  link.meter.segments(500, 50, link.now);
  CHECK(link.meter.loss() > 0.03);
}

TEST_CASE(
    "a link does not keep up when feeds skip on it more than once, and could carry what it carried then") {
  Link link(milliseconds(10));
  link.run(seconds(5), 2'000);
  link.run(LinkMeter::kInterval, 3'000, true);
  CHECK(link.meter.keeps_up());
  link.run(seconds(3), 3'000, true);
  CHECK_FALSE(link.meter.keeps_up());
  CHECK(link.meter.facts().could_carry_kbps == Approx(3'000).epsilon(0.25));
  link.run(seconds(5), 3'000, true);
  CHECK(link.meter.facts().could_carry_kbps == Approx(3'000).epsilon(0.02));
  CHECK(link.meter.facts().carries_kbps == Approx(3'000).epsilon(0.2));
}

TEST_CASE("the round trip through a queue of its own is none") {
  Link link(milliseconds(10));
  link.run(seconds(5), 3'000);
  link.set_round_trip(milliseconds(400));
  link.run(seconds(10), 3'000, true);
  CHECK(link.rtt_ms() == Approx(10).epsilon(0.07));
}

TEST_CASE(
    "what a link could carry is remembered for longer while it is used, and each time that it proves true") {
  const bool used = GENERATE(true, false);
  const Duration memory = used ? Duration(minutes(20)) : Duration(minutes(1));
  const std::uint64_t kbps = used ? 2'000 : 0;
  Link link(milliseconds(10));
  for (const unsigned times : {1U, 2U, 4U, 8U, 8U}) {
    CAPTURE(used, times);
    link.run(seconds(6), 3'000, true);
    REQUIRE_FALSE(link.meter.keeps_up());
    link.run(times * memory - seconds(5), kbps);
    CHECK_FALSE(link.meter.keeps_up());
    link.run(seconds(10), kbps);
    CHECK(link.meter.keeps_up());
    CHECK(link.meter.facts().could_carry_kbps == 0);
  }
}

TEST_CASE("a link that is longer when hardly anything goes over it was long, not narrow") {
  Link link(milliseconds(10));
  link.run(seconds(5), 2'000);
  link.set_round_trip(milliseconds(120));
  link.run(seconds(3), 400, true);
  REQUIRE(link.meter.facts().could_carry_kbps == Approx(400).epsilon(0.1));
  CHECK(link.rtt_ms() == Approx(10).epsilon(0.07));
  SECTION("its streams have left it") {
    link.run(seconds(7));
    CHECK(link.meter.keeps_up());
    CHECK(link.rtt_ms() == Approx(120).epsilon(0.07));
    // They return, and it does not keep up again: so it is narrow, too.
    link.run(seconds(3), 400, true);
    CHECK(link.rtt_ms() == Approx(120).epsilon(0.07));
    link.set_round_trip(milliseconds(200));
    link.run(seconds(30));
    CHECK_FALSE(link.meter.keeps_up());
  }
  SECTION("they are on it still") {
    link.run(seconds(7), 380);
    CHECK_FALSE(link.meter.keeps_up());
  }
  SECTION("it was its queue") {
    link.set_round_trip(milliseconds(10));
    link.run(seconds(30));
    CHECK_FALSE(link.meter.keeps_up());
  }
}

TEST_CASE("what it carries without skipping it can carry, which is said before others have to leave it") {
  Link link(milliseconds(10));
  link.run(seconds(6), 3'000, true);
  link.run(milliseconds(3'500), 8'000);
  CHECK(link.meter.facts().could_carry_kbps == Approx(8'000).epsilon(0.02));
}

}  // namespace
}  // namespace ott
