#include "role/delayed_frames.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Taken : FrameTaker {
  void on_frame(const FramePtr& frame) override { events.push_back(std::to_string(frame->number.value)); }
  void on_skip(FrameNumber first, FrameNumber last) override {
    events.push_back("-" + std::to_string(first.value) + ".." + std::to_string(last.value));
  }
  void on_stream(const StreamInfo& stream) override { events.push_back(stream.name); }
  std::vector<std::string> events;
};

/// A frame each 100 ms, each fifth a sync point.
struct Stream {
  Taken taken;
  DelayedFrames delayed{taken, 1'000};
  MonoTime time{};
  std::uint64_t number = 0;

  [[nodiscard]] Now now() const { return {time, WallTime(time.time_since_epoch())}; }
  void frames(int count) {
    for (int i = 0; i < count; ++i) {
      time += milliseconds(100);
      auto frame = std::make_shared<Frame>();
      frame->number = FrameNumber{++number};
      frame->arrived = now();
      frame->sync_point = number % 5 == 1;
      frame->bytes.resize(100);
      delayed.on_frame(frame);
      delayed.tick(now());
    }
  }
};
using Events = std::vector<std::string>;

TEST_CASE("frames go through at once while there is no pause", "[delayed_frames]") {
  Stream stream;
  stream.frames(2);
  CHECK(stream.taken.events == Events{"1", "2"});
  CHECK(stream.delayed.next_deadline() == MonoTime::max());
  CHECK(stream.delayed.delay(stream.now()) == Duration{});
}

TEST_CASE("what comes in a pause is shown after it, at its own pace and as late as the pause was long",
          "[delayed_frames]") {
  Stream stream;
  stream.frames(2);
  stream.delayed.pause();
  stream.frames(5);
  CHECK(stream.taken.events == Events{"1", "2"});
  CHECK(stream.delayed.delay(stream.now()) == milliseconds(400));
  stream.delayed.resume(stream.now());
  CHECK(stream.taken.events == Events{"1", "2", "3"});
  CHECK(stream.delayed.next_deadline() == stream.now().mono + milliseconds(100));
  stream.frames(3);
  CHECK(stream.taken.events == Events{"1", "2", "3", "4", "5", "6"});
  CHECK(stream.delayed.delay(stream.now()) == milliseconds(400));
  stream.delayed.go_live();
  stream.frames(1);
  CHECK(stream.taken.events.back() == "11");
}

TEST_CASE("what happens to the stream keeps its place among the frames", "[delayed_frames]") {
  Stream stream;
  stream.frames(1);
  stream.delayed.pause();
  stream.frames(1);
  stream.delayed.on_skip(FrameNumber{3}, FrameNumber{4});
  StreamInfo second;
  second.name = "second";
  stream.delayed.on_stream(second);
  stream.number = 0;
  stream.frames(1);
  CHECK(stream.taken.events == Events{"1"});
  stream.delayed.resume(stream.now());
  stream.time += seconds(1);
  stream.delayed.tick(stream.now());
  CHECK(stream.taken.events == Events{"1", "2", "-3..4", "second", "1"});
}

TEST_CASE("a pause that is too long goes on from a sync point, and says what is left out",
          "[delayed_frames]") {
  Stream stream;
  stream.delayed.pause();
  stream.frames(17);  // ten have room
  CHECK(stream.taken.events == Events{"-1..5", "-6..10"});
  stream.delayed.resume(stream.now());
  CHECK(stream.taken.events == Events{"-1..5", "-6..10", "11"});
  CHECK(stream.delayed.delay(stream.now()) == milliseconds(600));
}

TEST_CASE("what a long pause keeps is bounded also where hardly a byte comes", "[delayed_frames]") {
  Stream stream;
  stream.delayed.pause();
  stream.frames(1);
  const FrameNumber none{9};
  for (std::size_t i = 1; i < DelayedFrames::kEventsMax; ++i) stream.delayed.on_skip(none, none);
  CHECK(stream.taken.events.empty());
  stream.delayed.on_skip(none, none);
  CHECK(stream.taken.events.size() == DelayedFrames::kEventsMax + 1);
  CHECK(stream.taken.events.back() == "-1..1");
}

}  // namespace
}  // namespace ott
