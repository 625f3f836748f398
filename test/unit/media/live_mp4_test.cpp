#include "media/live_mp4.h"

#include "media/nal_units.h"
#include "mp4_boxes.h"
#include "part_helpers.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::FakeParts;
using test::hex;

constexpr std::uint32_t kFrameTicks = 3'600;  // 25 frames a second
constexpr Duration kFrameTime = 40ms;

/// An H.264 access unit that no decoder would take, with parameter sets where it is a sync point.
Bytes picture(bool sync_point, std::size_t bytes = 100,
              const char* sps = "6764000dacd941519e226c0440000003004000000c83c50a6580") {
  Bytes sample;
  if (sync_point) {
    append_nal_to_sample(hex(sps), sample);
    append_nal_to_sample(hex("68ebe3cb22c0"), sample);
  }
  Bytes slice(bytes, 0xAA);
  slice[0] = sync_point ? 0x65 : 0x41;
  append_nal_to_sample(slice, sample);
  return sample;
}

/// A camera with a microphone, ten pictures from each sync point to the next.
struct Camera {
  explicit Camera(bool with_audio = true) {
    streams.add("cam/video", test::h264_format());
    if (with_audio) streams.add("cam/audio", test::opus_format());
  }
  void video(unsigned frame, std::size_t bytes = 100) {
    if (mp4 != nullptr) mp4->step(at_frame(frame));
    const bool sync_point = frame % 10 == 0;
    streams.push("cam/video", {.bytes = picture(sync_point, bytes),
                               .media_time = 4'294'960'000U + frame * kFrameTicks,  // wraps soon
                               .at = frame * kFrameTime,
                               .sync_point = sync_point});
  }
  void audio(unsigned frame) {
    streams.push("cam/audio", {.bytes = {1, 2, 3}, .media_time = 500 + frame * 960, .at = frame * 20ms});
  }
  void both(unsigned frame) {
    video(frame);
    audio(2 * frame);
    audio(2 * frame + 1);
  }
  static Now at_frame(unsigned frame) { return FakeParts::now(frame * kFrameTime); }

  FakeParts streams;
  LiveMp4* mp4 = nullptr;  // whose time it is
};

struct Got {
  unsigned heads = 0;
  std::vector<test::Mp4Fragment> fragments;

  [[nodiscard]] std::vector<test::Mp4Fragment> of(std::uint32_t track) const {
    std::vector<test::Mp4Fragment> some;
    for (const auto& each : fragments) {
      if (each.track == track) some.push_back(each);
    }
    return some;
  }
};

/// All that is here for a viewer.
Got take_all(LiveMp4& mp4, LiveCursor& cursor, Now now) {
  Got got;
  while (const LiveBytes piece = mp4.next(cursor, now)) {
    if (const auto fragment = test::fragment_in(*piece)) {
      got.fragments.push_back(*fragment);
    } else {
      REQUIRE(test::box_at(*piece, {"moov", "mvex"}));
      ++got.heads;
    }
  }
  return got;
}

