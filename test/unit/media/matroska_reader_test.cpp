#include "media/matroska_reader.h"

#include <bit>
#include <tuple>

#include "edited_file.h"
#include "media/aac_config.h"
#include "media/h264_config.h"
#include "media/matroska_writer.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::hex;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Bytes text(std::string_view characters) { return {characters.begin(), characters.end()}; }

/// An element with a size of 4 bytes.
Bytes element(std::string_view id, const Bytes& body) {
  const auto size = static_cast<std::uint32_t>(body.size()) | 0x10000000U;
  Bytes bytes = hex(id);
  for (unsigned shift = 32; shift > 0; shift -= 8)
    bytes.push_back(static_cast<std::uint8_t>(size >> (shift - 8)));
  return bytes + body;
}

const Bytes kHead = element("1A45DFA3", element("4282", text("matroska")));
const Bytes kSegment =
    hex("18538067"
        "01ffffffffffffff");

Bytes track(std::uint8_t number, std::string_view codec, const Bytes& more = {}) {
  return element("AE", element("D7", {number}) + element("86", text(codec)) + more);
}
Bytes audio(double rate, std::uint8_t channels, std::uint8_t bits) {
  Bytes float_bytes;
  const auto as_bits = std::bit_cast<std::uint64_t>(rate);
  for (unsigned shift = 64; shift > 0; shift -= 8)
    float_bytes.push_back(static_cast<std::uint8_t>(as_bits >> (shift - 8)));
  return element("E1", element("B5", float_bytes) + element("9F", {channels}) + element("6264", {bits}));
}
Bytes simple_block(std::uint8_t track, std::string_view time_and_flags, const Bytes& frames) {
  return element("A3", Bytes{static_cast<std::uint8_t>(0x80 | track)} + hex(time_and_flags) + frames);
}
Bytes stream_of(const Bytes& tracks, const Bytes& clusters) {
  return kHead + kSegment + element("1654AE6B", tracks) + clusters;
}
/// Of unknown size, as they are written live.
Bytes cluster(std::uint8_t time_ms, const Bytes& blocks) {
  return hex("1F43B675"
             "01ffffffffffffff") +
         element("E7", {time_ms}) + blocks;
}

using Seen = std::vector<std::tuple<std::size_t, Duration, bool, Bytes>>;

Seen seen_in(MatroskaReader& reader, const Bytes& stream, std::size_t piece_bytes) {
  Seen seen;
  for (std::size_t at = 0; at < stream.size(); at += piece_bytes) {
    const auto pushed = reader.push(ByteSpan(stream).subspan(at, std::min(piece_bytes, stream.size() - at)));
    if (!pushed) FAIL(pushed.error().message);
    while (const auto unit = reader.next()) {
      seen.emplace_back(unit->track, unit->time, unit->sync_point,
                        Bytes(unit->bytes.begin(), unit->bytes.end()));
    }
  }
  return seen;
}
Seen seen_in(const Bytes& stream) {
  MatroskaReader reader;
  return seen_in(reader, stream, stream.size());
}
std::string error_of(const Bytes& stream) {
  const auto pushed = MatroskaReader().push(stream);
  return pushed ? "none" : pushed.error().message;
}

const Bytes kAvcc =
    hex("0164000dffe1001a6764000dacd941519e226c0440000003004000000c83c50a658001000668ebe3cb22c0fdf8f800");

