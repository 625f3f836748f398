#include "media/frame_ahead.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "../../sim/inline_workers.h"
#include "jpeg_helpers.h"
#include "media/frame_sink.h"
#include "media/live_frames.h"

namespace ott {
namespace {

using sim::InlineWorkers;
using std::chrono::milliseconds;
using Bytes = std::vector<std::uint8_t>;

std::unique_ptr<Source> open(const std::string& spec) {
  auto source = open_source(spec);
  if (!source) FAIL(source.error().message);
  return std::move(*source);
}

Now at_ms(std::int64_t ms) { return {MonoTime(milliseconds(ms)), WallTime(milliseconds(ms))}; }

TEST_CASE("a frame is read ahead by a worker, and what is dropped meanwhile is not seen", "[workers]") {
  InlineWorkers workers(false);
  FrameAhead ahead(open("pattern:64x48"), workers);
  CHECK(ahead.info().width == 64);
  CHECK(ahead.shows_time());
  CHECK(ahead.idle());
  ahead.read(FrameNumber{1}, {});
  CHECK(ahead.reading());
  CHECK(ahead.frame() == nullptr);
  CHECK_FALSE(ahead.idle());
  REQUIRE(workers.run_one());
  REQUIRE(ahead.frame() != nullptr);
  CHECK(ahead.frame()->value().image.width == 64);
  CHECK_FALSE(ahead.idle());
  ahead.drop();
  CHECK(ahead.idle());

  ahead.read(FrameNumber{2}, {});
  ahead.drop();
  REQUIRE(workers.run_one());
  CHECK(ahead.frame() == nullptr);
  CHECK(ahead.idle());
}

/// Live frames, and what has become of them.
struct Live {
  explicit Live(bool at_once) : workers(at_once), frames(workers) {}

  void push(const Bytes& jpeg, Now now) {
    const auto frame = frames.push({.bytes = jpeg, .arrived = now});
    if (!frame) came.push_back(0);
    if (frame && *frame) came.push_back((*frame)->frame.image.width);
    collect(now);
  }

  void collect(Now now) {
    while (true) {
      const auto frame = frames.next(now);
      if (frame && !*frame) return;
      came.push_back(frame ? (*frame)->frame.image.width : 0);
      if (frame) arrived = (*frame)->arrived.mono;
    }
  }
  /// The widths of the frames that have come since the last call; 0 for an error.
  std::vector<unsigned> widths(Now now) {
    collect(now);
    return std::exchange(came, {});
  }

  InlineWorkers workers;
  LiveFrames frames;
  std::vector<unsigned> came;
  MonoTime arrived{};
};

Bytes easy(unsigned width) { return test::make_jpeg({.width = width, .height = 16}); }
Bytes hard(unsigned width) { return test::make_jpeg({.width = width, .height = 16, .progressive = true}); }

TEST_CASE("live frames keep their order, whether they have to be converted or not", "[workers]") {
  const bool at_once = GENERATE(true, false);
  Live live(at_once);
  for (const Bytes& jpeg :
       {easy(16), hard(32), easy(48), Bytes{0xFF, 0xD8, 0xFF, 0xD9}, hard(64), easy(80)}) {
    live.push(jpeg, at_ms(0));
  }
  std::vector<unsigned> widths = live.widths(at_ms(1));
  if (!at_once) CHECK(widths == std::vector<unsigned>{16});
  while (live.workers.run_one()) {
    CHECK(live.frames.busy());
    for (const unsigned width : live.widths(at_ms(1))) widths.push_back(width);
  }
  CHECK(widths == std::vector<unsigned>{16, 32, 48, 0, 64, 80});
  CHECK(live.arrived == at_ms(0).mono);
  CHECK_FALSE(live.frames.busy());
  CHECK(live.frames.frames_left_out() == 0);
}

TEST_CASE("live frames that come faster than they are converted are left out, the oldest first",
          "[workers]") {
  Live live(false);
  for (unsigned i = 1; i <= 20; ++i) {
    live.push(hard(16 * i), at_ms(100 * i));
    CHECK(live.widths(at_ms(100 * i)).empty());
  }
  REQUIRE(live.workers.run_one());
  CHECK(live.widths(at_ms(2'000)) == std::vector<unsigned>{16});
  REQUIRE(live.workers.run_one());
  CHECK(live.widths(at_ms(2'000)) == std::vector<unsigned>{16 * 15});  // the oldest of the last 500 ms
  CHECK(live.frames.frames_left_out() == 13);

  for (unsigned i = 0; i < 2 * LiveFrames::kFramesMax; ++i) {
    live.push(hard(16), at_ms(2'000));
    CHECK(live.widths(at_ms(2'000)).empty());
  }
  // One is being converted.
  CHECK(live.frames.frames_left_out() == 13 + LiveFrames::kFramesMax + 4);
}

struct Disk : FrameSink {
  Result<void> write(ByteSpan jpeg) override {
    if (frames.size() == room) return fail("full");
    frames.emplace_back(jpeg.begin(), jpeg.end());
    return {};
  }
  static std::vector<Bytes> frames;
  static std::size_t room;
};
std::vector<Bytes> Disk::frames;
std::size_t Disk::room = 1'000;

TEST_CASE("frames for a slow disk wait, up to a bound, and then the newest are left out", "[workers]") {
  Disk::frames.clear();
  Disk::room = 1'000;
  InlineWorkers workers(false);
  QueuedSink sink(std::make_unique<Disk>(), workers);
  for (std::size_t i = 0; i < QueuedSink::kFramesMax + 3; ++i) REQUIRE(sink.write(Bytes{1}));
  CHECK(sink.frames_left_out() == 3);
  CHECK_FALSE(sink.idle());
  while (workers.run_one()) {
  }
  CHECK(sink.idle());
  CHECK(Disk::frames.size() == QueuedSink::kFramesMax);

  const Bytes large(QueuedSink::kBytesMax / 2 + 1);
  REQUIRE(sink.write(large));
  REQUIRE(sink.write(large));
  CHECK(sink.frames_left_out() == 4);
}

TEST_CASE("a full disk is told as soon as it is known, and nothing more is written", "[workers]") {
  Disk::frames.clear();
  Disk::room = 2;
  InlineWorkers workers(false);
  QueuedSink sink(std::make_unique<Disk>(), workers);
  for (int i = 0; i < 4; ++i) REQUIRE(sink.write(Bytes{1}));
  CHECK(sink.failure());
  REQUIRE(workers.run_one());
  REQUIRE(workers.run_one());
  CHECK(sink.failure());
  REQUIRE(workers.run_one());
  CHECK(sink.failure().error().message == "full");
  Disk::room = 1'000;
  REQUIRE(workers.run_one());
  CHECK(sink.write(Bytes{1}).error().message == "full");
  CHECK(Disk::frames.size() == 2);
  CHECK(sink.frames_left_out() == 3);
}

TEST_CASE("frames that are given up are left out, and counted once", "[workers]") {
  Disk::frames.clear();
  Disk::room = 1'000;
  InlineWorkers workers(false);
  QueuedSink sink(std::make_unique<Disk>(), workers);
  for (int i = 0; i < 7; ++i) REQUIRE(sink.write(Bytes{1}));
  REQUIRE(workers.run_one());
  REQUIRE(workers.run_one());  // done, and not collected yet
  sink.give_up();
  CHECK(sink.frames_left_out() == 5);
  while (workers.run_one()) {
  }
  CHECK(Disk::frames.size() == 2);
  CHECK(sink.failure());
  sink.give_up();
  CHECK(sink.frames_left_out() == 5);
}

}  // namespace
}  // namespace ott