TEST_CASE("Live MP4 begins when both parts are known, with the tracks at a common zero") {
  Camera camera;
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  CHECK(mp4.content_type().empty());
  camera.video(0);
  CHECK(mp4.content_type().empty());
  camera.audio(0);
  CHECK(mp4.content_type() == "video/mp4; codecs=\"avc1.64000d, opus\"");
  for (unsigned frame = 1; frame < 5; ++frame) camera.both(frame);
  LiveCursor cursor = mp4.begin();
  const Got got = take_all(mp4, cursor, Camera::at_frame(5));
  CHECK(got.heads == 1);
  const auto video = got.of(1);
  REQUIRE(video.size() == 5);
  for (unsigned i = 0; i < 5; ++i) {
    CHECK(video[i].presentation_time == i * kFrameTicks);
    CHECK(video[i].sync_point == (i == 0));
    CHECK(video[i].duration == (i == 0 ? 3'000 : video[i].duration));
  }
  CHECK(video.back().sample == picture(false));
  const auto audio = got.of(2);
  REQUIRE(audio.size() == 9);
  CHECK(audio[0].presentation_time == 0);
  CHECK(audio[1].presentation_time == 2 * 960);
  CHECK(audio[8].presentation_time == 9 * 960);
}

TEST_CASE("Live MP4: instants align parts, whatever the way to the origin took") {
  Camera camera;
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  const WallTime taken = FakeParts::kBegin - 1h;
  camera.streams.push("cam/video",
                      {.bytes = picture(true), .media_time = 1'000, .at = 300ms, .instant = taken});
  camera.streams.push("cam/audio", {.bytes = {1}, .media_time = 7, .at = 20ms, .instant = taken + 100ms});
  LiveCursor cursor = mp4.begin();
  const Got got = take_all(mp4, cursor, FakeParts::now(300ms));
  REQUIRE(got.of(2).size() == 1);
  CHECK(got.of(2)[0].presentation_time == 4'800);
}

TEST_CASE("Live MP4 goes by instants once all parts have one") {
  Camera camera;
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  const WallTime taken = FakeParts::kBegin - 1h;
  camera.streams.push("cam/video",
                      {.bytes = picture(true), .media_time = 1'000, .at = 60ms, .instant = taken});
  camera.streams.push("cam/audio", {.bytes = {1}, .media_time = 0, .at = 60ms});
  camera.streams.push(
      "cam/audio",
      {.bytes = {1}, .media_time = 960, .at = 80ms, .instant = taken + 50ms});  // 20 ms were said
  LiveCursor cursor = mp4.begin();
  const Got got = take_all(mp4, cursor, FakeParts::now(100ms));
  REQUIRE(got.of(2).size() == 2);
  CHECK(got.of(2)[0].presentation_time == 0);
  CHECK(got.of(2)[1].presentation_time == 48 * 50);
}

TEST_CASE("Live MP4: a viewer begins with all since the newest sync point") {
  Camera camera;
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  for (unsigned frame = 0; frame < 37; ++frame) camera.both(frame);
  LiveCursor cursor = mp4.begin();
  const Got got = take_all(mp4, cursor, Camera::at_frame(37));
  CHECK(got.heads == 1);
  REQUIRE(got.of(1).size() == 7);
  CHECK(got.of(1)[0].presentation_time == 30 * kFrameTicks);
  CHECK(got.of(1)[0].sync_point);
  CHECK(cursor.skipped == 0);
  camera.both(37);
  CHECK(take_all(mp4, cursor, Camera::at_frame(37)).fragments.size() == 3);
}

TEST_CASE("Live MP4: a viewer that is too slow has no video until it can be decoded, and sound") {
  Camera camera;
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  for (unsigned frame = 0; frame < 2; ++frame) camera.both(frame);
  LiveCursor cursor = mp4.begin();
  take_all(mp4, cursor, Camera::at_frame(2));
  // It takes nothing for 18 frames (720 ms). The newest sync point is as old as it may be behind.
  for (unsigned frame = 2; frame < 24; ++frame) camera.both(frame);
  SECTION("the newest sync point is fresh") {
    const Got got = take_all(mp4, cursor, Camera::at_frame(24));
    REQUIRE_FALSE(got.fragments.empty());
    CHECK(got.fragments[0].sync_point);
    CHECK(got.of(1)[0].presentation_time == 20 * kFrameTicks);
    CHECK(cursor.skipped > 30);
  }
  SECTION("it is not") {
    for (unsigned frame = 24; frame < 30; ++frame) camera.both(frame);
    Got got = take_all(mp4, cursor, Camera::at_frame(40));
    CHECK(got.fragments.empty());
    camera.audio(60);
    camera.video(31);
    camera.audio(62);
    got = take_all(mp4, cursor, Camera::at_frame(31));
    CHECK(got.of(1).empty());
    CHECK(got.of(2).size() == 2);
    camera.video(40);
    camera.video(41);
    got = take_all(mp4, cursor, Camera::at_frame(41));
    REQUIRE(got.of(1).size() == 2);
    CHECK(got.of(1)[0].sync_point);
  }
}

TEST_CASE("Live MP4: one part is shown when the other says nothing, and both when it has come") {
  Camera camera;
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  camera.mp4 = &mp4;
  for (unsigned frame = 0; frame < 12; ++frame) camera.video(frame);
  CHECK(mp4.content_type() == "video/mp4; codecs=\"avc1.64000d\"");
  LiveCursor cursor = mp4.begin();
  CHECK(take_all(mp4, cursor, Camera::at_frame(12)).of(1).size() == 2);
  camera.audio(24);
  CHECK(mp4.has_ended(cursor));
  CHECK(mp4.next(cursor, Camera::at_frame(12)) == nullptr);
  CHECK(mp4.content_type() == "video/mp4; codecs=\"avc1.64000d, opus\"");
  LiveCursor again = mp4.begin();
  const Got got = take_all(mp4, again, Camera::at_frame(12));
  CHECK(got.of(1).size() == 2);  // from the sync point before the audio came
  // And the audio goes.
  for (unsigned frame = 12; frame < 12 + 100; ++frame) camera.video(frame);
  CHECK(mp4.has_ended(again));
  CHECK(mp4.content_type() == "video/mp4; codecs=\"avc1.64000d\"");
}

TEST_CASE("Live MP4: another configuration is another initialization segment for all") {
  Camera camera(false);
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  camera.video(0);
  LiveCursor cursor = mp4.begin();
  CHECK(take_all(mp4, cursor, Camera::at_frame(0)).heads == 1);
  camera.streams.push("cam/video",
                      {.bytes = picture(true, 100, "6742c00dd901519e226c0440000003004000000c83c50a92"),
                       .media_time = 4'294'960'000U + kFrameTicks,
                       .at = kFrameTime});
  CHECK_FALSE(mp4.has_ended(cursor));
  const Got got = take_all(mp4, cursor, Camera::at_frame(1));
  CHECK(got.heads == 1);
  CHECK(got.fragments.size() == 1);
  LiveCursor late = mp4.begin();
  CHECK(take_all(mp4, late, Camera::at_frame(1)).heads == 1);
}

TEST_CASE("Live MP4: a sender that jumps in time ends the content and begins it anew") {
  Camera camera(false);
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  camera.video(0);
  LiveCursor cursor = mp4.begin();
  const std::uint32_t jump = GENERATE(0x4000'0000U, 0xC000'0000U);
  camera.streams.push("cam/video", {.bytes = picture(true), .media_time = 4'294'960'000U + jump, .at = 40ms});
  CHECK(mp4.has_ended(cursor));
  LiveCursor again = mp4.begin();
  const Got got = take_all(mp4, again, Camera::at_frame(1));
  REQUIRE(got.fragments.size() == 1);
  CHECK(got.fragments[0].presentation_time == 0);
}

TEST_CASE("Live MP4: decode times rise where pictures come in another order than they are shown in") {
  Camera camera(false);
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  std::vector<unsigned> shown = {0};
  for (unsigned group = 0; group < 5; ++group) {
    for (const unsigned at : {3U, 1U, 2U}) shown.push_back(3 * group + at);
  }
  for (std::size_t i = 0; i < shown.size(); ++i) {
    camera.streams.push("cam/video", {.bytes = picture(i == 0),
                                      .media_time = 77 + shown[i] * kFrameTicks,
                                      .at = i * kFrameTime,
                                      .sync_point = i == 0});
  }
  LiveCursor cursor = mp4.begin();
  const Got got = take_all(mp4, cursor, Camera::at_frame(16));
  REQUIRE(got.fragments.size() == shown.size());
  for (std::size_t i = 0; i < shown.size(); ++i) {
    CHECK(got.fragments[i].presentation_time == shown[i] * kFrameTicks);
    CHECK(static_cast<std::int64_t>(got.fragments[i].decode_time) <= got.fragments[i].presentation_time);
    if (i == 0) continue;
    const auto& before = got.fragments[i - 1];
    CHECK(got.fragments[i].decode_time > before.decode_time);
    CHECK(got.fragments[i].decode_time - before.decode_time <= std::uint64_t{2} * before.duration);
  }
}

TEST_CASE("Live MP4 holds the first video and the first audio, and says why it has nothing") {
  FakeParts streams;
  streams.add("cam/video", test::h264_format());
  streams.add("cam/video2", test::h264_format());
  streams.add("cam/video3", MediaFormat{});
  streams.add("cam/text", {.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000});
  LiveMp4 mp4(streams, "cam", Camera::at_frame(0));
  CHECK(streams.wants("cam/video"));
  CHECK_FALSE(streams.wants("cam/video2"));
  CHECK_FALSE(streams.wants("cam/video3"));
  CHECK_FALSE(streams.wants("cam/text"));
  CHECK(mp4.why_nothing() == "the camera is away");
}

TEST_CASE("Live MP4 of streams that are here already goes on with what comes next") {
  constexpr unsigned kLater = 2'000;  // frames, longer than any part may be silent
  Camera camera;
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(kLater));
  // The hub hands on what it has before the first step: a sync point, and the newest sound.
  for (unsigned frame = kLater; frame < kLater + 5; ++frame) camera.video(frame);
  camera.audio(2 * kLater + 9);
  mp4.step(Camera::at_frame(kLater + 5));
  CHECK(mp4.content_type() == "video/mp4; codecs=\"avc1.64000d, opus\"");
  LiveCursor cursor = mp4.begin();
  camera.mp4 = &mp4;
  for (unsigned frame = kLater + 5; frame < kLater + 9; ++frame) camera.both(frame);
  CHECK_FALSE(mp4.has_ended(cursor));
  const Got got = take_all(mp4, cursor, Camera::at_frame(kLater + 9));
  CHECK(got.of(1).size() == 9);
  CHECK(got.of(2).size() == 9);
}

TEST_CASE("Live MP4 keeps no more than it may") {
  Camera camera(false);
  LiveMp4 mp4(camera.streams, "cam", Camera::at_frame(0));
  for (unsigned frame = 0; frame < 5; ++frame) camera.video(frame, 9U << 20U);
  // The sync point had to go: a viewer that comes now waits for the next one.
  CHECK(mp4.content_type().empty());
  camera.video(10);
  CHECK_FALSE(mp4.content_type().empty());
}

}  // namespace
}  // namespace ott
