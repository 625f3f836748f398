#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "media/annex_b_splitter.h"
#include "media/ivf_splitter.h"
#include "media/matroska_splitter.h"
#include "media/media_kind.h"
#include "media/nal_units.h"
#include "media/text.h"
#include "media/text_splitter.h"
#include "media/ts_splitter.h"
#include "media/wav_splitter.h"
#include "media_bytes.h"
#include "sample_helpers.h"
#include "split_helpers.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::text;
using Bytes = std::vector<std::uint8_t>;

struct Found {
  std::vector<Bytes> frames;
  std::vector<MediaSplitter::Stamp> stamps;
  std::vector<std::string> errors;
};

/// What a splitter finds, in pieces of any size the same.
Found find_all(MediaSplitter& splitter, ByteSpan stream, std::size_t piece_bytes) {
  Found found;
  const auto take = [&] {
    for (;;) {
      const auto frame = splitter.next();
      if (!frame) {
        found.errors.push_back(frame.error().message);
      } else if (*frame) {
        REQUIRE(splitter.stamp().part < splitter.parts().size());
        found.frames.emplace_back((*frame)->begin(), (*frame)->end());
        found.stamps.push_back(splitter.stamp());
      } else {
        return;
      }
    }
  };
  while (!stream.empty()) {
    const MutableByteSpan space = splitter.space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), stream.size()});
    std::memcpy(space.data(), stream.data(), bytes);
    splitter.advance(bytes);
    stream = stream.subspan(bytes);
    take();
  }
  splitter.finish();
  take();
  CHECK(splitter.at_end());
  return found;
}

