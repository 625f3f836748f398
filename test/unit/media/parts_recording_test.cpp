#include "media/parts_recording.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "jpeg_helpers.h"
#include "media/matroska_reader.h"
#include "media/nal_units.h"
#include "part_helpers.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::hex;

constexpr const char* kSps = "6764000dacd941519e226c0440000003004000000c83c50a6580";
constexpr const char* kOtherSps = "6742c00ad9079ee100000300010000030032008f14264800";

/// An H.264 access unit that no decoder would take.
Bytes picture(bool sync_point, const char* sps = kSps) {
  Bytes sample;
  if (sync_point) {
    append_nal_to_sample(hex(sps), sample);
    append_nal_to_sample(hex("68ebe3cb22c0"), sample);
  }
  Bytes slice(200, 0xAA);
  slice[0] = sync_point ? 0x65 : 0x41;
  append_nal_to_sample(slice, sample);
  return sample;
}

/// A camera with a microphone, which is recorded: 25 pictures a second, a sync point each ten; sound of 20
/// ms.
struct Camera {
  explicit Camera(std::string_view roll = "") : recording(make(roll)) {
    video.name = "cam/video";
    video.id = StreamId{1};
    video.format = test::h264_format();
    audio.name = "cam/audio";
    audio.id = StreamId{2};
    audio.format = test::opus_format();
    recording->expect(video);
    recording->expect(audio);
  }
  std::unique_ptr<Recording> make(std::string_view roll) const {
    auto rules = parse_recording(directory.path("cam.mkv"), roll);
    REQUIRE(rules);
    return make_recording(*rules);
  }
  void write(const StreamInfo& stream, const Bytes& sample, std::uint32_t media_time, Duration at,
             bool sync_point, std::uint64_t number, std::optional<WallTime> instant = std::nullopt) {
    PacketList packets;
    REQUIRE(make_packetizer(stream.format, 7, static_cast<std::uint16_t>(10 * number))
                ->cut({sample, media_time, sync_point}, packets));
    write_packets(stream, packets, media_time, at, sync_point, number, instant);
  }
  /// As they are.
  void write_packets(const StreamInfo& stream, const PacketList& packets, std::uint32_t media_time,
                     Duration at, bool sync_point, std::uint64_t number,
                     std::optional<WallTime> instant = std::nullopt) {
    auto frame = std::make_shared<Frame>(test::frame_of(packets, sync_point));
    frame->number = FrameNumber{number};
    frame->media_time = media_time;
    frame->source_time = test::FakeParts::kBegin + at;
    frame->arrived = test::FakeParts::now(at);
    frame->instant = instant;
    const auto written = recording->write(frame, stream);
    if (!written) FAIL(written.error().message);
  }
  void picture_at(unsigned n, const char* sps = kSps) {
    write(video, picture(n % 10 == 0, sps), 4'294'960'000U + n * 3'600, n * 40ms, n % 10 == 0, n + 1);
  }
  void sound_at(unsigned n, Duration late = {}) {
    write(audio, {1, 2, static_cast<std::uint8_t>(n)}, 500 + n * 960, n * 20ms + late, true, n + 1);
  }
  void both(unsigned from, unsigned to) {
    for (unsigned n = from; n < to; ++n) {
      picture_at(n);
      sound_at(2 * n);
      sound_at(2 * n + 1);
    }
  }

  test::TemporaryDirectory directory;
  std::unique_ptr<Recording> recording;
  StreamInfo video, audio;
};

struct Seen {
  std::vector<std::string> encodings;
  std::map<std::size_t, std::vector<Duration>> times;  // by track
  std::vector<bool> sync_points;                       // of the first track
};

