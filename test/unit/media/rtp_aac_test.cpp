#include "media/rtp_aac.h"

#include "media/aac_config.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

MediaFormat aac() {
  const auto config = aac_config(hex("1190"));  // AAC LC, 48 kHz, two channels
  REQUIRE(config);
  return format_of(MediaKind::Audio, "MPEG4-GENERIC", *config);
}

TEST_CASE("AAC samples of any size are the same after they were cut and taken") {
  std::mt19937 random(1);
  const std::size_t packet_bytes_max = GENERATE(128U, 500U, 1'400U);
  const auto packetizer = make_packetizer(aac(), 7, 65'500, packet_bytes_max);
  const auto depacketizer = make_depacketizer(aac());
  for (unsigned i = 0; i < 100; ++i) {
    const Bytes sample = test::random_bytes(random, 1 + random() % 8'191);
    PacketList packets;
    REQUIRE(packetizer->cut({sample, i * 1'024, true}, packets));
    // Each packet is a frame of its own.
    std::vector<Bytes> taken;
    for (const ByteSpan packet : packets.spans()) {
      REQUIRE(packet.size() <= packet_bytes_max);
      Frame frame;
      frame.bytes.assign(packet.begin(), packet.end());
      frame.packet_ends = {static_cast<std::uint32_t>(packet.size())};
      const auto samples = depacketizer->take(frame);
      REQUIRE(samples);
      for (const MediaSample& one : *samples) taken.push_back(test::bytes_of(one));
    }
    REQUIRE(taken.size() == 1);
    CHECK(taken[0] == sample);
  }
}

TEST_CASE("Several AAC access units of a packet are a sample each, with times of their own") {
  const auto depacketizer = make_depacketizer(aac());
  const auto samples = depacketizer->take(test::frame_of_payloads({hex("0030"
                                                                       "0008"
                                                                       "0010"
                                                                       "0018"
                                                                       "aabbbbcccccc")},
                                                                  5'000));
  REQUIRE(samples);
  REQUIRE(samples->size() == 3);
  CHECK(test::bytes_of((*samples)[2]) == hex("cccccc"));
  CHECK((*samples)[1].media_time == 6'024);
  CHECK((*samples)[2].media_time == 7'048);
}

TEST_CASE("An AAC access unit without a byte is no sample") {
  const auto depacketizer = make_depacketizer(aac());
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("0020"
                                                                      "0000"
                                                                      "0010"
                                                                      "aabb")})) == hex("aabb"));
}

TEST_CASE("An AAC stream is configured by its description") {
  const MediaFormat format = aac();
  CHECK(format.clock_rate == 48'000);
  CHECK(format.channels == 2);
  CHECK_THAT(format.parameters, Catch::Contains("mode=AAC-hbr") && Catch::EndsWith("config=1190"));
  const auto depacketizer = make_depacketizer(format);
  REQUIRE(depacketizer->config() != nullptr);
  CHECK(depacketizer->config()->record == hex("1190"));
  CHECK(depacketizer->config()->codecs == "mp4a.40.2");
  CHECK(depacketizer->config()->sample_rate == 48'000);
  const auto he = aac_config(hex("2b098800"));  // HE-AAC, 24 kHz doubled
  REQUIRE(he);
  CHECK(he->codecs == "mp4a.40.5");
  CHECK(he->sample_rate == 48'000);
  CHECK_FALSE(aac_config(hex("11")));
  CHECK_FALSE(aac_config(hex("")));
  CHECK_FALSE(aac_config(hex("1690")));
}

TEST_CASE("A broken AAC packet says why, and the next one is taken") {
  const auto depacketizer = make_depacketizer(aac());
  const auto [payload, why] = GENERATE(table<Bytes, std::string>({
      {hex("00"), "without AU headers"},
      {hex("0000aa"), "not whole"},
      {hex("0020000800"), "not whole"},
      {hex("00110008000800aa"), "AU header that is not whole"},
      {hex("00100009aa"), "interleaved"},
      {hex("002000080020aa"), "access unit that is not whole"},
  }));
  const auto broken = depacketizer->take(test::frame_of_payloads({payload}));
  REQUIRE_FALSE(broken);
  CHECK_THAT(broken.error().message, Catch::Contains(why));
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("00100008aa")}, 1, false)) ==
        hex("aa"));

  MediaFormat strange = aac();
  strange.parameters += ";CTSDeltaLength=3";
  CHECK_FALSE(make_depacketizer(strange)->take(test::frame_of_payloads({hex("00100008aa")})));
  strange.parameters = "mode=CELP-cbr";
  CHECK_FALSE(make_depacketizer(strange)->take(test::frame_of_payloads({hex("00100008aa")})));
}

TEST_CASE("Fragments of an AAC access unit of which one is missing are no sample") {
  const auto depacketizer = make_depacketizer(aac());
  const auto fragment = [&](std::uint16_t sequence) {
    PacketList packets;
    test::add_packet(packets, hex("00100018aa"), sequence, 1'000);
    const auto samples = depacketizer->take(test::frame_of(packets));
    REQUIRE(samples);
    return samples->size();
  };
  CHECK(fragment(1) == 0);
  CHECK(fragment(3) == 0);
  CHECK(fragment(4) == 0);
  CHECK(fragment(5) == 1);
}

}  // namespace
}  // namespace ott
