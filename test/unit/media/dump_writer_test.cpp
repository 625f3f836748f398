#include "media/dump_writer.h"

#include <catch2/catch.hpp>
#include <string>

#include "edited_file.h"
#include "media/nal_units.h"
#include "media/text_lines.h"
#include "part_helpers.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

/// A part that is written to a file in memory.
struct Dumped {
  explicit Dumped(MediaFormat of) : format(std::move(of)), writer(make_dump_writer(format)) {
    REQUIRE(writer != nullptr);
  }
  void add(const Bytes& sample, std::uint32_t media_time, bool sync_point = true) {
    PacketList packets;
    REQUIRE(packetizer->cut({sample, media_time, sync_point}, packets));
    Frame frame = test::frame_of(packets, sync_point);
    frame.number = FrameNumber{++number};
    const auto edits = writer->take(frame);
    if (!edits) FAIL(edits.error().message);
    file.perform(*edits);
  }
  [[nodiscard]] std::string text() const { return {file.bytes.begin(), file.bytes.end()}; }

  MediaFormat format;
  std::unique_ptr<DumpWriter> writer;
  std::unique_ptr<MediaPacketizer> packetizer = make_packetizer(format, 7, 1);
  test::EditedFile file;
  std::uint64_t number = 0;
};

MediaFormat audio_format(const char* encoding) {
  return {.media = MediaKind::Audio,
          .encoding = encoding,
          .clock_rate = 8'000,
          .channels = 1,
          .payload_type = 97};
}

std::uint32_t number_at(const Bytes& file, std::size_t at) {
  return file.at(at) | static_cast<std::uint32_t>(file.at(at + 1)) << 8U |
         static_cast<std::uint32_t>(file.at(at + 2)) << 16U |
         static_cast<std::uint32_t>(file.at(at + 3)) << 24U;
}

TEST_CASE("Sound becomes WAV, whose sizes are true each second and at the end", "[dump_writer]") {
  Dumped dumped(audio_format("L16"));
  dumped.add({0x12, 0x34, 0x56, 0x78}, 100);
  const Bytes& file = dumped.file.bytes;
  REQUIRE(file.size() == 48);
  CHECK(dumped.text().substr(8, 8) == "WAVEfmt ");
  CHECK(number_at(file, 24) == 8'000);
  CHECK(number_at(file, 40) == 0xFFFF'FFFF);
  CHECK(Bytes(file.end() - 4, file.end()) == Bytes{0x34, 0x12, 0x78, 0x56});
  for (std::uint32_t i = 0; i < 50; ++i) dumped.add(Bytes(320), 102 + 160 * i);
  CHECK(number_at(file, 40) == 16'004);
  dumped.add(Bytes(320), 102 + 160 * 50);
  dumped.file.perform(dumped.writer->finish());
  CHECK(number_at(file, 40) == 16'324);
  CHECK(number_at(file, 4) == file.size() - 8);
}

TEST_CASE("Missing sound is silence in WAV, and a time line that begins anew is not", "[dump_writer]") {
  const auto [encoding, silence] = GENERATE(std::pair{"PCMU", 0xFF}, std::pair{"PCMA", 0xD5});
  Dumped dumped(audio_format(encoding));
  dumped.add({1, 2}, 100);
  dumped.add({3}, 105);
  dumped.add({4}, 50);
  dumped.add({5}, 500'000);
  dumped.file.perform(dumped.writer->finish());
  const Bytes& file = dumped.file.bytes;
  const auto quiet = static_cast<std::uint8_t>(silence);
  CHECK(Bytes(file.begin() + 46, file.end()) == Bytes{1, 2, quiet, quiet, quiet, 3, 4, 5});
  CHECK(number_at(file, 42) == 8);
}

TEST_CASE(
    "A byte stream of H.264 has parameter sets at each sync point, and no picture that refers to a missing "
    "one",
    "[dump_writer]") {
  const Bytes sps = hex("6764000dacd941519e226c0440000003004000000c83c50a6580"), pps = hex("68ebe3cb22c0");
  const auto sample_of = [](const std::vector<Bytes>& units) {
    Bytes sample;
    for (const Bytes& unit : units) append_nal_to_sample(unit, sample);
    return sample;
  };
  Dumped dumped(test::h264_format());
  dumped.add(sample_of({{0x41, 1}}), 0, false);
  CHECK(dumped.file.bytes.empty());
  dumped.add(sample_of({sps, pps, {0x65, 2}}), 3'600);
  dumped.add(sample_of({{0x41, 3}}), 7'200, false);
  dumped.add(sample_of({{0x09, 0x10}, {0x65, 4}}), 10'800);
  dumped.number += 1;
  dumped.add(sample_of({{0x41, 5}}), 18'000, false);
  dumped.writer->skip();
  dumped.add(sample_of({{0x41, 6}}), 21'600, false);
  dumped.add(sample_of({{0x65, 7}}), 25'200);
  std::vector<Bytes> found;
  for (const ByteSpan unit : nal_units_of_byte_stream(dumped.file.bytes))
    found.emplace_back(unit.begin(), unit.end());
  CHECK(found == std::vector<Bytes>{
                     sps, pps, {0x65, 2}, {0x41, 3}, {0x09, 0x10}, sps, pps, {0x65, 4}, sps, pps, {0x65, 7}});
}

TEST_CASE("Text becomes lines", "[dump_writer]") {
  Dumped dumped({.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000, .payload_type = 98});
  const auto add = [&](const std::string& text) { dumped.add(Bytes(text.begin(), text.end()), 0); };
  add("Hel");
  CHECK(dumped.file.bytes.empty());
  add("lä\b\blo\r\nand\u2028\x07more");
  CHECK(dumped.text() == "Hello\nand\n");
  dumped.file.perform(dumped.writer->finish());
  CHECK(dumped.text() == "Hello\nand\nmore\n");
}

TEST_CASE("Bytes of a text that are no UTF-8 are replaced, and the others written", "[dump_writer]") {
  Dumped dumped({.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000, .payload_type = 98});
  PacketList packets;
  test::add_packet(packets, {'a', 0xC3, 'b', '\n'}, 1, 0, false, 98);
  const auto edits = dumped.writer->take(test::frame_of(packets));
  REQUIRE(edits);
  dumped.file.perform(*edits);
  CHECK(dumped.text() == "a\uFFFDb\n");
}

TEST_CASE("Lines of text have the time of their beginning, and a bound", "[dump_writer]") {
  TextLines lines;
  CHECK(lines.take("a", 10).empty());
  const auto whole = lines.take("b\n\nc\n", 20);
  REQUIRE(whole.size() == 2);
  CHECK((whole[0].text == "ab" && whole[0].media_time == 10));
  CHECK((whole[1].text == "c" && whole[1].media_time == 20));
  const auto cut = lines.take(std::string(2 * TextLines::kBytesMax + 1, 'x'), 30);
  CHECK(cut.size() == 2);
  CHECK(lines.take_rest()->text == "x");
  CHECK_FALSE(lines.take_rest());
}

TEST_CASE("Formats without a plain file have none", "[dump_writer]") {
  CHECK(make_dump_writer(test::opus_format()) == nullptr);
  CHECK(dump_extension(test::opus_format()).empty());
  CHECK(dump_extension(audio_format("pcmu")) == ".wav");
}

}  // namespace
}  // namespace ott
