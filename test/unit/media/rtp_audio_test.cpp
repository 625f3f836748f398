#include "media/rtp_audio.h"

#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

TEST_CASE("An Opus packet is a sample, and its configuration is known at once") {
  const MediaFormat opus{.media = MediaKind::Audio, .encoding = "OPUS", .clock_rate = 48'000, .channels = 2};
  const auto depacketizer = make_depacketizer(opus);
  REQUIRE(depacketizer->config() != nullptr);
  CHECK(*depacketizer->config() == opus_config(2));
  CHECK(depacketizer->config()->record == hex("4f707573486561640102000080bb0000000000"));
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("fc01020304")})) == hex("fc01020304"));
  CHECK(make_depacketizer({.media = MediaKind::Application, .encoding = "smpte336m"}) == nullptr);
}

TEST_CASE("Audio that is not compressed is cut between instants, with the time of each packet") {
  CodecConfig config;
  config.sample_rate = 44'100;
  config.channels = 2;
  const MediaFormat l16 = format_of(MediaKind::Audio, "L16", config);
  CHECK(l16.payload_type == 10);
  CHECK(l16.clock_rate == 44'100);
  const auto packetizer = make_packetizer(l16, 7, 1, 131);
  std::mt19937 random(1);
  const Bytes sample = test::random_bytes(random, 4'000);
  PacketList packets;
  REQUIRE(packetizer->cut({sample, 0xFFFFFFF0, true}, packets));
  const auto depacketizer = make_depacketizer(l16);
  CHECK(depacketizer->config()->channels == 2);
  const auto samples = depacketizer->take(test::frame_of(packets));
  REQUIRE(samples);
  Bytes joined;
  for (const MediaSample& one : *samples) {
    CHECK(one.media_time == static_cast<std::uint32_t>(0xFFFFFFF0 + joined.size() / 4));
    joined.insert(joined.end(), one.bytes.begin(), one.bytes.end());
  }
  CHECK(joined == sample);
  CHECK_FALSE(packetizer->cut({hex("aabbcc"), 0, true}, packets));
  CHECK_FALSE(depacketizer->take(test::frame_of_payloads({hex("aabbcc")})));
}

TEST_CASE("The payload types that are known to all are said of what has one") {
  CodecConfig config;
  config.sample_rate = 8'000;
  config.channels = 1;
  CHECK(format_of(MediaKind::Audio, "PCMU", config).payload_type == 0);
  CHECK(format_of(MediaKind::Audio, "PCMA", config).payload_type == 8);
  CHECK(format_of(MediaKind::Audio, "L16", config).payload_type == 97);
  CHECK(format_of(MediaKind::Video, "MP2T", {}).payload_type == 33);
  CHECK(format_of(MediaKind::Text, "t140", {}).clock_rate == 1'000);
  config.channels = 2;
  CHECK(format_of(MediaKind::Audio, "PCMU", config).payload_type == 97);
}

TEST_CASE("A transport stream is cut between its packets") {
  const MediaFormat mp2t{.media = MediaKind::Video, .encoding = "MP2T", .payload_type = 33};
  const auto packetizer = make_packetizer(mp2t, 7, 1);
  Bytes sample(std::size_t{188} * 10);
  for (std::size_t at = 0; at < sample.size(); at += 188) sample[at] = 0x47;
  PacketList packets;
  REQUIRE(packetizer->cut({sample, 9, true}, packets));
  REQUIRE(packets.ends == std::vector<std::uint32_t>{12 + 7 * 188, 24 + 10 * 188});
  const auto depacketizer = make_depacketizer(mp2t);
  const auto samples = depacketizer->take(test::frame_of(packets));
  REQUIRE(samples);
  CHECK(samples->size() == 2);
  CHECK(samples->back().bytes.size() == std::size_t{3} * 188);
  sample[188] = 0;
  CHECK_FALSE(packetizer->cut({sample, 9, true}, packets));
  CHECK_FALSE(depacketizer->take(test::frame_of_payloads({sample})));
  CHECK_FALSE(depacketizer->take(test::frame_of_payloads({hex("47")})));
}

}  // namespace
}  // namespace ott