TEST_CASE("a WAV file of 16 bits becomes L16, 10 ms at a time", "[wav]") {
  const auto piece = GENERATE(std::size_t{1}, 7, 100'000);
  Bytes samples;
  for (unsigned i = 0; i < 170; ++i) test::append_le(samples, 0x0102 + i, 2);
  WavSplitter splitter;
  Bytes wav = test::make_wav({.data_bytes = 340}, samples);
  test::append_text(wav, "LIST what is behind the sound");
  const Found found = find_all(splitter, wav, piece);
  CHECK(found.errors.empty());
  REQUIRE(found.frames.size() == 3);
  CHECK(found.frames[0].size() == 160);
  CHECK(found.frames[0][0] == 0x01);
  CHECK(found.frames[0][1] == 0x02);
  CHECK(found.frames[2].size() == 20);
  CHECK(found.stamps[1].time == milliseconds(10));
  CHECK(found.stamps[2].time == milliseconds(20));
  CHECK(splitter.parts()[0].format.is("L16"));
  CHECK(splitter.parts()[0].format.clock_rate == 8'000);
  CHECK(splitter.parts()[0].format.channels == 1);
}

TEST_CASE("samples of other widths become 16 bits, and logarithmic ones pass", "[wav]") {
  struct Case {
    unsigned format, bits;
    Bytes sample, sent;
    const char* encoding;
  };
  const auto given = GENERATE(values<Case>({{1, 8, {0x80}, {0, 0}, "L16"},
                                            {1, 8, {0xFF}, {0x7F, 0}, "L16"},
                                            {1, 24, {0x99, 0x34, 0x92}, {0x92, 0x34}, "L16"},
                                            {1, 32, {0x99, 0x99, 0x34, 0x12}, {0x12, 0x34}, "L16"},
                                            {3, 32, {0, 0, 0, 0xBF}, {0xC0, 0}, "L16"},     // -0.5
                                            {3, 32, {0, 0, 0, 0x41}, {0x7F, 0xFF}, "L16"},  // 8
                                            {3, 32, {0, 0, 0xC0, 0x7F}, {0, 0}, "L16"},     // no number
                                            {6, 8, {0x55}, {0x55}, "PCMA"},
                                            {7, 8, {0x7F}, {0x7F}, "PCMU"}}));
  WavSplitter splitter;
  const Found found =
      find_all(splitter, test::make_wav({.format = given.format, .bits = given.bits}, given.sample), 1'000);
  CHECK(found.errors.empty());
  CHECK(found.frames == std::vector<Bytes>{given.sent});
  CHECK(splitter.parts()[0].format.is(given.encoding));
}

TEST_CASE("a unit of sound fits a packet at any rate and number of channels", "[wav]") {
  const unsigned channels = GENERATE(1U, 2U, 6U, 64U);
  const unsigned rate = GENERATE(8'000U, 44'100U, 384'000U);
  WavSplitter splitter;
  const Found found = find_all(
      splitter, test::make_wav({.channels = channels, .rate = rate}, Bytes(channels * 2 * 5'000)), 100'000);
  CHECK(found.errors.empty());
  for (const Bytes& frame : found.frames) CHECK(frame.size() <= 1'388);
  CHECK(test::join(found.frames).size() == std::size_t{channels} * 2 * 5'000);
}

TEST_CASE("a WAV file that cannot be played says why", "[wav]") {
  struct Case {
    test::WavForm form;
    const char* error;
  };
  const auto given = GENERATE(values<Case>({{{.format = 2}, "its coding 0x2 with 16 bits"},
                                            {{.channels = 0}, "0 channels"},
                                            {{.channels = 65}, "65 channels"},
                                            {{.rate = 0}, "a rate of 0 Hz"},
                                            {{.bits = 12}, "with 12 bits"}}));
  WavSplitter splitter;
  const Found found = find_all(splitter, test::make_wav(given.form, Bytes(1'000)), 1'000);
  CHECK(found.frames.empty());
  REQUIRE(found.errors.size() == 1);
  CHECK_THAT(found.errors[0], Catch::Contains(given.error));
  WavSplitter cut;
  CHECK_THAT(find_all(cut, Bytes{'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'A', 'V', 'E', 'f'}, 3).errors.at(0),
             Catch::Contains("it ends before its sound begins"));
}

std::vector<std::string> lines_of(const Found& found) {
  std::vector<std::string> lines;
  for (const Bytes& frame : found.frames) lines.emplace_back(frame.begin(), frame.end());
  return lines;
}

TEST_CASE("each line of a text is a unit that ends with CR LF", "[text]") {
  const auto piece = GENERATE(std::size_t{1}, 2, 1'000);
  TextSplitter splitter;
  const Found found = find_all(splitter, text("\xEF\xBB\xBFGr\xC3\xBC\xC3\x9F\n\r\nb\r\nno end"), piece);
  CHECK(found.errors.empty());
  CHECK(lines_of(found) == std::vector<std::string>{"Gr\xC3\xBC\xC3\x9F\r\n", "\r\n", "b\r\n", "no end\r\n"});
  CHECK(splitter.parts()[0].format.is("t140"));
  CHECK(splitter.parts()[0].format.clock_rate == 1'000);
}

TEST_CASE("what is no UTF-8 is named once, by line and byte, and nothing else is lost", "[text]") {
  const auto piece = GENERATE(std::size_t{1}, 1'000);
  TextSplitter splitter;
  const Found found = find_all(splitter, text("good\nb\xFFx\nb\xC3\ngood \xE2\x82\xAC\n"), piece);
  REQUIRE(found.errors.size() == 1);
  CHECK_THAT(found.errors[0], Catch::Contains("byte 6: line 2 is no UTF-8"));
  CHECK(lines_of(found) == std::vector<std::string>{"good\r\n", "b\xEF\xBF\xBDx\r\n", "b\xEF\xBF\xBD\r\n",
                                                    "good \xE2\x82\xAC\r\n"});
}

TEST_CASE("a line longer than a packet is cut between characters", "[text]") {
  const auto piece = GENERATE(std::size_t{1}, 10'000);
  std::string line = "a";
  for (int i = 0; i < 1'500; ++i) line += "\xE2\x82\xAC";
  TextSplitter splitter;
  const auto lines = lines_of(find_all(splitter, text(line + "\nb\n"), piece));
  std::string all;
  for (const std::string& unit : lines) {
    CHECK(unit.size() <= TextSplitter::kUnitBytesMax);
    CHECK(to_utf8(unit) == unit);
    all += unit;
  }
  CHECK(all == line + "\r\nb\r\n");
  CHECK(lines.size() > 4);
}

// NAL units of which only the first bytes count.

Bytes nal(const std::string& digits, bool is_long = true) {
  Bytes bytes = is_long ? Bytes{0, 0, 0, 1} : Bytes{0, 0, 1};
  test::append(bytes, test::hex(digits));
  return bytes;
}

TEST_CASE("a byte stream of H.264 is cut into access units", "[annexb]") {
  const auto piece = GENERATE(std::size_t{1}, 5, 1'000);
  const Bytes sps = nal("67f4000a919b2884d808800000030080000005078912cb");
  const Bytes pps = nal("68ebe3c44844");
  const Bytes idr = nal("6588840a"), second_slice = nal("650088840a", false), p = nal("419a0203"),
              sei = nal("0605012380"), delimiter = nal("0930");
  AnnexBSplitter splitter(ByteStreamCodec::H264, 50);
  const Bytes stream =
      test::join({p, delimiter, sps, pps, idr, second_slice, p, sei, p, delimiter, sps, pps, idr});
  const Found found = find_all(splitter, stream, piece);
  CHECK(found.errors.empty());
  REQUIRE(found.frames.size() == 4);
  CHECK(nal_units_of_sample(found.frames[0])->size() == 5);
  CHECK(nal_units_of_sample(found.frames[1])->size() == 1);
  CHECK(nal_units_of_sample(found.frames[2])->size() == 2);
  CHECK(nal_units_of_sample(found.frames[3])->size() == 4);
  std::vector<bool> sync;
  for (const auto& stamp : found.stamps) sync.push_back(stamp.sync_point);
  CHECK(sync == std::vector<bool>{true, false, false, true});
  CHECK_FALSE(found.stamps[0].time);
  CHECK(splitter.parts()[0].format.is("H264"));
  CHECK(splitter.parts()[0].fps == 50);
  CHECK(splitter.parts()[0].width > 0);
}

TEST_CASE("H.264 and H.265 are told apart by their first NAL unit", "[annexb]") {
  CHECK(recognise_byte_stream(nal("0930")) == ByteStreamCodec::H264);
  CHECK(recognise_byte_stream(nal("6742", false)) == ByteStreamCodec::H264);
  CHECK(recognise_byte_stream(nal("0605")) == ByteStreamCodec::H264);
  CHECK(recognise_byte_stream(nal("4001")) == ByteStreamCodec::H265);
  CHECK(recognise_byte_stream(nal("4601", false)) == ByteStreamCodec::H265);
  CHECK(recognise_byte_stream(nal("4e01")) == ByteStreamCodec::H265);
  CHECK_FALSE(recognise_byte_stream(nal("ba00")));
  CHECK_FALSE(recognise_byte_stream(Bytes{0, 1, 2, 3, 4, 5}));
  CHECK_FALSE(recognise_byte_stream(Bytes{0, 0, 0}));
}

TEST_CASE("IVF has frames with times", "[ivf]") {
  const auto piece = GENERATE(std::size_t{1}, 1'000);
  IvfSplitter splitter;
  const Found found =
      find_all(splitter, test::make_vp8_ivf(25, {{0, false}, {10, true}, {11, false}, {13, true}}), piece);
  CHECK(found.errors.empty());
  REQUIRE(found.frames.size() == 3);  // nobody can decode what is before the first key frame
  CHECK(found.stamps[0].time == milliseconds(400));
  CHECK(found.stamps[0].sync_point);
  CHECK(found.stamps[1].time == milliseconds(440));
  CHECK_FALSE(found.stamps[1].sync_point);
  CHECK(splitter.parts()[0].format.is("VP8"));
  CHECK(splitter.parts()[0].width == 16);

  Bytes cut = test::make_vp8_ivf(25, {{0, true}, {1, false}});
  cut.pop_back();
  IvfSplitter another;
  const Found rest = find_all(another, cut, piece);
  CHECK(rest.frames.size() == 1);
  REQUIRE(rest.errors.size() == 1);
  CHECK_THAT(rest.errors[0], Catch::Contains("byte 56: the last frame is cut off"));
  IvfSplitter odd;
  CHECK_THAT(find_all(odd, test::make_vp8_ivf(0, {{0, true}}), 50).errors.at(0), Catch::Contains("times"));
}

/// A packet of a transport stream: its payload behind an adaptation field that fills it up.
Bytes ts_packet(unsigned pid, bool begins, const Bytes& payload, std::optional<std::uint64_t> clock = {},
                bool random_access = false) {
  Bytes packet = {0x47, static_cast<std::uint8_t>((begins ? 0x40U : 0U) | pid >> 8U),
                  static_cast<std::uint8_t>(pid), 0x30};
  const std::size_t adaptation = TsSplitter::kPacketBytes - 5 - payload.size();
  packet.push_back(static_cast<std::uint8_t>(adaptation));
  packet.push_back(static_cast<std::uint8_t>((random_access ? 0x40U : 0U) | (clock ? 0x10U : 0U)));
  if (clock) {
    const std::uint64_t base = *clock / 300, rest = *clock % 300;
    for (unsigned shift : {25U, 17U, 9U, 1U}) packet.push_back(static_cast<std::uint8_t>(base >> shift));
    packet.push_back(static_cast<std::uint8_t>((base & 1U) << 7U | 0x7EU | rest >> 8U));
    packet.push_back(static_cast<std::uint8_t>(rest));
  }
  packet.resize(TsSplitter::kPacketBytes - payload.size(), 0xFF);
  test::append(packet, payload);
  return packet;
}

// One programme: its map on 0x1000; H.264 on 0x100, which has the clock, and AAC on 0x101.
Bytes association() { return test::hex("0000b00d0001c100000001f000aabbccdd"); }
Bytes map_table() { return test::hex("0002b0170001c10000e100f0001be100f0000fe101f000aabbccdd"); }

TEST_CASE("a transport stream is cut where its tables come, and has the programme's times", "[ts]") {
  const auto piece = GENERATE(std::size_t{1}, 188, 100'000);
  const auto video = [](std::optional<std::uint64_t> clock = {}, bool random_access = false) {
    return ts_packet(0x100, clock.has_value(), Bytes(100, 1), clock, random_access);
  };
  const Bytes sound = ts_packet(0x101, true, Bytes(50, 2), {}, true);
  const Bytes tables = test::join({ts_packet(0, true, association()), ts_packet(0x1000, true, map_table())});
  constexpr std::uint64_t kSecond = 27'000'000;
  const Bytes stream =
      test::join({tables, video(kSecond, true), sound, video(), video(), video(),  // a whole unit
                  sound, video(kSecond * 2), sound, test::text("junk"),            //
                  tables, video(kSecond * 3, true)});
  TsSplitter splitter;
  const Found found = find_all(splitter, stream, piece);
  REQUIRE(found.errors.size() == 1);
  CHECK_THAT(found.errors[0], Catch::Contains("4 bytes are no packet"));
  REQUIRE(found.frames.size() == 3);
  CHECK(found.frames[0].size() == 7 * 188);
  CHECK(found.frames[1].size() == 3 * 188);
  CHECK(found.frames[2].size() == 3 * 188);
  CHECK(found.stamps[0].time == std::chrono::seconds(1));
  CHECK(found.stamps[0].sync_point);
  CHECK_FALSE(found.stamps[1].sync_point);  // the sound's random access is none of the video
  CHECK(found.stamps[2].sync_point);
  CHECK(splitter.parts()[0].format.is("MP2T"));
}

TEST_CASE("what a stream is, is known by its first bytes", "[media]") {
  using Verdict = MediaKindFound::Verdict;
  const auto verdict = [](const Bytes& start, bool is_all = false) {
    const auto found = recognise_media(start, is_all, 0);
    return std::pair(found.verdict, found.kind);
  };
  CHECK(verdict({}) == std::pair(Verdict::NeedBytes, std::string()));
  CHECK(verdict({}, true) == std::pair(Verdict::None, std::string()));
  CHECK(verdict({0xFF}) == std::pair(Verdict::None, std::string()));
  CHECK(verdict({0x1A, 0x45}) == std::pair(Verdict::NeedBytes, std::string()));
  CHECK(verdict({0x1A, 0x45}, true) == std::pair(Verdict::None, std::string()));
  CHECK(verdict({0x1A, 0x45, 0xDF, 0xA3}) == std::pair(Verdict::Found, std::string("matroska")));
  CHECK(verdict(test::make_wav({}, {})) == std::pair(Verdict::Found, std::string("wav")));
  CHECK(verdict(test::text("RIFF    AVI ")) == std::pair(Verdict::None, std::string()));
  CHECK(verdict(test::text("DKIF")) == std::pair(Verdict::Found, std::string("ivf")));
  CHECK(verdict(nal("093000")) == std::pair(Verdict::Found, std::string("h264")));
  CHECK(verdict(nal("400100")) == std::pair(Verdict::Found, std::string("h265")));
  CHECK(verdict(ts_packet(1, false, {})) == std::pair(Verdict::NeedBytes, std::string()));
  CHECK(verdict(test::join({ts_packet(1, false, {}), {0x47}})) ==
        std::pair(Verdict::Found, std::string("mpegts")));
}

TEST_CASE("Matroska that cannot be read is named once", "[matroska]") {
  MatroskaSplitter splitter;
  Bytes stream = {0x1A, 0x45, 0xDF, 0xA3};
  stream.resize(1'000, 0);
  const Found found = find_all(splitter, stream, 100);
  CHECK(found.frames.empty());
  CHECK(found.errors.size() == 1);
}

}  // namespace
}  // namespace ott
