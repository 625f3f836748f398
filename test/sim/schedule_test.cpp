// A few hundred schedules of each kind in every test run, and by name those that once showed a bug. `make
// sim` runs more.
#include "schedule.h"

#include <catch2/catch.hpp>

#include "../sanitized.h"

namespace ott::sim {
namespace {

constexpr std::uint64_t kSeeds = test::kSanitized ? 25 : 150;

TEST_CASE("whatever fails, viewers get every frame that some ring holds, once and in order") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const ScheduleResult result = run_schedule(seed);
    INFO("replay it with: sim --seed " << seed);
    CHECK(result.violation.value_or("") == "");
    CHECK(result.frames > 0);
  }
}

TEST_CASE("whatever fails, viewers begin and go on at sync points, and lose nothing by it") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const ScheduleResult result = run_schedule(seed, Kind::Pictures);
    INFO("replay it with: sim --pictures --seed " << seed);
    CHECK(result.violation.value_or("") == "");
    CHECK(result.frames > 0);
  }
}

TEST_CASE("whatever peers say, honest viewers get their frames again within 5 s of their leaving") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const ScheduleResult result = run_schedule(seed, Kind::Hostile);
    CHECK(result.violation.value_or("") == "");
    CHECK(result.frames > 0);
  }
}

TEST_CASE("viewers that pause and change streams leave nothing behind, whatever fails") {
  for (std::uint64_t seed = 1; seed <= kSeeds / 2; ++seed) {
    const ScheduleResult result = run_schedule(seed, Kind::Commands);
    INFO("replay it with: sim --commands --seed " << seed);
    CHECK(result.violation.value_or("") == "");
  }
}

TEST_CASE("viewers whose only neighbour fails lose nothing either, and are members again in the end") {
  std::uint64_t schedules = 0;
  for (std::uint64_t seed = 1'000; schedules < kSeeds / 2; ++seed) {
    if (!has_lonely_viewers(seed)) continue;
    ++schedules;
    const ScheduleResult result = run_schedule(seed);
    CHECK(result.violation.value_or("") == "");
    CHECK(result.frames > 0);
  }
}

TEST_CASE("guests go to access nodes that are clearly nearer, lose nothing by it, and rarely move") {
  for (std::uint64_t seed = 1; seed <= kSeeds / 5; ++seed) {
    const ScheduleResult result = run_schedule(seed, Kind::Guests);
    INFO("replay it with: sim --guests --seed " << seed);
    CHECK(result.violation.value_or("") == "");
    CHECK(result.frames > 0);
  }
}

TEST_CASE("viewers have the nearest of several sources, and another when that is clearly nearer, or dies") {
  for (std::uint64_t seed = 1; seed <= kSeeds / 5; ++seed) {
    const ScheduleResult result = run_schedule(seed, Kind::Sources);
    INFO("replay it with: sim --sources --seed " << seed);
    CHECK(result.violation.value_or("") == "");
    CHECK(result.frames > 0);
  }
}

void holds(std::uint64_t seed, Kind kind = Kind::Faults) {
  const ScheduleResult result = run_schedule(seed, kind);
  CHECK(result.violation.value_or("") == "");
}

TEST_CASE("a parent that has forgotten a child's START says so in its next TRACKER") { holds(9); }
TEST_CASE("a relay waits for STARTs from deep below before it asks for less") { holds(300); }
TEST_CASE("a child that comes with an older need than its parent began with still gets its frames") {
  holds(263);
}
TEST_CASE("what was on its way before a START is not taken for its answer") { holds(7); }
TEST_CASE("a START with an older need takes the place of one that is not answered yet") { holds(138); }
TEST_CASE("the answer to an earlier START does not begin a flow that has asked anew") { holds(8002); }
TEST_CASE("what a new parent sends before its answer to START is not taken for what follows") {
  holds(6372);
  holds(7707);
}
TEST_CASE("who stood still looks at the clock before it skips frames for a child") { holds(102287); }
TEST_CASE("two relays that were each other's parent in turn leave no flow behind") { holds(4064); }

TEST_CASE("a link state that is forged with everybody among the visited reaches its owner") {
  holds(11, Kind::Hostile);
  holds(46, Kind::Hostile);
}
TEST_CASE("a node whose numbers a forger has brought near their end does not count beyond it") {
  holds(33, Kind::Hostile);
  holds(44, Kind::Hostile);
}
TEST_CASE("a child of an invented tree that never asks is not waited for") {
  holds(5, Kind::Hostile);
  holds(20, Kind::Hostile);
  holds(80, Kind::Hostile);
}
TEST_CASE("a child that has forged frames ahead of the stream is told that they are none") {
  holds(28, Kind::Hostile);
  holds(34, Kind::Hostile);
  holds(109, Kind::Hostile);
}
TEST_CASE("a stream is asked for where it is listed, whoever's TRACKER came first") {
  holds(93, Kind::Hostile);
}
TEST_CASE("connections whose handshakes are not over have a limit") { holds(85, Kind::Hostile); }
TEST_CASE("after a withdrawal neighbours agree on a reporter's number") { holds(3, Kind::Hostile); }
TEST_CASE("an answer to a hello that was never sent is no round trip") { holds(1, Kind::Hostile); }
TEST_CASE("a QUERY to an origin that cannot be reached any more goes nowhere") { holds(501, Kind::Hostile); }
TEST_CASE("a tree's forged version counts no longer than the one who forged it feeds") {
  holds(47, Kind::Hostile);
  holds(105, Kind::Hostile);
}
TEST_CASE("a forged withdrawal takes no stream away") { holds(92, Kind::Hostile); }
TEST_CASE("a reporter's numbers from before and after a withdrawal do not fight") {
  holds(1391, Kind::Hostile);
}
TEST_CASE("forged frames near the stream's own numbers are found out along a chain of relays") {
  holds(729, Kind::Hostile);
  holds(3946, Kind::Hostile);
}
TEST_CASE("a viewer goes on where its flow began again for a child after it had taken forged frames") {
  holds(8434, Kind::Hostile);
}
TEST_CASE("a claim to frames that no stream comes to is found out by a parent that has none yet") {
  holds(16385, Kind::Hostile);
  holds(21598, Kind::Hostile);
  holds(22842, Kind::Hostile);
}
TEST_CASE("a parent that begins anew says so to a child that asked for the newest frame") {
  holds(291, Kind::Hostile);
}
TEST_CASE("an origin sends its tree to a watcher that has frames which the stream never had") {
  holds(212, Kind::Hostile);
}
TEST_CASE("a flow that is made anew is read from its beginning, whatever its numbers were before") {
  holds(940, Kind::Hostile);
}
TEST_CASE("a watcher complains in time, whatever a forged tree says of its place") {
  holds(35244, Kind::Hostile);
}
TEST_CASE("an origin that is wrong about who watches is told so") { holds(54311, Kind::Hostile); }
TEST_CASE("a table that is full of invented reporters takes newer states of those that are in it") {
  holds(252, Kind::Hostile);
}
TEST_CASE("a close that a silent link held back gets through in the end") {
  holds(33765, Kind::Hostile);
  holds(39020, Kind::Hostile);
}
TEST_CASE("a stream's true origin takes its flow over from one that lists the same stream") {
  holds(991, Kind::Hostile);
  holds(8927, Kind::Hostile);
  holds(1936, Kind::Hostile);
  holds(1345, Kind::Hostile);
}

}  // namespace
}  // namespace ott::sim
