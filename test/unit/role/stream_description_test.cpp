// How a live stream is described, and when the description is sent anew.
#include "role/stream_description.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

using std::chrono::milliseconds;

/// A live stream's description, on a clock of its own, and what was said of it.
struct Live {
  Live() : description(named("cam"), true) {
    description.begin(StreamId{5}, at());
    description.expect_frames(true, at());
  }

  static StreamInfo named(const std::string& name) {
    StreamInfo info;
    info.name = name;
    return info;
  }
  [[nodiscard]] Now at() const {
    return {MonoTime(milliseconds(ms)), WallTime(milliseconds(1'000'000 + ms))};
  }
  void pass(std::int64_t time_ms) {
    for (const std::int64_t end = ms + time_ms; ms < end;) {
      ms += 10;
      description.tick(at());
      if (description.take_news(at())) said.push_back(description.info());
    }
  }
  void frames(unsigned count, std::int64_t interval_ms) {
    for (unsigned i = 0; i < count; ++i) {
      description.on_frame(640, 480, at());
      pass(interval_ms);
    }
  }

  std::int64_t ms = 0;
  StreamDescription description;
  std::vector<StreamInfo> said;
};

TEST_CASE("a live stream's size is said at its first frame, and its rate when it was measured",
          "[description]") {
  Live live;
  live.pass(500);
  CHECK(live.said.empty());
  live.frames(100, 40);
  REQUIRE(live.said.size() == 2);
  CHECK(live.said[0].width == 640);
  CHECK(live.said[0].height == 480);
  CHECK(live.said[0].fps_milli == 0);
  CHECK(live.said[1].fps_milli == 25'000);
  CHECK(live.said[1].id == StreamId{5});
}

TEST_CASE("a rate is said again when it has changed by a fifth", "[description]") {
  Live live;
  live.frames(250, 40);
  live.said.clear();
  live.frames(250, 50);  // 20: not more than a fifth
  CHECK(live.said.empty());
  live.frames(100, 100);
  REQUIRE(live.said.size() == 1);  // not of the window in which it changed
  CHECK(live.said.back().fps_milli == 10'000);
}

TEST_CASE("a first rate that a burst has made is put right", "[description]") {
  Live live;
  live.frames(5, 0);
  live.frames(300, 40);
  CHECK(live.said.back().fps_milli == 25'000);
  CHECK(live.said.size() == 3);
}

TEST_CASE("viewers are told that a source has stalled, since when, and that it goes on", "[description]") {
  Live live;
  live.frames(100, 40);
  live.said.clear();
  const std::int64_t last_ms = live.ms - 40;
  live.pass(1'900);
  CHECK(live.said.empty());
  live.pass(10'000);
  REQUIRE(live.said.size() == 1);
  CHECK(live.said[0].state == StreamState::Stalled);
  CHECK(live.said[0].state_since == static_cast<std::uint64_t>(1'000'000 + last_ms) * 1'000'000);
  live.frames(200, 40);
  REQUIRE(live.said.size() == 2);  // the pause says nothing of the rate
  CHECK(live.said[1].state == StreamState::Live);
  CHECK(live.said[1].fps_milli == 25'000);
}

TEST_CASE("a source that has no frame at all is stalled", "[description]") {
  Live live;
  live.pass(3'000);
  REQUIRE(live.said.size() == 1);
  CHECK(live.said[0].state == StreamState::Stalled);
  CHECK(live.said[0].width == 0);
}

TEST_CASE("a slow stream is not stalled between two frames, once its rate is known", "[description]") {
  Live live;
  live.frames(4, 10'000);
  live.said.clear();
  live.frames(10, 10'000);
  CHECK(live.said.empty());
  CHECK(live.description.info().fps_milli == 100);
  live.pass(31'000);
  REQUIRE(live.said.size() == 1);
  CHECK(live.said[0].state == StreamState::Stalled);
}

TEST_CASE("nothing is said more than once a second", "[description]") {
  Live live;
  for (unsigned i = 0; i < 100; ++i) {
    live.description.on_frame(640 + i, 480, live.at());
    live.pass(50);
  }
  CHECK(live.said.size() >= 4);
  CHECK(live.said.size() <= 6);
  CHECK(live.said.back().width > 700);
}

TEST_CASE("what has ended stays so", "[description]") {
  Live live;
  live.frames(50, 40);
  live.description.on_end(StreamState::Ended, live.at());
  live.pass(20'000);
  CHECK(live.said.back().state == StreamState::Ended);
  CHECK(live.description.next_deadline() == MonoTime::max());
}

TEST_CASE("of a file all is known at the start, and it may rest", "[description]") {
  StreamInfo info = Live::named("film");
  info.width = 320;
  info.fps_milli = 25'000;
  StreamDescription description(info, false);
  const Now start{MonoTime(milliseconds(0)), {}};
  description.begin(StreamId{7}, start);
  description.tick({MonoTime(milliseconds(60'000)), {}});
  CHECK_FALSE(description.take_news({MonoTime(milliseconds(60'000)), {}}));
  CHECK(description.info().state == StreamState::Live);
}

TEST_CASE("a source that is not asked for frames is not stalled", "[description]") {
  Live live;
  live.frames(100, 40);
  live.pass(5'000);
  REQUIRE(live.said.back().state == StreamState::Stalled);
  live.description.expect_frames(false, live.at());
  live.pass(60'000);
  CHECK(live.said.back().state == StreamState::Live);
  live.description.expect_frames(true, live.at());
  live.pass(1'500);
  CHECK(live.said.back().state == StreamState::Live);
  live.pass(1'500);
  CHECK(live.said.back().state == StreamState::Stalled);
}

}  // namespace
}  // namespace ott
