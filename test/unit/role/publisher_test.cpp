// What a bootstrapper's streams are made of: frames that are paced, refused, counted and told of. The real
// roles, on a virtual network and clock.
#include <catch2/catch.hpp>

#include "../../sim/lab.h"
#include "../media/jpeg_helpers.h"

namespace ott {
namespace {

using sim::ip;
using sim::Lab;
using sim::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::uint8_t>;

constexpr const char* kBoot = "10.0.0.10";
constexpr const char* kGuest = "192.168.7.7";

/// A bootstrapper with one stream and a guest that watches it.
class Studio {
 public:
  explicit Studio(const std::string& source) : lab(7) {
    Process& boot = lab.prepare(kBootstrapRole, kBoot);
    boot.context->options.publish = {{"cam", source}};
    lab.network.start(ip(kBoot), kBootstrapRole.create(*boot.context));
    guest = &lab.start(kClientRole, kGuest);
    lab.network.run_for(seconds(1));
  }

  void pass(Duration time) { lab.network.run_for(time); }
  void feed(const Bytes& bytes) {
    input().feed(bytes, lab.network.now_at(ip(kBoot)));
    lab.network.wake(ip(kBoot));
  }
  void feed_end() {
    input().finish(lab.network.now_at(ip(kBoot)));
    lab.network.wake(ip(kBoot));
  }
  [[nodiscard]] bool wants_input() { return input().wants_bytes(); }
  ByteInput& input() { return *lab.processes.at(kBoot).inputs->standard_input; }
  [[nodiscard]] const std::vector<Bytes>& frames() const { return guest->frames.frames; }
  [[nodiscard]] std::size_t count(const std::string& part) const {
    const auto& lines = lab.processes.at(kBoot).log.lines;
    return static_cast<std::size_t>(std::ranges::count_if(
        lines, [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }
  /// A member of the stream's statistics.
  rapidjson::Value& stat(const char* name) {
    line_.Parse(lab.processes.at(kBoot).stats.lines.back().c_str());
    return line_["streams"][0][name];
  }

  Lab lab;
  Process* guest;

 private:
  rapidjson::Document line_;
};

Bytes picture(unsigned seed) { return test::make_jpeg({.width = 64, .height = 48, .seed = seed}); }

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) test::append(all, part);
  return all;
}

TEST_CASE("what is refused takes no frame's time, and is counted", "[publisher]") {
  const test::TemporaryDirectory directory;
  const Bytes junk(300, 1);
  const Bytes broken = {0xFF, 0xD8, 0xFF, 0xD9};
  std::vector<Bytes> parts;
  for (unsigned i = 0; i < 10; ++i) {
    parts.push_back(picture(i));
    parts.push_back(i % 2 == 0 ? junk : broken);
  }
  Studio studio(directory.write("film.mjpeg", joined(parts)) + "?fps=10");
  const std::size_t before = studio.frames().size();
  studio.pass(seconds(10));
  const std::size_t came = studio.frames().size() - before;
  CHECK(came >= 99);
  CHECK(came <= 101);
  const std::uint64_t refused = studio.stat("frames_refused").GetUint64();
  CHECK(refused + 12 > studio.stat("frames").GetUint64());
  // The first one in full, then a count each ten seconds.
  CHECK(studio.count("stream 'cam': '") == 1);
  CHECK(studio.count("more frames like this") == 1);
}

TEST_CASE("a source with nothing but refused frames does not keep the process busy", "[publisher]") {
  const test::TemporaryDirectory directory;
  (void)directory.write("000.jpg", picture(1));
  Studio studio(directory.path() + "?fps=10");
  (void)directory.write("000.jpg", Bytes{1, 2, 3});
  studio.pass(seconds(3));
  const std::uint64_t before = studio.stat("frames_refused").GetUint64();
  studio.pass(seconds(10));
  const std::uint64_t refused = studio.stat("frames_refused").GetUint64() - before;
  CHECK(refused >= 6'000);
  CHECK(refused <= 7'000);  // 64 for each frame's time
  CHECK(studio.count("'cam': '") <= 1);
  (void)directory.write("000.jpg", picture(1));
  const std::size_t frames = studio.frames().size();
  studio.pass(seconds(1));
  CHECK(studio.frames().size() >= frames + 9);
}

TEST_CASE("pictures that have no end are completed and counted, and it is said once", "[publisher]") {
  const test::TemporaryDirectory directory;
  Bytes cut = picture(1);
  cut.resize(cut.size() - 2);
  Studio studio(directory.write("film.mjpeg", joined({cut, picture(2), cut})) + "?fps=30");
  studio.pass(seconds(2));
  const std::uint64_t frames = studio.stat("frames").GetUint64();
  CHECK(frames > 60);
  CHECK(studio.stat("frames_completed").GetUint64() >= frames / 3 * 2 - 2);
  CHECK(studio.stat("frames_refused").GetUint64() == 0);
  CHECK(studio.count("frames end without EOI") == 1);
}

TEST_CASE("it is said once that a stream is converted, and how", "[publisher]") {
  const test::TemporaryDirectory directory;
  const Bytes progressive = test::make_jpeg({.progressive = true});
  const Bytes full = test::make_jpeg({.luma_h = 1, .luma_v = 1});
  Studio studio(directory.write("film.mjpeg", joined({picture(1), progressive, full})));
  studio.pass(seconds(2));
  CHECK(studio.count("'cam': frames are converted, losslessly (progressive)") == 1);
  CHECK(studio.count("'cam': frames are encoded anew, at quality 95 (neither 4:2:0 nor 4:2:2)") == 1);
}

TEST_CASE("what does not travel with a frame is said once", "[publisher]") {
  const test::TemporaryDirectory directory;
  const Bytes large = test::make_jpeg({.app1 = Bytes(9'000, 'x')});
  Studio studio(directory.write("film.mjpeg", joined({large, picture(2)})));
  studio.pass(seconds(2));
  CHECK(studio.count("'cam': application data (APP1, 9004 bytes) does not travel with its frame") == 1);
}

TEST_CASE("a live stream has the size and rate that it is found to have", "[publisher]") {
  Studio studio("-");
  CHECK(studio.count("stream 'cam': stdin") == 1);
  CHECK(studio.stat("fps").GetDouble() == 0);
  for (unsigned i = 0; i < 60; ++i) {
    studio.feed(picture(i));
    studio.pass(milliseconds(50));
  }
  CHECK(studio.stat("width").GetUint64() == 64);
  CHECK(studio.stat("height").GetUint64() == 48);
  CHECK(studio.stat("fps").GetDouble() == Approx(20).margin(0.5));
  CHECK(studio.count("stream 'cam': 64x48 at 20 frames/s") == 1);
  CHECK(studio.frames().size() == 60);
}

TEST_CASE("a pipe with a rate is read at that rate, and nothing of it is lost", "[publisher]") {
  const bool hard = GENERATE(false, true);
  Studio studio("-?fps=10");
  std::vector<Bytes> pictures;
  for (unsigned i = 0; i < 40; ++i) {
    pictures.push_back(test::make_jpeg({.width = 64, .height = 48, .progressive = hard, .seed = i}));
  }
  REQUIRE(studio.wants_input());
  studio.feed(joined(pictures));
  CHECK_FALSE(studio.wants_input());
  studio.pass(seconds(2));
  CHECK(studio.frames().size() >= 19);
  CHECK(studio.frames().size() <= 22);
  CHECK_FALSE(studio.wants_input());
  studio.pass(seconds(3));
  CHECK(studio.frames().size() == 40);
  CHECK(studio.wants_input());
  CHECK(studio.guest->stat("frames_lost") == 0);
  CHECK(studio.stat("frames_left_out").GetUint64() == 0);
  CHECK(test::decode(studio.frames().back()) == test::decode(pictures.back()));
}

TEST_CASE("a pipe that ends leaves its stream, stalled", "[publisher]") {
  const std::string source = GENERATE("-", "-?eof=wait", "-?fps=50&eof=wait");
  Studio studio(source);
  for (unsigned i = 0; i < 10; ++i) studio.feed(picture(i));
  studio.feed_end();
  studio.pass(seconds(3));
  CHECK(studio.frames().size() == 10);
  CHECK(studio.count("standard input has ended after 10 frames; the stream stays") == 1);
  CHECK(studio.stat("state").GetString() == std::string("stalled"));
  studio.pass(seconds(10));
  CHECK(studio.stat("state").GetString() == std::string("stalled"));
  CHECK(studio.count("no frame comes") == 0);
}

TEST_CASE("a stream that ends is listed as ended, and then no more", "[publisher]") {
  const test::TemporaryDirectory directory;
  const bool file = GENERATE(false, true);
  const std::string path = directory.write("film.mjpeg", joined({picture(1), picture(2), picture(3)}));
  Studio studio(file ? path + "?eof=end" : "-?eof=end");
  if (!file) {
    studio.feed(joined({picture(1), picture(2), picture(3)}));
    studio.feed_end();
  }
  studio.pass(seconds(2));
  CHECK(studio.frames().size() == 3);
  CHECK(studio.count("has ended after 3 frames; the stream ends") == 1);
  CHECK(studio.stat("state").GetString() == std::string("ended"));
  Process& asker = studio.lab.prepare(kClientRole, "192.168.7.8");
  asker.context->options.list = true;
  sim::MemoryLines printed;
  asker.context->print = &printed;
  studio.lab.network.start(ip("192.168.7.8"), kClientRole.create(*asker.context));
  studio.pass(seconds(2));
  REQUIRE(printed.lines.size() == 1);
  CHECK(printed.lines[0].find(" ended ") != std::string::npos);
  studio.pass(seconds(4));
  Process& late = studio.lab.prepare(kClientRole, "192.168.7.9");
  late.context->options.list = true;
  late.context->print = &printed;
  studio.lab.network.start(ip("192.168.7.9"), kClientRole.create(*late.context));
  studio.pass(seconds(2));
  REQUIRE(printed.lines.size() == 2);
  CHECK(printed.lines[1].find("cam") == std::string::npos);
}

TEST_CASE("a file may stop at its last picture", "[publisher]") {
  const test::TemporaryDirectory directory;
  Studio studio(directory.write("film.mjpeg", joined({picture(1), picture(2)})) + "?eof=wait");
  studio.pass(seconds(5));
  CHECK(studio.frames().size() == 2);
  CHECK(studio.stat("state").GetString() == std::string("stalled"));
}

TEST_CASE("a pipe that is silent for a while is stalled, and goes on", "[publisher]") {
  Studio studio("-");
  studio.feed(picture(1));
  studio.pass(seconds(4));
  CHECK(studio.stat("state").GetString() == std::string("stalled"));
  CHECK(studio.count("no frame comes: its viewers are told") == 1);
  studio.feed(picture(2));
  studio.pass(seconds(1));
  CHECK(studio.stat("state").GetString() == std::string("live"));
  CHECK(studio.count("frames come again") == 1);
}

}  // namespace
}  // namespace ott