Seen read(const std::string& path) {
  MatroskaReader reader;
  const Bytes file = test::read_file(path);
  Seen seen;
  for (std::size_t at = 0; at < file.size(); at += 1'000) {
    const auto pushed =
        reader.push(ByteSpan(file).subspan(at, std::min<std::size_t>(1'000, file.size() - at)));
    if (!pushed) FAIL(pushed.error().message);
    while (const auto unit = reader.next()) {
      seen.times[unit->track].push_back(unit->time);
      if (unit->track == 0) seen.sync_points.push_back(unit->sync_point);
    }
  }
  for (const auto& track : reader.tracks()) seen.encodings.push_back(track.format.encoding);
  return seen;
}

TEST_CASE("A recording has all parts, in step", "[parts_recording]") {
  Camera camera;
  camera.both(0, 50);
  REQUIRE(camera.recording->finish());
  const Seen seen = read(camera.directory.path("cam.mkv"));
  CHECK(seen.encodings == std::vector<std::string>{"H264", "opus"});
  REQUIRE(seen.times.at(0).size() == 50);
  REQUIRE(seen.times.at(1).size() == 100);
  for (int i = 0; i < 50; ++i) CHECK(seen.times.at(0)[static_cast<std::size_t>(i)] == i * 40ms);
  for (int i = 0; i < 100; ++i) CHECK(seen.times.at(1)[static_cast<std::size_t>(i)] == i * 20ms);
  CHECK(camera.recording->frames() == 150);
  CHECK(camera.recording->frames_refused() == 0);
}

TEST_CASE("Instants align the parts of a recording, whatever the way to the origin took",
          "[parts_recording]") {
  Camera camera;
  const WallTime taken = test::FakeParts::kBegin - 1h;
  camera.write(camera.video, picture(true), 1'000, 300ms, true, 1, taken);
  camera.write(camera.audio, {1}, 7'000, 450ms, true, 1, taken + 10ms);
  REQUIRE(camera.recording->finish());
  const Seen seen = read(camera.directory.path("cam.mkv"));
  CHECK(seen.times.at(0) == std::vector<Duration>{0ms});
  CHECK(seen.times.at(1) == std::vector<Duration>{10ms});
}

TEST_CASE("A next file begins at a sync point, and late sound is in the file before", "[parts_recording]") {
  Camera camera("1s");
  camera.both(0, 30);
  camera.picture_at(30);  // 1.2 s: the first sync point behind a second
  camera.sound_at(60);
  camera.both(31, 40);
  REQUIRE(camera.recording->finish());
  const Seen first = read(camera.directory.path("cam.mkv"));
  const Seen second = read(camera.directory.path("cam-2.mkv"));
  CHECK(first.times.at(0).size() == 30);
  CHECK(first.times.at(1).size() == 60);
  CHECK(second.times.at(0).front() == 0ms);
  CHECK(second.sync_points.front());
  CHECK(second.times.at(1).front() == 0ms);
  CHECK(camera.recording->frames_refused() == 0);

  Camera late("1s");
  late.both(0, 29);
  late.picture_at(29);
  late.picture_at(30);
  late.sound_at(58, 60ms);
  late.sound_at(59, 60ms);
  late.both(31, 40);
  REQUIRE(late.recording->finish());
  CHECK(read(late.directory.path("cam.mkv")).times.at(1).size() == 60);
  CHECK(read(late.directory.path("cam-2.mkv")).times.at(1).front() == 40ms);  // the test has left out one
}

TEST_CASE("Where a picture is missing a recording goes on at a sync point, and sound goes on at once",
          "[parts_recording]") {
  Camera camera;
  camera.both(0, 13);
  camera.sound_at(26);
  camera.both(14, 30);
  REQUIRE(camera.recording->finish());
  const Seen seen = read(camera.directory.path("cam.mkv"));
  CHECK(seen.times.at(0).size() == 13 + 10);
  CHECK(seen.sync_points[13]);
  CHECK(seen.times.at(1).size() == 26 + 1 + 32);
  CHECK(camera.recording->frames_refused() == 6);
  CHECK(camera.recording->why_refused() == "'cam/video', frame 20: what decoding of it needs is missing");
}

TEST_CASE("Another configuration and another part begin another file", "[parts_recording]") {
  Camera camera;
  camera.both(0, 20);
  for (unsigned n = 20; n < 40; ++n) camera.picture_at(n, kOtherSps);
  StreamInfo text;
  text.name = "cam/text";
  text.id = StreamId{3};
  text.format = {.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000, .payload_type = 98};
  camera.write(text, {'h', 'i', '\r', '\n'}, 0, 1'600ms, true, 1);
  camera.picture_at(40, kOtherSps);
  camera.write(text, {'h', 'o'}, 100, 1'700ms, true, 2);
  REQUIRE(camera.recording->finish());
  CHECK(read(camera.directory.path("cam.mkv")).times.at(0).size() == 20);
  CHECK(read(camera.directory.path("cam-2.mkv")).times.at(0).size() == 20);
  const Seen third = read(camera.directory.path("cam-3.mkv"));
  CHECK(third.encodings == std::vector<std::string>{"H264", "opus", "t140"});
  CHECK(third.times.at(2) == std::vector<Duration>{100ms});
}

TEST_CASE("Bytes of a text that are no UTF-8 are replaced in a recording", "[parts_recording]") {
  Camera camera;
  StreamInfo text;
  text.name = "cam/text";
  text.id = StreamId{3};
  text.format = {.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000, .payload_type = 98};
  camera.recording->expect(text);
  camera.both(0, 20);
  PacketList packets;
  test::add_packet(packets, {'g', 'u', 't', 0xFF, 's', 'o', '\n'}, 1, 0, false, 98);
  camera.write_packets(text, packets, 0, 800ms, true, 1);
  camera.both(20, 40);
  REQUIRE(camera.recording->finish());
  CHECK(camera.recording->frames_refused() == 0);
  std::ifstream file(camera.directory.path("cam.mkv"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  CHECK(bytes.find("gut\uFFFDso") != std::string::npos);
}

TEST_CASE("A sender that jumps in time begins another file", "[parts_recording]") {
  Camera camera;
  camera.both(0, 20);
  for (unsigned n = 20; n < 40; ++n) {
    camera.write(camera.video, picture(n % 10 == 0), 90'000'000 + n * 3'600, n * 40ms, n % 10 == 0, n + 1);
    camera.sound_at(2 * n);
  }
  REQUIRE(camera.recording->finish());
  CHECK(read(camera.directory.path("cam.mkv")).times.at(0).size() == 20);
  const Seen second = read(camera.directory.path("cam-2.mkv"));
  CHECK(second.times.at(0).size() == 20);
  CHECK(second.times.at(0).back() == 19 * 40ms);
}

TEST_CASE("A part of which nothing comes is not waited for long", "[parts_recording]") {
  Camera camera;
  for (unsigned n = 0; n < 45; ++n) camera.picture_at(n);
  CHECK(std::filesystem::is_empty(camera.directory.path()));
  for (unsigned n = 45; n < 60; ++n) camera.picture_at(n);
  CHECK(camera.recording->frames() == 60);
  camera.sound_at(120);
  camera.picture_at(60);
  camera.sound_at(121);
  REQUIRE(camera.recording->finish());
  CHECK(read(camera.directory.path("cam.mkv")).times.at(0).size() == 60);
  CHECK(read(camera.directory.path("cam-2.mkv")).times.at(1).size() == 1);
}

}  // namespace
}  // namespace ott
