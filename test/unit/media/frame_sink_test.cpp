#include "media/frame_sink.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "jpeg_helpers.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::set<std::string> names_in(const std::string& path) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) names.insert(entry.path().filename());
  return names;
}

TEST_CASE("of frames that come often one is taken so often, and the pace is kept", "[frame_sink]") {
  using std::chrono::milliseconds;
  FrameInterval interval(milliseconds(100));
  std::vector<int> taken;
  for (int ms = 7; ms < 700; ms += 30) {
    if (interval.is_due(MonoTime(milliseconds(ms)))) taken.push_back(ms);
  }
  CHECK(taken == std::vector<int>{7, 127, 217, 307, 427, 517, 607});
  CHECK(interval.is_due(MonoTime(milliseconds(5'000))));  // after a pause there is nothing to make up for
  CHECK_FALSE(interval.is_due(MonoTime(milliseconds(5'099))));
  CHECK(interval.is_due(MonoTime(milliseconds(5'100))));
  FrameInterval each(Duration{});
  for (int i = 0; i < 3; ++i) CHECK(each.is_due(MonoTime(milliseconds(1))));
}

TEST_CASE("frames appear under their number, and nothing else stays", "[frame_sink]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("deep/frames");
  auto sink = DirectorySink::open(path);
  REQUIRE(sink);
  CHECK(sink->write(Bytes{1, 2, 3}));
  CHECK(sink->write(Bytes{}));
  CHECK(sink->write(Bytes(100'000, 9)));
  CHECK(names_in(path) == std::set<std::string>{"00000001.jpg", "00000002.jpg", "00000003.jpg"});
  CHECK(test::read_file(path + "/00000001.jpg") == Bytes{1, 2, 3});
  CHECK(test::read_file(path + "/00000003.jpg") == Bytes(100'000, 9));
}

TEST_CASE("a directory with frames of an earlier run is refused, and says what to do", "[frame_sink]") {
  const test::TemporaryDirectory directory;
  for (const char* name : {"1.jpg", "00000001.jpeg", "frame00000001.jpg", ".00000001.jpg.part", "00000001"})
    (void)directory.write(name, Bytes{1});
  const std::string path = directory.path(".");
  auto first = DirectorySink::open(path);
  REQUIRE(first);
  CHECK(first->write(Bytes{4}));
  const auto second = DirectorySink::open(path);
  REQUIRE_FALSE(second);
  CHECK(second.error().message ==
        "'" + path + "' holds frames of an earlier run, such as 00000001.jpg: remove them (rm " + path +
            "/*.jpg), or give --dump another directory");
  CHECK(test::read_file(path + "/00000001.jpg") == Bytes{4});
}

TEST_CASE("a directory that cannot be made is named", "[frame_sink]") {
  const test::TemporaryDirectory directory;
  const std::string file = directory.write("file", Bytes{1});
  const auto sink = DirectorySink::open(file + "/frames");
  REQUIRE_FALSE(sink);
  CHECK(sink.error().message == "cannot make the directory '" + file + "/frames': Not a directory");
}

TEST_CASE("a frame that cannot be written leaves nothing, and the next takes its number", "[frame_sink]") {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("frames");
  auto sink = DirectorySink::open(path);
  REQUIRE(sink);

  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{1'000, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const auto written = sink->write(Bytes(5'000, 1));
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, old_handler);

  REQUIRE_FALSE(written);
  CHECK(written.error().message == "cannot write '" + path + "/00000001.jpg': File too large");
  CHECK(names_in(path).empty());
  CHECK(sink->write(Bytes{1}));
  CHECK(names_in(path) == std::set<std::string>{"00000001.jpg"});

  std::filesystem::remove_all(path);
  const auto gone = sink->write(Bytes{1});
  REQUIRE_FALSE(gone);
  CHECK(gone.error().message == "cannot write '" + path + "/00000002.jpg': No such file or directory");
}

}  // namespace
}  // namespace ott
