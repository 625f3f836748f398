#include "media/fmp4_writer.h"

#include <catch2/catch.hpp>

#include "mp4_boxes.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::box_at;
using test::Bytes;
using test::hex;

Mp4Track video(const std::string& encoding, const std::string& codecs) {
  MediaFormat format{.media = MediaKind::Video, .encoding = encoding, .payload_type = 96};
  return {format, {.record = {1, 2, 3}, .codecs = codecs, .width = 320, .height = 180}};
}

Mp4Track audio(const std::string& encoding, Bytes record, const std::string& codecs) {
  MediaFormat format{.media = MediaKind::Audio,
                     .encoding = encoding,
                     .clock_rate = 48'000,
                     .channels = 2,
                     .payload_type = 97};
  return {format, {.record = std::move(record), .codecs = codecs, .sample_rate = 48'000, .channels = 2}};
}

const Bytes kOpusHead = {'O',  'p', 'u',  's',  'H', 'e', 'a',  'd',  1, 2,
                         0x38, 1,   0x80, 0xBB, 0,   0,   0xFD, 0xFF, 0};

Bytes init_of(const std::vector<Mp4Track>& tracks) {
  auto made = mp4_init_segment(tracks);
  if (!made) FAIL(made.error().message);
  return *made;
}

/// Where the sample entry's own boxes begin: behind its fixed fields.
ByteSpan inside_entry(const Bytes& init, const std::string& type, std::size_t fixed) {
  const auto entries = box_at(init, {"moov", "trak", "mdia", "minf", "stbl", "stsd"});
  REQUIRE(entries);
  const auto entry = box_at(entries->subspan(8), {type});
  REQUIRE(entry);
  return entry->subspan(fixed);
}

constexpr std::size_t kVisualFixed = 78;
constexpr std::size_t kAudioFixed = 28;

Bytes to_bytes(ByteSpan span) { return {span.begin(), span.end()}; }

TEST_CASE("An initialization segment has a track for each part, with its clock rate and configuration") {
  const Bytes init = init_of({video("H264", "avc1.64000d"), audio("opus", kOpusHead, "opus")});
  const auto boxes = test::boxes_in(init);
  REQUIRE(boxes);
  REQUIRE(boxes->size() == 2);
  CHECK((*boxes)[0].type == "ftyp");
  const auto movie = test::boxes_in((*boxes)[1].content);
  REQUIRE(movie);
  std::vector<std::string> types;
  for (const auto& box : *movie) types.push_back(box.type);
  CHECK(types == std::vector<std::string>{"mvhd", "trak", "trak", "mvex"});
  const auto header = box_at((*movie)[2].content, {"mdia", "mdhd"});
  REQUIRE(header);
  CHECK(load_be<std::uint32_t>(header->data() + 12) == 48'000);
  CHECK(to_bytes(*box_at(inside_entry(init, "avc1", kVisualFixed), {"avcC"})) == Bytes{1, 2, 3});
}

TEST_CASE("A sample entry is what the codecs parameter says") {
  const auto [encoding, codecs, entry, config] =
      GENERATE(table<std::string, std::string, std::string, std::string>({
          {"h264", "avc1.64000d", "avc1", "avcC"},
          {"H264", "avc3.64000d", "avc3", "avcC"},
          {"H265", "hvc1.1.6.L93.B0", "hvc1", "hvcC"},
          {"H265", "hev1.1.6.L93.B0", "hev1", "hvcC"},
          {"AV1", "av01.0.04M.08", "av01", "av1C"},
      }));
  const Bytes init = init_of({video(encoding, codecs)});
  CHECK(to_bytes(*box_at(inside_entry(init, entry, kVisualFixed), {config})) == Bytes{1, 2, 3});
}

TEST_CASE("What is said of VP9 has a version") {
  const Bytes init = init_of({video("VP9", "vp09.00.10.08")});
  CHECK(to_bytes(*box_at(inside_entry(init, "vp09", kVisualFixed), {"vpcC"})) == Bytes{1, 0, 0, 0, 1, 2, 3});
}

TEST_CASE("Opus and AAC say how they are decoded in their own order of bytes") {
  const Bytes opus = init_of({audio("opus", kOpusHead, "opus")});
  CHECK(to_bytes(*box_at(inside_entry(opus, "Opus", kAudioFixed), {"dOps"})) ==
        hex("000201380000bb80fffd00"));
  const Bytes aac = init_of({audio("MPEG4-GENERIC", {0x11, 0x90}, "mp4a.40.2")});
  CHECK(to_bytes(*box_at(inside_entry(aac, "mp4a", kAudioFixed), {"esds"})) ==
        hex("00000000031900000004114015000000000000000000000005021190060102"));
}

TEST_CASE("A configuration of which nothing can be made is refused with its reason") {
  const auto refused = [](const Mp4Track& track) {
    const auto made = mp4_init_segment(std::span(&track, 1));
    REQUIRE_FALSE(made);
    return made.error().message;
  };
  Mp4Track none = video("H264", "avc1.64000d");
  none.config.record.clear();
  CHECK(refused(none).find("video H264: nothing says") == 0);
  Mp4Track wide = video("H264", "avc1.64000d");
  wide.config.width = 70'000;
  CHECK(refused(wide).find("70000×180") != std::string::npos);
  CHECK(refused(audio("opus", {1, 2, 3}, "opus")).find("OpusHead of 3 bytes") != std::string::npos);
  Bytes mapped = kOpusHead;
  mapped.back() = 1;
  CHECK(refused(audio("opus", mapped, "opus")).find("channel mapping") != std::string::npos);
  CHECK(refused(audio("MPEG4-GENERIC", Bytes(65), "mp4a.40.2")).find("65 bytes") != std::string::npos);
}

TEST_CASE("A fragment is one sample with its times") {
  Bytes bytes = mp4_fragment_head({.track = 2,
                                   .fragment = 7,
                                   .decode_time = 5'000'000'000,
                                   .presentation_offset = -300,
                                   .duration = 960,
                                   .sync_point = false},
                                  3);
  bytes.insert(bytes.end(), {9, 8, 7});
  const auto read = test::fragment_in(bytes);
  REQUIRE(read);
  CHECK(read->track == 2);
  CHECK(read->number == 7);
  CHECK(read->decode_time == 5'000'000'000);
  CHECK(read->presentation_time == 4'999'999'700);
  CHECK(read->duration == 960);
  CHECK_FALSE(read->sync_point);
  CHECK(read->sample == Bytes{9, 8, 7});
}

TEST_CASE("What MP4 holds of what a stream may carry") {
  CHECK(mp4_can_hold({.media = MediaKind::Video, .encoding = "h264"}));
  CHECK_FALSE(mp4_can_hold({}));
  CHECK_FALSE(mp4_can_hold({.media = MediaKind::Video, .encoding = "VP8"}));
  const std::vector<Mp4Track> both = {video("H264", "avc1.64000d"), audio("opus", kOpusHead, "opus")};
  CHECK(mp4_content_type(both) == "video/mp4; codecs=\"avc1.64000d, opus\"");
  CHECK(mp4_content_type(std::span(both).last(1)) == "audio/mp4; codecs=\"opus\"");
}

}  // namespace
}  // namespace ott
