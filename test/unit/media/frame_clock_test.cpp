#include "media/frame_clock.h"

#include <catch2/catch.hpp>
#include <limits>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A stream that runs by itself, and whose clocks can be set.
struct Stream {
  std::uint32_t media_time = 4'294'960'000;  // it wraps soon
  WallTime source_time = WallTime(seconds(1'800'000'000));
  MonoTime arrived = MonoTime(seconds(1'000));

  void pass(Duration time) {
    media_time += static_cast<std::uint32_t>(time.count() * 9 / 100'000);
    source_time += time;
    arrived += time;
  }
  [[nodiscard]] Frame frame() const {
    Frame frame;
    frame.media_time = media_time;
    frame.source_time = source_time;
    frame.arrived.mono = arrived;
    return frame;
  }
};

TEST_CASE("frames keep the time of the media clock, which is even, and may wrap", "[frame_clock]") {
  FrameClock clock;
  Stream stream;
  CHECK(clock.time_of(stream.frame()) == Duration{});
  for (int i = 1; i <= 1'000; ++i) {
    stream.pass(milliseconds(40));
    Stream uneven = stream;
    uneven.source_time += milliseconds(i % 7);
    uneven.arrived += milliseconds(i % 90);
    CHECK(clock.time_of(uneven.frame()) == i * milliseconds(40));
  }
}

TEST_CASE("a media clock that jumps is followed from where it is then", "[frame_clock]") {
  const std::uint32_t jump = GENERATE(90'000U * 5, 90'000U * 3'600, 0U - 90'000U * 5, 1U << 31U,
                                      std::numeric_limits<std::uint32_t>::max() / 3);
  FrameClock clock;
  Stream stream;
  (void)clock.time_of(stream.frame());
  stream.media_time += jump;
  stream.pass(milliseconds(50));
  CHECK(clock.time_of(stream.frame()) == milliseconds(50));
  stream.pass(milliseconds(50));
  CHECK(clock.time_of(stream.frame()) == milliseconds(100));
}

TEST_CASE("a pause in a stream is one in its recording", "[frame_clock]") {
  FrameClock clock;
  Stream stream;
  (void)clock.time_of(stream.frame());
  stream.pass(seconds(3'600));
  CHECK(clock.time_of(stream.frame()) == seconds(3'600));
  stream.pass(std::chrono::hours(24));  // the media clock has wrapped meanwhile
  CHECK(clock.time_of(stream.frame()) == seconds(25 * 3'600));
}

TEST_CASE("frames of the past come at once, and keep their times", "[frame_clock]") {
  FrameClock clock;
  Stream stream;
  const MonoTime now = stream.arrived;
  for (int i = 0; i < 50; ++i) {
    stream.arrived = now;
    CHECK(clock.time_of(stream.frame()) == i * milliseconds(40));
    stream.pass(milliseconds(40));
  }
}

TEST_CASE("an origin's clock that is set, and a media clock that is none, cost nothing", "[frame_clock]") {
  const WallTime set =
      GENERATE(WallTime{}, WallTime::min(), WallTime::max(), WallTime(seconds(1'900'000'000)));
  FrameClock clock;
  Stream stream;
  (void)clock.time_of(stream.frame());
  stream.source_time = set;
  stream.media_time += 1U << 30U;
  stream.arrived += milliseconds(40);
  CHECK(clock.time_of(stream.frame()) == milliseconds(40));
}

TEST_CASE("times rise, whatever a stream claims", "[frame_clock]") {
  FrameClock clock;
  Stream stream;
  Duration last = clock.time_of(stream.frame());
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    stream.media_time += i % 3 == 0 ? 1U << 31U : 0U;
    stream.source_time = i % 2 == 0 ? WallTime::max() : WallTime::min();
    const Duration time = clock.time_of(stream.frame());
    REQUIRE(time > last);
    last = time;
  }
  CHECK(last < seconds(1));
}

}  // namespace
}  // namespace ott
