#include "media/recording.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <set>

#include "jpeg_helpers.h"
#include "media/mjpeg_splitter.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using Bytes = std::vector<std::uint8_t>;

std::set<std::string> names_in(const std::string& path) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) names.insert(entry.path().filename());
  return names;
}

/// The names in files are in local time.
class InUtc {
 public:
  InUtc() : before_(std::getenv("TZ") == nullptr ? "" : std::getenv("TZ")) { set("UTC"); }
  ~InUtc() { set(before_); }
  InUtc(const InUtc&) = delete;
  InUtc& operator=(const InUtc&) = delete;

 private:
  static void set(const std::string& zone) {
    ::setenv("TZ", zone.c_str(), 1);
    ::tzset();
  }
  std::string before_;
};

/// Frames of a stream at a rate.
class Stream {
 public:
  explicit Stream(Duration interval) : interval_(interval) {}

  FramePtr next(ByteSpan jpeg) {
    auto frame = std::make_shared<Frame>();
    frame->number = FrameNumber{++number_};
    frame->media_time = static_cast<std::uint32_t>(time_.count() * 9 / 100'000);
    frame->source_time = WallTime(std::chrono::seconds(1'795'690'000) + time_);  // 2026-11-26, 10:46:40
    frame->arrived.mono = MonoTime(std::chrono::seconds(5) + time_);
    frame->bytes.assign(jpeg.begin(), jpeg.end());
    time_ += interval_;
    return frame;
  }
  void set_interval(Duration interval) { interval_ = interval; }

 private:
  Duration interval_;
  Duration time_{};
  std::uint64_t number_ = 0;
};

/// A recording of one stream.
class Recorded {
 public:
  explicit Recorded(RecordingRules rules) : recording_(make_recording(std::move(rules))) {}

  Result<void> write(const FramePtr& frame, double fps) {
    StreamInfo stream;
    stream.id = StreamId{1};
    stream.name = "cam";
    stream.fps_milli = static_cast<std::uint32_t>(std::lround(fps * 1e3));
    return recording_->write(frame, stream);
  }
  Result<void> finish() { return recording_->finish(); }
  [[nodiscard]] std::uint64_t frames() const { return recording_->frames(); }
  [[nodiscard]] std::uint64_t bytes() const { return recording_->bytes(); }
  [[nodiscard]] std::uint64_t frames_refused() const { return recording_->frames_refused(); }
  [[nodiscard]] const std::string& why_refused() const { return recording_->why_refused(); }
  [[nodiscard]] const std::string& path() const { return recording_->path(); }

 private:
  std::unique_ptr<Recording> recording_;
};

RecordingRules rules(const std::string& path, std::string_view roll = "") {
  auto parsed = parse_recording(path, roll);
  REQUIRE(parsed);
  return *parsed;
}

const Bytes& picture() {
  static const Bytes made = test::make_jpeg({.width = 64, .height = 48});
  return made;
}

/// The pictures in a file of any of the formats, found by their markers.
std::size_t pictures_in(const std::string& path) {
  const Bytes file = test::read_file(path);
  MjpegSplitter splitter;
  std::size_t found = 0;
  for (std::size_t at = 0; at < file.size();) {
    const MutableByteSpan space = splitter.space();
    const std::size_t bytes = std::min(space.size(), file.size() - at);
    std::memcpy(space.data(), file.data() + at, bytes);
    splitter.advance(bytes);
    at += bytes;
    if (at == file.size()) splitter.finish();
    for (;;) {
      const auto frame = splitter.next();
      if (frame && !*frame) break;
      found += frame ? 1U : 0U;
    }
  }
  return found;
}

TEST_CASE("a recording is one file, whose name's end is its format", "[recording]") {
  const std::string extension = GENERATE("mkv", "avi", "Mjpeg", "mjpeg");
  const test::TemporaryDirectory directory;
  Recorded recording(rules(directory.path("cam." + extension)));
  CHECK(names_in(directory.path()).empty());
  Stream stream(milliseconds(40));
  for (int i = 0; i < 50; ++i) REQUIRE(recording.write(stream.next(picture()), 25));
  REQUIRE(recording.finish());
  CHECK(names_in(directory.path()) == std::set<std::string>{"cam." + extension});
  CHECK(pictures_in(recording.path()) == 50);
  CHECK(recording.frames() == 50);
  CHECK(recording.bytes() == std::filesystem::file_size(recording.path()));
  constexpr std::pair<std::string_view, std::string_view> kStarts[] = {
      {"mkv", "\x1A\x45\xDF\xA3"}, {"avi", "RIFF"}, {"Mjpeg", "0"}, {"mjpeg", "\xFF\xD8"}};
  const Bytes file = test::read_file(recording.path());
  for (const auto& [name, start] : kStarts)
    CHECK((name == extension) == (std::memcmp(file.data(), start.data(), start.size()) == 0));
}

TEST_CASE("a new file begins after a time, and is named by its own", "[recording]") {
  const InUtc utc;
  const test::TemporaryDirectory directory;
  Recorded recording(rules(directory.path("cam-{time}.mkv"), "2s"));
  Stream stream(milliseconds(40));
  for (int i = 0; i < 125; ++i) REQUIRE(recording.write(stream.next(picture()), 25));
  REQUIRE(recording.finish());
  CHECK(names_in(directory.path()) == std::set<std::string>{"cam-20261126T104640.mkv",
                                                            "cam-20261126T104642.mkv",
                                                            "cam-20261126T104644.mkv"});
  CHECK(pictures_in(directory.path("cam-20261126T104640.mkv")) == 50);
  CHECK(pictures_in(directory.path("cam-20261126T104644.mkv")) == 25);
}

TEST_CASE("a new file begins before one is larger than it may be", "[recording]") {
  const std::string extension = GENERATE("mkv", "avi", "mjpeg");
  const test::TemporaryDirectory directory;
  const Bytes large = test::make_jpeg({.width = 1280, .height = 720, .quality = 95});
  Recorded recording(rules(directory.path("cam." + extension), "1MB"));
  Stream stream(milliseconds(40));
  for (int i = 0; i < 30; ++i) REQUIRE(recording.write(stream.next(large), 25));
  REQUIRE(recording.finish());
  const auto names = names_in(directory.path());
  CHECK(names.size() >= 3);
  CHECK(names.contains("cam." + extension));
  CHECK(names.contains("cam-2." + extension));
  std::size_t pictures = 0;
  for (const std::string& name : names) {
    CHECK(std::filesystem::file_size(directory.path(name)) < 1'010'000);
    pictures += pictures_in(directory.path(name));
  }
  CHECK(pictures == 30);
}

TEST_CASE("a name that is taken gets a number, and nothing is written over", "[recording]") {
  const InUtc utc;
  const test::TemporaryDirectory directory;
  (void)directory.write("cam-20261126T104640.mkv", Bytes{1, 2, 3});
  Recorded recording(rules(directory.path("cam-{time}.mkv")));
  REQUIRE(recording.write(Stream(milliseconds(40)).next(picture()), 25));
  REQUIRE(recording.finish());
  CHECK(recording.path() == directory.path("cam-20261126T104640-2.mkv"));
  CHECK(test::read_file(directory.path("cam-20261126T104640.mkv")) == Bytes{1, 2, 3});
}

TEST_CASE("pictures of another size begin a new file where a file has a size", "[recording]") {
  const std::string extension = GENERATE("mkv", "avi", "Mjpeg");
  const test::TemporaryDirectory directory;
  Recorded recording(rules(directory.path("cam." + extension)));
  Stream stream(milliseconds(40));
  for (int i = 0; i < 10; ++i) REQUIRE(recording.write(stream.next(picture()), 25));
  for (int i = 0; i < 5; ++i)
    REQUIRE(recording.write(stream.next(test::make_jpeg({.width = 32, .height = 32})), 25));
  REQUIRE(recording.finish());
  if (extension == "Mjpeg") {
    CHECK(pictures_in(directory.path("cam.Mjpeg")) == 15);
  } else {
    CHECK(pictures_in(directory.path("cam." + extension)) == 10);
    CHECK(pictures_in(directory.path("cam-2." + extension)) == 5);
  }
}

TEST_CASE("a stream that changes its size all the time fills no disk with files", "[recording]") {
  const test::TemporaryDirectory directory;
  Recorded recording(rules(directory.path("cam.mkv")));
  Stream stream(milliseconds(40));
  const Bytes other = test::make_jpeg({.width = 32, .height = 32});
  for (int i = 0; i < 500; ++i) REQUIRE(recording.write(stream.next(i % 2 == 0 ? picture() : other), 25));
  REQUIRE(recording.finish());
  CHECK(names_in(directory.path()).size() == Recording::kChangesPerMinuteMax + 1);
  CHECK(recording.frames() + recording.frames_refused() == 500);
  CHECK(recording.frames_refused() > 0);
}

std::uint32_t avi_rate(const std::string& path) {
  const Bytes file = test::read_file(path);
  constexpr std::string_view kStart = "vidsMJPG";
  const auto found = std::search(file.begin(), file.end(), kStart.begin(), kStart.end());
  REQUIRE(file.end() - found > 28);
  std::uint32_t rate = 0;
  std::memcpy(&rate, &*(found + 24), sizeof rate);
  return rate;
}

TEST_CASE("an AVI file has the stream's rate, or that of its first second", "[recording]") {
  const test::TemporaryDirectory directory;
  const auto [said, interval, rate] =
      GENERATE(std::tuple{12.5, milliseconds(80), 12'500U}, std::tuple{29.97, milliseconds(33), 30'000U},
               std::tuple{0., milliseconds(40), 25'000U}, std::tuple{0., milliseconds(33), 30'303U},
               std::tuple{0., milliseconds(2'000), 500U});
  Recorded recording(rules(directory.path("cam.avi")));
  Stream stream(interval);
  for (int i = 0; i < 40; ++i) REQUIRE(recording.write(stream.next(picture()), said));
  REQUIRE(recording.finish());
  CHECK(avi_rate(directory.path("cam.avi")) == rate);
  CHECK(pictures_in(directory.path("cam.avi")) == 40);
}

TEST_CASE("an AVI recording of a moment has all its frames", "[recording]") {
  const test::TemporaryDirectory directory;
  const int count = GENERATE(1, 5);
  Recorded recording(rules(directory.path("cam.avi")));
  Stream stream(milliseconds(50));
  for (int i = 0; i < count; ++i) REQUIRE(recording.write(stream.next(picture()), 0));
  REQUIRE(recording.finish());
  CHECK(pictures_in(directory.path("cam.avi")) == static_cast<std::size_t>(count));
}

TEST_CASE("a stream that becomes faster goes on in an AVI file of its rate", "[recording]") {
  const test::TemporaryDirectory directory;
  Recorded recording(rules(directory.path("cam.avi")));
  Stream stream(milliseconds(100));
  for (int i = 0; i < 50; ++i) REQUIRE(recording.write(stream.next(picture()), 10));
  stream.set_interval(milliseconds(40));
  for (int i = 0; i < 200; ++i) REQUIRE(recording.write(stream.next(picture()), 10));
  REQUIRE(recording.finish());
  CHECK(names_in(directory.path()) == std::set<std::string>{"cam.avi", "cam-2.avi"});
  CHECK(avi_rate(directory.path("cam-2.avi")) == 25'000);
  CHECK(pictures_in(directory.path("cam.avi")) + pictures_in(directory.path("cam-2.avi")) == 250);
}

TEST_CASE("what a format cannot hold is left out and counted, and so is what is no picture", "[recording]") {
  const test::TemporaryDirectory directory;
  Recorded recording(rules(directory.path("cam.Mjpeg")));
  Stream stream(milliseconds(40));
  Bytes large = test::make_jpeg({.width = 1280, .height = 960, .quality = 100});
  REQUIRE(large.size() > 99'999);
  REQUIRE(recording.write(stream.next(large), 25));
  CHECK(recording.why_refused().starts_with("frame 1: it has "));
  REQUIRE(recording.write(stream.next(Bytes{1, 2, 3}), 25));
  CHECK(recording.frames_refused() == 2);
  CHECK(names_in(directory.path()).empty());
  REQUIRE(recording.write(stream.next(picture()), 25));
  REQUIRE(recording.finish());
  CHECK(recording.frames() == 1);
}

/// Writes beyond a size fail, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit tight{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_CASE("a full disk ends a recording with an error that names the file, which ends with a whole picture",
          "[recording]") {
  const std::string extension = GENERATE("mkv", "avi", "Mjpeg", "mjpeg");
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("cam." + extension);
  Recorded recording(rules(path));
  Stream stream(milliseconds(40));
  Result<void> written;
  {
    const FullDisk disk(20'000);
    for (int i = 0; written && i < 1'000; ++i) written = recording.write(stream.next(picture()), 25);
  }
  REQUIRE_FALSE(written);
  CHECK(written.error().message == "cannot write '" + path + "': File too large");
  CHECK(pictures_in(path) == recording.frames());
  CHECK(recording.frames() > 3);
  CHECK(std::filesystem::file_size(path) == recording.bytes());
}

TEST_CASE("a directory that goes away ends a recording when the next file begins", "[recording]") {
  const test::TemporaryDirectory directory;
  const std::string folder = directory.path("folder");
  std::filesystem::create_directory(folder);
  Recorded recording(rules(folder + "/cam.mkv", "1s"));
  Stream stream(milliseconds(40));
  REQUIRE(recording.write(stream.next(picture()), 25));
  std::filesystem::remove_all(folder);
  Result<void> written;
  for (int i = 0; written && i < 100; ++i) written = recording.write(stream.next(picture()), 25);
  REQUIRE_FALSE(written);
  CHECK(written.error().message == "cannot make '" + folder + "/cam.mkv': No such file or directory");
}

std::string complaint(const std::string& path, std::string_view roll = "") {
  const auto parsed = parse_recording(path, roll);
  if (!parsed) return parsed.error().message;
  const auto checked = check_recording(*parsed);
  return checked ? "" : checked.error().message;
}

TEST_CASE("what is wrong with a recording is said before it begins", "[recording]") {
  const test::TemporaryDirectory directory;
  const std::string file = directory.write("there.mkv", Bytes{1});
  CHECK(complaint(file) ==
        "--record " + file + ": there is such a file already; remove it, or have {time} in the name");
  const std::string missing = directory.path("missing");
  CHECK(complaint(missing + "/cam.mkv") ==
        "--record " + missing + "/cam.mkv: there is no directory '" + missing + "'; make it first");
  CHECK(complaint(file + "/cam.mkv") == "--record " + file + "/cam.mkv: '" + file + "' is no directory");
  CHECK(complaint("cam.mp4") ==
        "the name's end says the format: .mkv (Matroska), .avi, .Mjpeg (the classic clip) "
        "or .mjpeg (concatenated JPEGs)");
  CHECK(complaint("{time}/cam.mkv") == "{time} stands in the name of a file, not of a directory");
  for (const char* roll : {"10", "10M", "0s", "-5m", "10 m", "1e300GB", "nans", "100KB", "m"}) {
    CHECK(complaint("cam.mkv", roll) ==
          std::string("--roll ") + roll +
              ": a new file begins after a time, like 30s, 10m or 1h, or a size, like 500MB or 2GB");
  }
  CHECK(rules("cam.mkv", "1.5h").roll_time == std::chrono::minutes(90));
  CHECK(rules("cam.mkv", "2GB").roll_bytes == 2'000'000'000);
  CHECK(complaint(directory.path("new.mkv"), "10m").empty());
}

}  // namespace
}  // namespace ott
