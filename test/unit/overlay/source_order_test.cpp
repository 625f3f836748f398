// Which of several sources of one name comes first, and how rarely that changes.
#include "overlay/source_order.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr StreamId kOne{1};
constexpr StreamId kTwo{2};

struct Order {
  SourceOrder order;
  MonoTime now{std::chrono::hours(1)};

  StreamId first(std::uint64_t one, std::uint64_t two, bool one_live = true, bool two_live = true) {
    const std::vector<SourceOrder::Source> sources = {{kOne, one, one_live}, {kTwo, two, two_live}};
    return order.first("cam", sources, now);
  }
  /// How often the first one changes while this is so.
  std::size_t changes(std::uint64_t one, std::uint64_t two, Duration time) {
    std::size_t changes = 0;
    StreamId before = first(one, two);
    for (Duration passed{}; passed < time; passed += milliseconds(500)) {
      now += milliseconds(500);
      const StreamId after = first(one, two);
      changes += before == after ? 0 : 1;
      before = after;
    }
    return changes;
  }
};

TEST_CASE("the nearest source comes first, and another one once it has been clearly nearer for 3 s") {
  Order order;
  CHECK(order.first(100, 300) == kOne);
  CHECK(order.changes(100, 90, minutes(5)) == 0);  // not clearly
  CHECK(order.first(100, 50) == kOne);
  CHECK(order.order.next_deadline() == order.now + seconds(3));
  order.now += milliseconds(2'900);
  CHECK(order.first(100, 50) == kOne);
  order.now += milliseconds(100);
  CHECK(order.first(100, 50) == kTwo);
  CHECK(order.changes(100, 50, minutes(5)) == 0);
  CHECK(order.changes(43, 50, minutes(5)) == 0);
  CHECK(order.changes(30, 50, minutes(5)) == 1);
}

TEST_CASE("a source that was nearer for a moment is not the first by that") {
  Order order;
  CHECK(order.first(100, 300) == kOne);
  for (int i = 0; i < 100; ++i) {
    CHECK(order.first(100, 50) == kOne);
    order.now += milliseconds(2'000);
    CHECK(order.first(100, 100) == kOne);
  }
}

TEST_CASE("nobody gains from a hundred microseconds") {
  Order order;
  CHECK(order.first(3, 9) == kOne);
  CHECK(order.changes(9, 3, minutes(5)) == 0);
}

TEST_CASE("another source takes the place of one that is gone or has no frames, at once") {
  Order order;
  CHECK(order.first(100, 300) == kOne);
  CHECK(order.first(100, 300, false, true) == kTwo);
  CHECK(order.first(100, 300, true, true) == kTwo);  // for a while
  CHECK(order.first(100, 300, false, false) == kTwo);
  const std::vector<SourceOrder::Source> left = {{kOne, 100, true}};
  CHECK(order.order.first("cam", left, order.now) == kOne);
}

TEST_CASE("two sources that become far once they are used do not alternate for long") {
  Order order;
  std::size_t changes = 0;
  StreamId at = order.first(100, 100);
  for (Duration passed{}; passed < std::chrono::hours(1); passed += milliseconds(500)) {
    order.now += milliseconds(500);
    const StreamId next = at == kOne ? order.first(500, 100) : order.first(100, 500);
    changes += next == at ? 0 : 1;
    at = next;
  }
  CHECK(changes <= 17);
}

TEST_CASE("ways that wander by a tenth change nothing") {
  Order order;
  std::mt19937 random(1);
  const auto wandering = [&random](std::uint64_t cost) { return cost * (90 + random() % 21) / 100; };
  StreamId first = order.first(1'000, 1'050);
  for (int i = 0; i < 1'200; ++i) {
    order.now += milliseconds(500);
    CHECK(order.first(wandering(1'000), wandering(1'050)) == first);
  }
}

TEST_CASE("names that are listed no more are forgotten") {
  Order order;
  CHECK(order.first(100, 300) == kOne);
  order.order.forget_others();
  CHECK(order.first(100, 50) == kOne);
  order.order.forget_others();
  order.order.forget_others();
  CHECK(order.order.next_deadline() == MonoTime::max());
  CHECK(order.first(100, 50) == kTwo);
}

}  // namespace
}  // namespace ott