TEST_CASE("The parts of a Matroska stream and their samples are the same however it is cut into pieces") {
  const Bytes tracks =
      track(1, "V_MPEG4/ISO/AVC", element("63A2", kAvcc) + element("23E383", hex("02625a00"))) +
      track(2, "A_OPUS",
            element("63A2", hex("4f707573486561640102380180bb0000000000")) + element("56AA", hex("632ea0"))) +
      track(3, "S_HDMV/PGS") + track(4, "S_TEXT/UTF8");
  const Bytes stream = stream_of(
      element("EC", Bytes(3'000)) + tracks,
      cluster(0, simple_block(1, "000080", hex("0000000265aa")) + simple_block(2, "000080", hex("fc01"))) +
          cluster(40, element("A0", element("A1", hex("81000000"
                                                      "0000000241bb")) +
                                        element("FB", hex("01"))) +
                          simple_block(3, "000080", hex("ff")) +
                          element("A0", element("A1", hex("840005"
                                                          "00"
                                                          "6869"))) +
                          simple_block(1, "ffec00", hex("0000000241cc"))) +
          element("1C53BB6B", Bytes(5'000)));
  const std::size_t piece_bytes = GENERATE(1U, 7U, 100U, 100'000U);
  MatroskaReader reader;
  const Seen seen = seen_in(reader, stream, piece_bytes);
  CHECK(seen == Seen{{0, 0ms, true, hex("0000000265aa")},
                     {1, -6'500us, true, hex("fc01")},
                     {0, 40ms, false, hex("0000000241bb")},
                     {2, 45ms, true, text("hi\r\n")},
                     {0, 20ms, false, hex("0000000241cc")}});
  REQUIRE(reader.tracks().size() == 3);
  CHECK(reader.tracks()[0].format.is("H264"));
  CHECK(reader.tracks()[0].config.record == kAvcc);
  CHECK(reader.tracks()[0].config.width == 322);
  CHECK(reader.tracks()[0].fps == 25);
  CHECK_THAT(reader.tracks()[0].format.parameters, Catch::Contains("sprop-parameter-sets="));
  CHECK(reader.tracks()[1].format.is("opus"));
  CHECK(reader.tracks()[2].format.media == MediaKind::Text);
  REQUIRE(reader.passed_over().size() == 1);
  CHECK_THAT(reader.passed_over()[0], Catch::Contains("track 3 (S_HDMV/PGS)"));
}

TEST_CASE("A Matroska stream is read on from any cluster") {
  const Bytes first = stream_of(track(1, "V_VP8"), {});
  const Bytes second = cluster(0, simple_block(1, "000080", hex("aa")));
  const Bytes third =
      cluster(100, simple_block(1, "000180", hex("bb")) + simple_block(1, "000200", hex("cc")));
  MatroskaReader reader;
  CHECK(seen_in(reader, first + second + third, 9).size() == 3);
  REQUIRE(reader.cluster());
  CHECK(reader.cluster()->offset == first.size() + second.size());
  CHECK(reader.cluster()->time == 100ms);
  reader.resume_at(reader.cluster()->offset);
  CHECK(seen_in(reader, third, 5) == Seen{{0, 101ms, true, hex("bb")}, {0, 102ms, false, hex("cc")}});
  reader.resume_at(0);
  CHECK(seen_in(reader, first + second, 5) == Seen{{0, 0ms, true, hex("aa")}});
}

TEST_CASE("A Matroska time scale that is none leaves the one before in force") {
  const Bytes first = stream_of(track(1, "V_VP8"), {});
  const Bytes second = cluster(100, simple_block(1, "000080", hex("aa")));
  const Bytes wrong = element("1549A966", element("2AD7B1", {0}));
  MatroskaReader reader;
  REQUIRE(reader.push(first + second));
  CHECK(reader.next());
  const auto pushed = reader.push(wrong);
  REQUIRE_FALSE(pushed);
  CHECK_THAT(pushed.error().message, Catch::Contains("a TimestampScale of 0"));
  reader.resume_at(first.size());
  CHECK(seen_in(reader, second, 5) == Seen{{0, 100ms, true, hex("aa")}});
}

TEST_CASE("Of a codec's name no more is said than a name may have") {
  MatroskaReader reader;
  REQUIRE(reader.push(stream_of(track(1, "V_VP8") + track(2, std::string(100'000, 'x')), {})));
  REQUIRE(reader.passed_over().size() == 1);
  CHECK(reader.passed_over()[0].size() < 200);
}

TEST_CASE("What a Matroska track's codec is becomes the format of its part") {
  const auto [entry, encoding, clock_rate, channels] =
      GENERATE(table<Bytes, std::string, unsigned, unsigned>({
          {track(1, "V_MJPEG"), "JPEG", 90'000, 0},
          {track(1, "V_VP9",
                 element("63A2", hex("010102"
                                     "03010a"))),
           "VP9", 90'000, 0},
          {track(1, "V_AV1", element("63A2", hex("81000c000a0b000000043d06d4daf90040"))), "AV1", 90'000, 0},
          {track(1, "A_AAC", element("63A2", hex("1190")) + audio(48'000, 2, 0)), "MPEG4-GENERIC", 48'000, 2},
          {track(1, "A_PCM/INT/LIT", audio(44'100, 2, 16)), "L16", 44'100, 2},
          {track(1, "A_PCM/INT/BIG", audio(16'000, 1, 16)), "L16", 16'000, 1},
          {track(1, "A_MS/ACM", element("63A2", hex("0700")) + audio(8'000, 1, 8)), "PCMU", 8'000, 1},
          {track(1, "A_MS/ACM", element("63A2", hex("0600")) + audio(8'000, 1, 8)), "PCMA", 8'000, 1},
      }));
  MatroskaReader reader;
  const auto pushed = reader.push(stream_of(entry, {}));
  if (!pushed) FAIL(pushed.error().message);
  REQUIRE(reader.tracks().size() == 1);
  CHECK(reader.tracks()[0].format.is(encoding));
  CHECK(reader.tracks()[0].format.clock_rate == clock_rate);
  CHECK(reader.tracks()[0].format.channels == channels);
}

TEST_CASE("Samples of Matroska that have another form get that of the payload formats") {
  const Bytes little = cluster(0, simple_block(1, "000080", hex("01020304")));
  CHECK(std::get<Bytes>(seen_in(stream_of(track(1, "A_PCM/INT/LIT", audio(44'100, 2, 16)), little))[0]) ==
        hex("02010403"));
  Bytes short_lengths = kAvcc;
  short_lengths[4] = 0xFD;
  const Bytes nal = cluster(0, simple_block(1, "000080",
                                            hex("000265aa"
                                                "000141")));
  CHECK(std::get<Bytes>(seen_in(stream_of(track(1, "V_MPEG4/ISO/AVC", element("63A2", short_lengths)),
                                          nal))[0]) == hex("0000000265aa"
                                                           "0000000141"));
}

TEST_CASE("Frames of a lace come one by one, each at its time") {
  const auto [flags, lace] = GENERATE(table<std::string, std::string>({
      {"82",
       "02"
       "0102"
       "aabbbbcc"},  // Xiph: sizes 1, 2
      {"84",
       "02"
       "aabbcc"},  // of one size
      {"86",
       "02"
       "81"
       "c0"
       "aabbbbcc"},  // EBML: 1, then one more
  }));
  const Bytes tracks = track(
      1, "A_AAC", element("63A2", hex("1190")) + audio(48'000, 2, 0) + element("23E383", hex("01312d00")));
  const Seen seen = seen_in(stream_of(tracks, cluster(10, simple_block(1, "0000" + flags, hex(lace)))));
  REQUIRE(seen.size() == 3);
  CHECK(std::get<Bytes>(seen[0]) == hex("aa"));
  CHECK(std::get<Bytes>(seen[1]) == hex(flags == "84" ? "bb" : "bbbb"));
  CHECK(std::get<Bytes>(seen[2]) == hex("cc"));
  CHECK(std::get<Duration>(seen[2]) == 50ms);
}

TEST_CASE("What no Matroska stream has is named with its place") {
  const Bytes vp8 = track(1, "V_VP8");
  const auto [stream, why] = GENERATE_COPY(table<Bytes, std::string>({
      {text("RIFF1234"), "byte 0: no Matroska begins so"},
      {kHead + hex("00"), "no element begins with such a byte"},
      {kHead + kSegment +
           hex("1654AE6B"
               "01ffffffffffffff"),
       "element 1654AE6B of unknown size"},
      {kHead + kSegment +
           hex("1654AE6B"
               "0100000001000001"),
       "of more than 16 MiB"},
      {stream_of({}, {}), "without tracks"},
      {stream_of(track(1, "V_THEORA"), {}), "no track can be carried: track 1 (V_THEORA)"},
      {stream_of(track(1, "A_PCM/INT/LIT", audio(48'000, 2, 24)), {}), "PCM of 24 bits"},
      {stream_of(track(1, "V_MPEG4/ISO/AVC"), {}), "track 1 (V_MPEG4/ISO/AVC): an avcC"},
      {stream_of(track(1, "V_VP8", element("6D80", {})), {}), "compressed or encrypted"},
      {stream_of(hex("AE"
                     "85"
                     "D7"),
                 {}),
       "longer than the one around it"},
      {stream_of(vp8, simple_block(1, "000080", hex("aa"))), "before the time of its cluster"},
      {kHead + kSegment + cluster(0, simple_block(1, "000080", hex("aa"))), "before the tracks"},
      {stream_of(vp8, cluster(0, element("A3", hex("8100")))), "without a whole head"},
      {stream_of(vp8, cluster(0, simple_block(1, "000082", hex("02ff")))), "sizes are not whole"},
      {stream_of(vp8, cluster(0, simple_block(1, "000082", hex("0105aa")))), "lace that is not whole"},
      {stream_of(vp8, cluster(0, simple_block(1, "000084", hex("02aabb")))), "not of one size"},
      {stream_of(vp8, hex("1F43B675"
                          "ff") +
                          element("E7", hex("7fffffffffffffff"))),
       "a timestamp of"},
      {kHead + kSegment + element("1549A966", element("2AD7B1", {0})), "a TimestampScale of 0"},
  }));
  CHECK_THAT(error_of(stream), Catch::Contains(why));
}

TEST_CASE("A recording of ours is read as it was written") {
  RecordedTrack track;
  track.config.width = 320;
  track.config.height = 240;
  MatroskaWriter writer{WallTime(1s), {track}};
  test::EditedFile file;
  std::vector<Bytes> pictures;
  std::mt19937 random(1);
  for (int i = 0; i < 80; ++i) {
    pictures.push_back(test::random_bytes(random, 100 + random() % 400));
    file.perform(writer.add({.bytes = pictures.back(), .time = i * 40ms}));
  }
  if (GENERATE(false, true)) file.perform(writer.finish());
  MatroskaReader reader;
  const Seen seen = seen_in(reader, file.bytes, 1'000);
  REQUIRE(seen.size() == pictures.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i] == std::tuple(std::size_t{0}, Duration(40ms * i), true, pictures[i]));
  }
  CHECK(reader.tracks()[0].format.is_jpeg());
  CHECK(reader.tracks()[0].config.width == 320);
  CHECK(reader.duration() == 3'200ms);
}

}  // namespace
}  // namespace ott
