#include "io/record_outlet.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "../../sim/inline_workers.h"
#include "../media/jpeg_helpers.h"
#include "one_stream.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Recorded {
  explicit Recorded(bool at_once) : workers(at_once) {}
  ~Recorded() {
    outlet.reset();
    ev_loop_destroy(loop);
  }
  Recorded(const Recorded&) = delete;
  Recorded& operator=(const Recorded&) = delete;

  void begin(const std::string& file) {
    auto rules = parse_recording(file, "");
    REQUIRE(rules);
    outlet = std::make_unique<RecordOutlet>(*rules, "cam", loop, workers, log);
    REQUIRE(outlet->begin(stream, {}));
  }
  void push(int count) {
    for (int i = 0; i < count; ++i) stream.push(picture);
  }

  test::TemporaryDirectory directory;
  struct ev_loop* loop = ev_loop_new(0);
  sim::InlineWorkers workers;
  test::Lines log;
  test::OneStream stream;
  Bytes picture = test::make_jpeg({.width = 64, .height = 48});
  std::unique_ptr<RecordOutlet> outlet;
};

TEST_CASE("a stream is recorded until the end, and the file is complete then", "[record_outlet]") {
  Recorded recorded(true);
  const std::string path = recorded.directory.path("cam.Mjpeg");
  recorded.begin(path);
  recorded.push(30);
  CHECK(recorded.outlet->finish(false, {}));
  CHECK_FALSE(recorded.stream.wanted());
  const OutletFigures figures = recorded.outlet->figures();
  CHECK(figures.kind == "record");
  CHECK(figures.at == path);
  CHECK(figures.frames == 30);
  CHECK(figures.frames_skipped == 0);
  CHECK(figures.bytes == 30 * (recorded.picture.size() + 5));
  CHECK(std::filesystem::file_size(path) == figures.bytes);
  REQUIRE(recorded.log.lines.size() == 1);
  CHECK(recorded.log.lines[0] == std::pair{LogLevel::Info, "recording to '" + path + "'"});
}

TEST_CASE("a slow disk costs whole frames, which are counted, and a line of the log", "[record_outlet]") {
  Recorded recorded(false);
  recorded.begin(recorded.directory.path("cam.Mjpeg"));
  constexpr int kMore = 44;
  recorded.push(static_cast<int>(RecordOutlet::kFramesMax) + kMore);
  REQUIRE(recorded.log.lines.size() == 1);
  CHECK(recorded.log.lines[0].second.starts_with("frames come faster than '"));
  CHECK(recorded.log.lines[0].second.ends_with("' can be written: 1 left out, 1 in all"));
  CHECK(recorded.outlet->figures().frames_skipped == kMore);
  while (recorded.workers.run_one()) {
  }
  recorded.push(1);  // there is room again
  CHECK_FALSE(recorded.outlet->finish(false, {}));
  while (recorded.workers.run_one()) {
  }
  CHECK(recorded.outlet->finish(false, {}));
  CHECK(recorded.outlet->figures().frames == RecordOutlet::kFramesMax + 1);
  CHECK(recorded.outlet->figures().frames_skipped == kMore);
}

TEST_CASE("large frames wait within a bound of bytes", "[record_outlet]") {
  Recorded recorded(false);
  recorded.begin(recorded.directory.path("cam.mjpeg"));
  const std::vector<std::uint8_t> large(4U << 20U);
  for (int i = 0; i < 20; ++i) recorded.stream.push(large);
  CHECK(recorded.workers.waiting() == RecordOutlet::kBytesMax / large.size());
}

TEST_CASE("a disk that hangs at the end is not waited for beyond the time", "[record_outlet]") {
  Recorded recorded(false);
  recorded.begin(recorded.directory.path("cam.mkv"));
  recorded.push(3);
  CHECK_FALSE(recorded.outlet->finish(false, {}));
  CHECK(recorded.outlet->finish(true, {}));
  CHECK(recorded.log.lines.back().second == "--record is too slow: 3 frames left out at the end");
  CHECK(recorded.outlet->figures().frames_skipped == 3);
  while (recorded.workers.run_one()) {
  }
  CHECK(std::filesystem::is_empty(recorded.directory.path()));
}

TEST_CASE("an error ends the recording, says so once, and nothing else ends", "[record_outlet]") {
  Recorded recorded(true);
  const std::string folder = recorded.directory.path("folder");
  std::filesystem::create_directory(folder);
  recorded.begin(folder + "/cam.mkv");
  std::filesystem::remove_all(folder);
  recorded.push(3);
  CHECK_FALSE(recorded.stream.wanted());
  REQUIRE(recorded.log.lines.size() == 1);
  CHECK(recorded.log.lines[0] ==
        std::pair{LogLevel::Error, "cannot make '" + folder +
                                       "/cam.mkv': No such file or directory; the recording ends here"});
  CHECK(recorded.outlet->finish(false, {}));
}

TEST_CASE("a recording that cannot begin says why", "[record_outlet]") {
  Recorded recorded(true);
  auto rules = parse_recording(recorded.directory.path("missing/cam.mkv"), "");
  REQUIRE(rules);
  RecordOutlet outlet(*rules, "cam", recorded.loop, recorded.workers, recorded.log);
  CHECK_FALSE(outlet.begin(recorded.stream, {}));
  CHECK_FALSE(recorded.stream.wanted());
}

}  // namespace
}  // namespace ott
