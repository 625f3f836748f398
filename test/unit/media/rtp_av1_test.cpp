#include "media/rtp_av1.h"

#include "media/av1_config.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

// Of libaom and SVT-AV1 (10 bits), for pictures of 322x182.
const char* const kSequence8 = "0a0b000000043d06d4daf90040";
const char* const kSequence10 = "0a0b000000043d06d4fbf94040";

MediaFormat av1() { return {.media = MediaKind::Video, .encoding = "AV1", .payload_type = 96}; }

Bytes obu_of(unsigned type, const Bytes& payload) {
  Bytes bytes;
  const Bytes head = {static_cast<std::uint8_t>(type << 3U)};
  append_obu({head, payload}, bytes);
  return bytes;
}

TEST_CASE("AV1 samples of any size are the same after they were cut and taken, without temporal delimiters") {
  std::mt19937 random(1);
  const std::size_t packet_bytes_max = GENERATE(128U, 500U, 1'400U);
  const auto packetizer = make_packetizer(av1(), 7, 65'500, packet_bytes_max);
  const auto depacketizer = make_depacketizer(av1());
  for (unsigned i = 0; i < 200; ++i) {
    Bytes sample = hex(kSequence8);
    for (unsigned n = 0; n < 1 + random() % 6; ++n) {
      const std::size_t most = random() % 2 == 0 ? 4'000 : 130;
      const Bytes unit = obu_of(6, test::random_bytes(random, random() % most));
      sample.insert(sample.end(), unit.begin(), unit.end());
    }
    Bytes with_delimiter = hex("1200");
    with_delimiter.insert(with_delimiter.end(), sample.begin(), sample.end());
    CHECK(test::cut_and_taken(*packetizer, *depacketizer, with_delimiter, i * 3'600, packet_bytes_max) ==
          sample);
  }
}

TEST_CASE("AV1 OBUs come out of elements that are counted, have lengths, and go on") {
  const auto depacketizer = make_depacketizer(av1());
  const auto frame = test::frame_of_payloads({hex("28"
                                                  "0210aa"
                                                  "3011"),
                                              hex("40"
                                                  "023022"
                                                  "0230aa"),
                                              hex("d0"
                                                  "bb"),
                                              hex("90"
                                                  "cc"),
                                              hex("10"
                                                  "320133")});
  CHECK(test::only_sample(*depacketizer, frame) == hex("320111"
                                                       "320122"
                                                       "3203aabbcc"
                                                       "320133"));
}

TEST_CASE("An AV1 stream is configured by its sequence header") {
  const auto depacketizer = make_depacketizer(av1());
  CHECK(depacketizer->config() == nullptr);
  test::only_sample(*depacketizer, test::frame_of_payloads({hex(std::string("10") + kSequence8)}));
  REQUIRE(depacketizer->config() != nullptr);
  const CodecConfig config = *depacketizer->config();
  CHECK(config.record == hex(std::string("81000c00") + kSequence8));
  CHECK(config.codecs == "av01.0.00M.08");
  CHECK(config.width == 322);
  CHECK(config.height == 182);
  CHECK(format_of(MediaKind::Video, "AV1", config).parameters == "profile=0;level-idx=0;tier=0");
  const auto again = av1_config_of_record(config.record);
  REQUIRE(again);
  CHECK(*again == config);

  test::only_sample(*depacketizer, test::frame_of_payloads({hex(std::string("10") + kSequence10)}));
  CHECK(depacketizer->config()->record == hex(std::string("81004c00") + kSequence10));
  CHECK(depacketizer->config()->codecs == "av01.0.00M.10");
  for (std::size_t bytes = 0; bytes < config.record.size(); ++bytes) {
    CHECK_FALSE(av1_config_of_record(ByteSpan(config.record).first(bytes)));
  }
}

TEST_CASE("A broken AV1 frame says why, and samples come again from a sync point on") {
  const auto depacketizer = make_depacketizer(av1());
  const auto [payloads, why] = GENERATE(table<std::vector<Bytes>, std::string>({
      {{hex("90aa")}, "beginning is missing"},
      {{hex("5030aa")}, "the rest of an OBU is missing"},
      {{hex("5030aa"), hex("1030bb")}, "the rest of an OBU is missing"},
      {{hex("000530aa")}, "element that is not whole"},
      {{hex("00ff")}, "element that is not whole"},
      {{hex("103205aa")}, "an OBU that is not whole"},
      {{hex("1034")}, "without a whole head"},
  }));
  const auto broken = depacketizer->take(test::frame_of_payloads(payloads));
  REQUIRE_FALSE(broken);
  CHECK_THAT(broken.error().message, Catch::Contains(why));
  const auto waiting = depacketizer->take(test::frame_of_payloads({hex("1030aa")}, 2'000, false));
  REQUIRE(waiting);
  CHECK(waiting->empty());
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("1030aa")}, 3'000)) == hex("3201aa"));
}

TEST_CASE("An AV1 sample that is none is not cut") {
  const auto packetizer = make_packetizer(av1(), 7, 0);
  PacketList packets;
  CHECK_FALSE(packetizer->cut({hex(""), 0, true}, packets));
  CHECK_FALSE(packetizer->cut({hex("1200"), 0, true}, packets));
  CHECK_FALSE(packetizer->cut({hex("3201aa3205aa"), 0, true}, packets));
  CHECK(packets.bytes.empty());
}

}  // namespace
}  // namespace ott
