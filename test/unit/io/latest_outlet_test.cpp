#include "io/latest_outlet.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "../../sim/inline_workers.h"
#include "../media/jpeg_helpers.h"
#include "one_stream.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Kept {
  explicit Kept(bool at_once, Duration every = {})
      : workers(at_once), outlet(path, every, "cam", workers, log) {
    REQUIRE(outlet.begin(stream, {}));
  }

  test::TemporaryDirectory directory;
  std::string path = directory.path("now.jpg");
  sim::InlineWorkers workers;
  test::Lines log;
  test::OneStream stream;
  LatestOutlet outlet;
};

TEST_CASE("the newest frame is in the file, and nothing else in its directory", "[latest_outlet]") {
  Kept kept(true);
  for (std::uint8_t i = 1; i <= 5; ++i) {
    kept.stream.push(Bytes{i, i});
    CHECK(test::read_file(kept.path) == Bytes{i, i});
  }
  CHECK(kept.outlet.finish(false, {}));
  CHECK_FALSE(kept.stream.wanted());
  CHECK(kept.outlet.figures().frames == 5);
  CHECK(kept.outlet.figures().bytes == 10);
  CHECK(std::distance(std::filesystem::directory_iterator(kept.directory.path()), {}) == 1);
}

TEST_CASE("while the disk is busy, the newest frame takes the place of the one that waits",
          "[latest_outlet]") {
  Kept kept(false);
  for (std::uint8_t i = 1; i <= 5; ++i) kept.stream.push(Bytes{i});
  CHECK(kept.workers.waiting() == 1);
  CHECK_FALSE(kept.outlet.finish(false, {}));
  CHECK(kept.workers.run_one());
  CHECK(test::read_file(kept.path) == Bytes{5});
  CHECK(kept.outlet.finish(false, {}));
  CHECK(kept.outlet.figures().frames == 1);
  CHECK(kept.outlet.figures().frames_skipped == 4);
}

TEST_CASE("frames that come before it is time are neither written nor skipped", "[latest_outlet]") {
  Kept kept(true, std::chrono::milliseconds(120));  // each third
  for (std::uint8_t i = 1; i <= 9; ++i) kept.stream.push(Bytes{i});
  CHECK(test::read_file(kept.path) == Bytes{7});
  CHECK(kept.outlet.figures().frames == 3);
  CHECK(kept.outlet.figures().frames_skipped == 0);
}

TEST_CASE("a directory that goes away is told of at a rate, and may come back", "[latest_outlet]") {
  Kept kept(true);
  std::filesystem::remove_all(kept.directory.path());
  for (int i = 0; i < 5; ++i) kept.stream.push(Bytes{1});
  REQUIRE(kept.log.lines.size() == 1);
  CHECK(kept.log.lines[0] ==
        std::pair{LogLevel::Warning, "cannot write '" + kept.path +
                                         "': No such file or directory; the next frames are tried, too"});
  CHECK(kept.stream.wanted());
  std::filesystem::create_directories(kept.directory.path());
  kept.stream.push(Bytes{2});
  CHECK(kept.outlet.figures().frames == 1);
  CHECK(kept.outlet.finish(false, {}));
}

TEST_CASE("a file that cannot be made is told of at the start", "[latest_outlet]") {
  const test::TemporaryDirectory directory;
  sim::InlineWorkers workers;
  test::Lines log;
  test::OneStream stream;
  LatestOutlet outlet(directory.path("missing/now.jpg"), {}, "cam", workers, log);
  const auto begun = outlet.begin(stream, {});
  REQUIRE_FALSE(begun);
  CHECK(begun.error().message == "--latest " + directory.path("missing/now.jpg") +
                                     ": there is no directory '" + directory.path("missing") +
                                     "'; make it first");
}

}  // namespace
}  // namespace ott
