#include "media/media_clock.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

namespace ott {
namespace {

using namespace std::chrono_literals;
constexpr Duration kFrame = 40ms;
constexpr std::uint32_t kFrameTicks = 3'600;

/// A clock with frames at 25 a second, and what it says of them.
struct Bench {
  MediaClock clock;
  MonoTime now{1s};
  std::uint32_t media = 12'345;
  std::vector<std::uint32_t> stamps;
  std::vector<MonoTime> arrivals;

  void frame(std::optional<std::uint32_t> media_time, Duration late = {}) {
    stamps.push_back(clock.stamp(media_time, now + late));
    arrivals.push_back(now + late);
    now += kFrame;
  }
  void frames(unsigned count, std::uint32_t media_step = kFrameTicks) {
    for (unsigned i = 0; i < count; ++i) frame(media += media_step);
  }
  [[nodiscard]] std::int64_t step(std::size_t frame) const {
    return static_cast<std::int32_t>(stamps[frame] - stamps[frame - 1]);
  }
  /// From the time of arrival, in seconds. Not over a wrap.
  [[nodiscard]] double off(std::size_t frame) const {
    return stamps[frame] / 90'000.0 - std::chrono::duration<double>(arrivals[frame] - arrivals[0]).count();
  }
  /// All rise, and none is far from the time at which it came.
  void check_all() const {
    for (std::size_t i = 1; i < stamps.size(); ++i) {
      CAPTURE(i);
      REQUIRE(step(i) > 0);
      REQUIRE(std::abs(off(i)) < 0.51);
    }
  }
};

TEST_CASE("timestamps follow the media clock, not the network", "[media_clock]") {
  Bench bench;
  std::mt19937 random(5);
  bench.media = GENERATE(0U, 0xFFFFFFFFU - 100 * kFrameTicks);  // it wraps
  for (unsigned i = 0; i < 500; ++i) bench.frame(bench.media += kFrameTicks, (random() % 80) * 1ms);
  bench.check_all();
  CHECK(bench.stamps[0] == 0);
  for (std::size_t i = 1; i < bench.stamps.size(); ++i) {
    REQUIRE(std::abs(bench.step(i) - kFrameTicks) <= kFrameTicks / 100 + 1);
  }
}

TEST_CASE("without a media clock timestamps are times of arrival", "[media_clock]") {
  Bench bench;
  for (unsigned i = 0; i < 50; ++i) bench.frame(std::nullopt, i % 3 * 5ms);
  bench.check_all();
  for (std::size_t i = 1; i < 50; ++i) REQUIRE(std::abs(bench.off(i)) < 0.0001);
}

TEST_CASE("a media clock that jumps costs nothing, and is followed again", "[media_clock]") {
  const auto jump = GENERATE(0x80000000U, 0x12345678U, 0xF0000000U, 60'000U, 0xFFFF0000U);
  Bench bench;
  bench.frames(100);
  bench.media += jump;
  bench.frames(200);
  bench.check_all();
  for (std::size_t i = 1; i < bench.stamps.size(); ++i) {
    REQUIRE(std::abs(bench.step(i) - kFrameTicks) <= kFrameTicks / 100 + 1);
  }
  // It is followed again: frames that come late are stamped as they were taken.
  bench.frame(bench.media += kFrameTicks, 30ms);
  CHECK(std::abs(bench.step(bench.stamps.size() - 1) - kFrameTicks) <= kFrameTicks / 100 + 1);
}

TEST_CASE("a media clock that drifts stays together with the local one", "[media_clock]") {
  const int parts = GENERATE(-10, -1, 1, 10);  // in 3,600, so 278 and 2,778 parts per million
  Bench bench;
  bench.frames(20'000, static_cast<std::uint32_t>(static_cast<int>(kFrameTicks) + parts));
  bench.check_all();
  CHECK(std::abs(bench.off(bench.stamps.size() - 1)) < 0.05);
}

TEST_CASE("a media clock of another unit, or one that stands, is left alone", "[media_clock]") {
  const auto step = GENERATE(0U, 40U, 1'920U, 40'000U, 0xFFFFF000U);
  Bench bench;
  bench.frames(1'000, step);
  bench.check_all();
  for (std::size_t i = 500; i < bench.stamps.size(); ++i) {
    REQUIRE(std::abs(bench.step(i) - kFrameTicks) <= kFrameTicks / 100 + 1);
  }
}

TEST_CASE("a pause is as long as it was, whether the media clock went on or not", "[media_clock]") {
  const bool went_on = GENERATE(true, false);
  const Duration pause = GENERATE(Duration(10s), Duration(10h));
  Bench bench;
  bench.frames(50);
  bench.now += pause;
  if (went_on)
    bench.media += static_cast<std::uint32_t>(std::chrono::duration<double>(pause).count()) * 90'000;
  bench.frames(50);
  const double paused = std::chrono::duration<double>(pause + kFrame).count() * 90'000;
  const auto expected = static_cast<std::uint32_t>(static_cast<std::uint64_t>(paused));
  CHECK(std::abs(static_cast<std::int32_t>(bench.stamps[50] - bench.stamps[49] - expected)) < 45'000);
  for (std::size_t i = 51; i < 100; ++i) REQUIRE(bench.step(i) > 0);
}

TEST_CASE("whatever a media clock says, timestamps rise", "[media_clock]") {
  const unsigned seed = GENERATE(range(1U, 11U));
  std::mt19937 random(seed);
  Bench bench;
  for (unsigned i = 0; i < 2'000; ++i) {
    const bool has_one = random() % 10 != 0;
    bench.media += random() % 20 == 0 ? static_cast<std::uint32_t>(random()) : kFrameTicks;
    bench.frame(has_one ? std::optional(bench.media) : std::nullopt);
  }
  bench.check_all();
}

}  // namespace
}  // namespace ott
