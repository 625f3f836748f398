#include "overlay/flight_bound.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace ott {
namespace {

using std::chrono::milliseconds;

/// A link of one rate with a queue before it, on a clock of its own.
class NarrowLink {
 public:
  explicit NarrowLink(double bytes_per_ms) : bytes_per_ms_(bytes_per_ms) {}

  void pass(int ms) {
    for (int i = 0; i < ms; ++i) {
      now_ += milliseconds(1);
      const std::size_t at_once = std::min(flight_.bytes, burst_);
      burst_ -= at_once;
      const auto drained = std::min(flight_.bytes, at_once + static_cast<std::size_t>(bytes_per_ms_));
      flight_.bytes -= drained;
      flight_.acknowledged += drained;
      if (drained > 0) flight_.busy += milliseconds(1);
    }
    const double queue_ms = static_cast<double>(flight_.bytes) / bytes_per_ms_;
    flight_.round_trip =
        kLeast + std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(queue_ms));
    flight_.least_round_trip = kLeast;
  }
  /// Gives what there is room for of `bytes`; returns how much that was.
  std::size_t give(FlightBound& bound, std::size_t bytes) {
    bound.measured(flight_, now_);
    const std::size_t given = std::min(bytes, bound.room());
    if (given < bytes) bound.reached();
    bound.given(given);
    flight_.bytes += given;
    return given;
  }
  /// The next so many bytes take no time.
  void allow_burst(std::size_t bytes) { burst_ = bytes; }
  [[nodiscard]] double queue_ms() const { return static_cast<double>(flight_.bytes) / bytes_per_ms_; }

  static constexpr Duration kLeast = milliseconds(2);

 private:
  double bytes_per_ms_;
  MonoTime now_{std::chrono::hours(1)};
  Flight flight_;
  std::size_t burst_ = 0;
};

TEST_CASE("before anything is measured there is no bound") {
  FlightBound bound;
  CHECK(bound.room() == ~std::size_t{0});
}

TEST_CASE("what is under way is bounded to what a narrow link drains in 30 ms, and the link is kept busy") {
  FlightBound bound;
  NarrowLink link(250);  // 2 Mbit/s
  std::size_t given = 0;
  double longest_ms = 0;
  for (int i = 0; i < 1'000; ++i) {
    given += link.give(bound, 1U << 20U);
    if (i > 100) longest_ms = std::max(longest_ms, link.queue_ms());
    link.pass(4);
  }
  CHECK(longest_ms < 60);
  CHECK(given > 950 * 4 * 250);
}

TEST_CASE("a burst that passes at once after a pause does not widen the bound of a narrow link") {
  FlightBound bound;
  NarrowLink link(250);
  double longest_ms = 0;
  const auto push_for = [&](int ms) {
    for (int i = 0; i < ms / 4; ++i) {
      link.give(bound, 1U << 20U);
      longest_ms = std::max(longest_ms, link.queue_ms());
      link.pass(4);
    }
  };
  push_for(1'000);
  for (int i = 0; i < 5; ++i) {
    longest_ms = 0;
    link.pass(800);
    link.allow_burst(64U << 10U);
    push_for(1'000);
    CHECK(longest_ms < 60);
  }
}

TEST_CASE("a record that is longer than what there is room for may go where hardly anything is under way") {
  FlightBound bound;
  NarrowLink link(250);
  for (int i = 0; i < 250; ++i) {
    link.give(bound, 1U << 20U);
    link.pass(4);
  }
  link.give(bound, 1U << 20U);
  CHECK_FALSE(bound.is_drained());
  link.pass(1'000);
  link.give(bound, 0);
  CHECK(bound.is_drained());
}

TEST_CASE("a wide link's bound grows until it is not reached any more") {
  FlightBound bound;
  NarrowLink link(125'000);  // 1 Gbit/s
  std::size_t looks = 0;
  for (std::size_t left = 0; looks < 100; ++looks) {
    if (looks % 10 == 0) left = 100'000;
    left -= link.give(bound, left);
    link.pass(4);
  }
  CHECK(link.give(bound, 100'000) == 100'000);
}

}  // namespace
}  // namespace ott
