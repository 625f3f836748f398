#include "media/part_packets.h"

#include <catch2/catch.hpp>
#include <vector>

#include "media/time_line.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::uint8_t>;

MediaPart audio(const char* encoding, unsigned rate, unsigned channels) {
  CodecConfig config;
  config.sample_rate = rate;
  config.channels = channels;
  return {.format = format_of(MediaKind::Audio, encoding, config)};
}

TEST_CASE("audio's timestamps follow the samples where times are rounded", "[packets]") {
  PartPackets packets({audio("L16", 48'000, 1)}, 5);
  std::vector<PackedUnit> units;
  // Blocks of 1,000 samples, whose times a container rounds to milliseconds.
  for (const int ms : {0, 21, 42, 63, 83})
    REQUIRE(packets.pack(0, milliseconds(ms), true, Bytes(2'000), units));
  std::uint32_t expected = 0;
  for (const PackedUnit& unit : units) {  // each block takes two packets, which are units by themselves
    CHECK(unit.media_time == expected);
    CHECK(unit.ends.size() == 1);
    CHECK(std::chrono::duration<double>(unit.time).count() * 48'000 == Approx(expected).margin(0.01));
    expected += static_cast<std::uint32_t>((unit.bytes.size() - 12) / 2);
  }
  CHECK(expected == 5'000);
  REQUIRE(packets.pack(0, seconds(2), true, Bytes(200), units));  // a gap stays one
  CHECK(units.back().media_time == 96'000);
}

TEST_CASE("the length of a sample of sound", "[packets]") {
  CHECK(sample_ticks(audio("L16", 44'100, 2).format, Bytes(400)) == 100);
  CHECK(sample_ticks(audio("PCMU", 8'000, 1).format, Bytes(80)) == 80);
  const MediaFormat opus = audio("opus", 48'000, 2).format;
  CHECK(sample_ticks(opus, Bytes{0xFC}) == 960);         // CELT, 20 ms, one frame
  CHECK(sample_ticks(opus, Bytes{0xE1, 0}) == 240);      // 2.5 ms, two frames
  CHECK(sample_ticks(opus, Bytes{0x0B, 3}) == 3 * 960);  // SILK, 20 ms, three frames
  CHECK(sample_ticks(opus, Bytes{0x60}) == 480);         // hybrid, 10 ms
  CHECK_FALSE(sample_ticks(opus, {}));
  CHECK_FALSE(sample_ticks(MediaFormat{}, Bytes(10)));
  CHECK(sample_duration(opus, Bytes{0xFC}) == milliseconds(20));
}

TEST_CASE("two lines of text at one time have two timestamps", "[packets]") {
  PartPackets packets({{.format = format_of(MediaKind::Text, "t140", {})}}, 0);
  std::vector<PackedUnit> units;
  for (int i = 0; i < 3; ++i) REQUIRE(packets.pack(0, milliseconds(100), true, Bytes{'a'}, units));
  CHECK(units[0].media_time == 100);
  CHECK(units[1].media_time == 101);
  CHECK(units[2].media_time == 102);
}

TEST_CASE("the packets of parts have sources of their own", "[packets]") {
  PartPackets packets({audio("PCMU", 8'000, 1), audio("PCMA", 8'000, 1), MediaPart{}}, 0xFFFFFFFF);
  std::vector<PackedUnit> units;
  for (std::size_t part = 0; part < 3; ++part) REQUIRE(packets.pack(part, {}, true, Bytes(80, 1), units));
  REQUIRE(units.size() == 3);
  CHECK(units[0].bytes[11] == 0xFF);
  CHECK(units[1].bytes[11] == 0x00);
  CHECK(units[2].bytes == Bytes(80, 1));  // a JPEG is handed on as it is
  CHECK(units[2].ends.empty());
  CHECK_FALSE(packets.pack(0, {}, true, {}, units));
}

TEST_CASE("the times of a container are laid onto one line", "[times]") {
  TimeLine line;
  CHECK(line.place({0, seconds(100)}, seconds(0)).time == seconds(0));
  CHECK(line.place({1, seconds(100) - milliseconds(7), milliseconds(20)}, {}).time == -milliseconds(7));
  CHECK(line.place({0, seconds(100) + milliseconds(40)}, {}).time == milliseconds(40));
  CHECK(line.end() == milliseconds(80));  // each frame is taken to last as long as the one before
  CHECK(line.place({0, seconds(100) + milliseconds(20)}, {}).time == milliseconds(20));  // out of order
  CHECK(line.end() == milliseconds(80));

  line.restart();
  CHECK(line.place({0, seconds(7)}, line.end()).time == milliseconds(80));
  const auto ahead = line.place({0, seconds(700)}, line.end());
  CHECK(ahead.jumped);
  CHECK(ahead.time == milliseconds(120));
  const auto back = line.place({0, seconds(1)}, line.end());
  CHECK(back.jumped);
  CHECK(back.time == milliseconds(160));
  CHECK_FALSE(line.place({1, seconds(601), {}, true}, {}).jumped);
}

}  // namespace
}  // namespace ott
