#include "io/dump_outlet.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "../../sim/inline_workers.h"
#include "../media/jpeg_helpers.h"
#include "../media/part_helpers.h"
#include "one_stream.h"

namespace ott {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

struct Dumped {
  explicit Dumped(bool at_once = true) : workers(at_once) {
    streams.add("cam/audio", {.media = MediaKind::Audio,
                              .encoding = "PCMU",
                              .clock_rate = 8'000,
                              .channels = 1,
                              .payload_type = 0});
    streams.add("cam/audio2", test::opus_format());
    outlet = std::make_unique<DumpOutlet>(directory.path(), "cam", nullptr, loop, workers, log);
  }
  ~Dumped() {
    outlet.reset();
    ev_loop_destroy(loop);
  }
  Dumped(const Dumped&) = delete;
  Dumped& operator=(const Dumped&) = delete;

  void push(unsigned n) {
    streams.push("cam/audio", {.bytes = Bytes(160, 0x55), .media_time = n * 160, .at = n * 20ms});
  }

  test::TemporaryDirectory directory;
  struct ev_loop* loop = ev_loop_new(0);
  sim::InlineWorkers workers;
  test::Lines log;
  test::FakeParts streams;
  std::unique_ptr<DumpOutlet> outlet;
};

TEST_CASE("each part is written to a file of its own, and what has none is named", "[dump_outlet]") {
  Dumped dumped;
  REQUIRE(dumped.outlet->begin(dumped.streams, {}));
  for (unsigned n = 0; n < 10; ++n) dumped.push(n);
  CHECK(dumped.outlet->finish(false, {}));
  CHECK(std::filesystem::file_size(dumped.directory.path("audio.wav")) == 46 + 1'600);
  const OutletFigures figures = dumped.outlet->figures();
  CHECK(figures.kind == "dump");
  CHECK(figures.frames == 10);
  CHECK(figures.frames_skipped == 0);
  CHECK(figures.bytes == 46 + 1'600);
  REQUIRE(dumped.log.lines.size() == 1);
  CHECK(dumped.log.lines[0] ==
        std::pair{LogLevel::Warning,
                  "--dump " + dumped.directory.path() +
                      ": 'cam/audio2' (audio opus 48000 Hz, 2 channels) is not written: there is no plain "
                      "file of it; --record FILE.mkv holds it"});
  CHECK_FALSE(dumped.streams.wants("cam/audio2"));
}

TEST_CASE("what is not written is named once, however often it is announced", "[dump_outlet]") {
  Dumped dumped;
  REQUIRE(dumped.outlet->begin(dumped.streams, {}));
  for (int i = 0; i < 3; ++i) dumped.streams.add("cam/audio2", test::opus_format());
  CHECK(dumped.log.lines.size() == 1);
  dumped.streams.add("cam/audio3", test::opus_format());
  REQUIRE(dumped.log.lines.size() == 2);
  CHECK(dumped.log.lines[1].second.find("'cam/audio3'") != std::string::npos);
}

TEST_CASE("files of an earlier run are not written over", "[dump_outlet]") {
  Dumped dumped;
  (void)dumped.directory.write("audio.wav", Bytes{1});
  const auto begun = dumped.outlet->begin(dumped.streams, {});
  REQUIRE_FALSE(begun);
  CHECK(begun.error().message == "'" + dumped.directory.path() +
                                     "' holds audio.wav of an earlier run: remove it, or give --dump "
                                     "another directory");
}

TEST_CASE("a slow disk costs whole frames of a dump, within a bound", "[dump_outlet]") {
  Dumped dumped(false);
  REQUIRE(dumped.outlet->begin(dumped.streams, {}));
  for (unsigned n = 0; n < DumpOutlet::kFramesMax + 5; ++n) dumped.push(n);
  CHECK(dumped.workers.waiting() == DumpOutlet::kFramesMax);
  CHECK(dumped.outlet->figures().frames_skipped == 5);
  CHECK_FALSE(dumped.outlet->finish(false, {}));
  while (dumped.workers.run_one()) {
  }
  CHECK(dumped.outlet->finish(false, {}));
  CHECK(dumped.outlet->figures().frames == DumpOutlet::kFramesMax);
}

TEST_CASE("a file that cannot be made is said once", "[dump_outlet]") {
  Dumped dumped;
  REQUIRE(dumped.outlet->begin(dumped.streams, {}));
  std::filesystem::remove_all(dumped.directory.path());
  for (unsigned n = 0; n < 3; ++n) dumped.push(n);
  CHECK(dumped.outlet->finish(false, {}));
  REQUIRE(dumped.log.lines.size() == 2);
  CHECK(dumped.log.lines[1].second == "cannot make '" + dumped.directory.path("audio.wav") +
                                          "': No such file or directory; this file ends here");
}

}  // namespace
}  // namespace ott
