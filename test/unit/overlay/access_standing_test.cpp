// When another access node counts as better, and how often a guest may go from one to the other.
#include "overlay/access_standing.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Now at(Duration time) { return {MonoTime(std::chrono::hours(1)) + time, {}}; }

/// A node whose probes were answered after these times, the last one at 10 s.
AccessStanding node(std::initializer_list<milliseconds> round_trips) {
  AccessStanding standing;
  Duration time = seconds(10) - seconds(5) * (static_cast<int>(round_trips.size()) - 1);
  for (const milliseconds each : round_trips) {
    standing.answered(each, at(time));
    time += seconds(5);
  }
  return standing;
}

bool is_better(const AccessStanding& other, const AccessStanding& own) {
  return other.is_clearly_better_than(own, at(seconds(10)));
}

TEST_CASE("an access node is better by 15 % and 2 ms, in each of three probes of one's own") {
  const auto ms = [](int each) { return node({milliseconds(each), milliseconds(each), milliseconds(each)}); };
  CHECK(is_better(ms(12), ms(58)));
  CHECK(is_better(ms(84), ms(100)));
  CHECK_FALSE(is_better(ms(86), ms(100)));
  CHECK_FALSE(is_better(ms(1), ms(2)));  // nobody gains from so little
  CHECK(is_better(ms(1), ms(3)));
  CHECK_FALSE(is_better(ms(12), node({milliseconds(58), milliseconds(12), milliseconds(58)})));
  CHECK_FALSE(is_better(ms(12), node({milliseconds(58), milliseconds(58)})));
  CHECK_FALSE(is_better(node({milliseconds(12), milliseconds(12)}), ms(58)));
}

TEST_CASE("the other node must have answered sooner each time") {
  const AccessStanding slow = node({milliseconds(58), milliseconds(60), milliseconds(59)});
  CHECK(is_better(node({milliseconds(12), milliseconds(40), milliseconds(12)}), slow));
  CHECK_FALSE(is_better(node({milliseconds(12), milliseconds(900), milliseconds(12)}), slow));
  CHECK_FALSE(is_better(node({milliseconds(57), milliseconds(12), milliseconds(57)}), slow));
}

TEST_CASE("a node that does not answer any more, or has given nothing, is no better one") {
  const AccessStanding slow = node({milliseconds(58), milliseconds(58), milliseconds(58)});
  AccessStanding other = node({milliseconds(12), milliseconds(12), milliseconds(12)});
  CHECK(other.is_clearly_better_than(slow, at(seconds(17))));
  CHECK_FALSE(other.is_clearly_better_than(slow, at(seconds(18))));
  other.answered(milliseconds(12), at(seconds(20)));
  CHECK(other.is_clearly_better_than(slow, at(seconds(20))));
  other.failed(at(seconds(20)));
  CHECK_FALSE(other.is_clearly_better_than(slow, at(seconds(21))));
  other.forget_round_trips();
  CHECK_FALSE(other.least());
}

TEST_CASE("a node that gives nothing is avoided for a time that doubles, and is forgiven in the end") {
  AccessStanding standing;
  Duration time{};
  for (const seconds avoided :
       {seconds(10), seconds(20), seconds(40), seconds(80), seconds(160), seconds(300), seconds(300)}) {
    standing.failed(at(time));
    CHECK(standing.is_avoided(at(time + avoided - milliseconds(1))));
    CHECK_FALSE(standing.is_avoided(at(time + avoided)));
    time += avoided;
  }
  time += minutes(5);
  standing.failed(at(time));
  CHECK_FALSE(standing.is_avoided(at(time + seconds(10))));
}

}  // namespace
}  // namespace ott
