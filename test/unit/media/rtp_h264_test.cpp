#include "media/rtp_h264.h"

#include "media/nal_units.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

// x264's, of pictures of 322x182.
const char* const kHighSps = "6764000dacd941519e226c0440000003004000000c83c50a6580";
const char* const kHighPps = "68ebe3cb22c0";
const char* const kBaselineSps = "6742c00dd901519e226c0440000003004000000c83c50a92";
const char* const kBaselinePps = "68cb83cb20";

MediaFormat h264(std::string parameters = {}) {
  return {
      .media = MediaKind::Video, .encoding = "h264", .payload_type = 96, .parameters = std::move(parameters)};
}

Bytes sample_of(const std::vector<Bytes>& units) {
  Bytes sample;
  for (const Bytes& nal : units) append_nal_to_sample(nal, sample);
  return sample;
}

Bytes slice(std::mt19937& random, std::size_t bytes, std::uint8_t head = 0x65) {
  Bytes nal = test::random_bytes(random, bytes);
  nal[0] = head;
  return nal;
}

TEST_CASE("H.264 samples of any size are the same after they were cut and taken") {
  std::mt19937 random(1);
  const std::size_t packet_bytes_max = GENERATE(128U, 500U, 1'400U);
  const auto packetizer = make_packetizer(h264(), 7, 65'500, packet_bytes_max);
  const auto depacketizer = make_depacketizer(h264());
  for (unsigned i = 0; i < 100; ++i) {
    std::vector<Bytes> units = {hex(kHighSps), hex(kHighPps)};
    for (unsigned n = 0; n < 1 + random() % 4; ++n) units.push_back(slice(random, 1 + random() % 3'000));
    const Bytes sample = sample_of(units);
    CHECK(test::cut_and_taken(*packetizer, *depacketizer, sample, i * 3'600, packet_bytes_max) == sample);
  }
  REQUIRE(depacketizer->config() != nullptr);
  CHECK(depacketizer->config()->width == 322);
}

TEST_CASE("H.264 NAL units come out of aggregates, fragments and alone") {
  const auto depacketizer = make_depacketizer(h264());
  const auto frame = test::frame_of_payloads(
      {hex("780002095000026841"), hex("7c8501"), hex("7c0502"), hex("7c4503"), hex("41aa"), hex("1e00")});
  CHECK(test::only_sample(*depacketizer, frame) == hex("000000020950000000026841000000046501020300000002"
                                                       "41aa"));
}

TEST_CASE("An H.264 stream is configured by its description or by itself") {
  const auto told =
      make_depacketizer(h264("packetization-mode=1; Sprop-Parameter-Sets=" + to_base64(hex(kHighSps)) + "," +
                             to_base64(hex(kHighPps)) + "; profile-level-id=64000D"));
  REQUIRE(told->config() != nullptr);
  const CodecConfig high = *told->config();
  CHECK(high.codecs == "avc1.64000d");
  CHECK(high.width == 322);
  CHECK(high.height == 182);
  CHECK(high.record == hex(std::string("0164000dffe1001a") + kHighSps + "010006" + kHighPps + "fdf8f800"));

  // In band it changes, and without news it stays.
  test::only_sample(*told, test::frame_of_payloads({hex(kBaselineSps), hex(kBaselinePps), hex("6588")}));
  CHECK(told->config()->codecs == "avc1.42c00d");
  CHECK(told->config()->record ==
        hex(std::string("0142c00dffe10018") + kBaselineSps + "010005" + kBaselinePps));

  const auto silent = make_depacketizer(h264());
  CHECK(silent->config() == nullptr);
  const MediaFormat said = format_of(MediaKind::Video, "H264", high);
  CHECK(make_depacketizer(said)->config()->record == high.record);
  CHECK(said.parameters.find("profile-level-id=64000D") != std::string::npos);
}

TEST_CASE("Parameter sets that H.264 senders send ahead of a picture belong to it") {
  const auto depacketizer = make_depacketizer(h264());
  const auto none = depacketizer->take(test::frame_of_payloads({hex(kHighSps), hex(kHighPps)}));
  REQUIRE(none);
  CHECK(none->empty());
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("6588")}, 2'000)) ==
        sample_of({hex(kHighSps), hex(kHighPps), hex("6588")}));
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("4188")}, 3'000)) ==
        sample_of({hex("4188")}));
}

TEST_CASE("A broken H.264 frame says why, and samples come again from a sync point on") {
  const auto depacketizer = make_depacketizer(h264());
  const auto [payloads, why] = GENERATE(table<std::vector<Bytes>, std::string>({
      {{hex("7c0502")}, "beginning is missing"},
      {{hex("7c8501")}, "last fragment of a NAL unit is missing"},
      {{hex("7c8501"), hex("41aa")}, "before the last fragment"},
      {{hex("7c8501"), hex("7c8501")}, "before the last fragment"},
      {{hex("7c85")}, "without a fragment"},
      {{hex("78000209")}, "not whole"},
      {{hex("780000")}, "not whole"},
      {{hex("7c9c01")}, "fragments of what is no NAL unit"},
      {{hex("7800027801")}, "with what is no NAL unit"},
      {{hex("7a0000")}, "interleaved mode"},
  }));
  const auto broken = depacketizer->take(test::frame_of_payloads(payloads));
  REQUIRE_FALSE(broken);
  CHECK_THAT(broken.error().message, Catch::Contains(why));
  const auto waiting = depacketizer->take(test::frame_of_payloads({hex("41aa")}, 2'000, false));
  REQUIRE(waiting);
  CHECK(waiting->empty());
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("65aa")}, 3'000)) ==
        sample_of({hex("65aa")}));
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({hex("41aa")}, 4'000, false)) ==
        sample_of({hex("41aa")}));
}

TEST_CASE("An H.264 sample that is none is not cut, and parameter sets that cannot be are passed over") {
  const auto packetizer = make_packetizer(h264(), 7, 0);
  PacketList packets;
  CHECK_FALSE(packetizer->cut({hex(""), 0, true}, packets));
  CHECK_FALSE(packetizer->cut({hex("00000000"), 0, true}, packets));
  CHECK_FALSE(packetizer->cut({hex("0000000541aa"), 0, true}, packets));
  CHECK_FALSE(packetizer->cut({hex("000000"), 0, true}, packets));
  CHECK(packets.bytes.empty());
  CHECK_FALSE(parse_h264_sps(hex("67640028")));
  CHECK_FALSE(parse_h264_sps(hex("6764002800000000000000000000")));
  CHECK(make_depacketizer(h264("sprop-parameter-sets=Z2QA,%%%,,aA=="))->config() == nullptr);
}

TEST_CASE("NAL units are found in byte streams") {
  const Bytes stream = hex("000000016742000001000000000168000001658800000300");
  const auto units = nal_units_of_byte_stream(stream);
  REQUIRE(units.size() == 3);
  CHECK(Bytes(units[0].begin(), units[0].end()) == hex("6742"));
  CHECK(Bytes(units[1].begin(), units[1].end()) == hex("68"));
  CHECK(Bytes(units[2].begin(), units[2].end()) == hex("6588000003"));
  CHECK(unescaped_nal(units[2]) == hex("65880000"));
  CHECK(nal_units_of_byte_stream(hex("0102")).empty());
}

TEST_CASE("Format parameters are found whatever their case, and base64 whatever its padding") {
  CHECK(format_parameter("a=1; Config=ab=; c", "config") == "ab=");
  CHECK(format_parameter("a=1; Config=ab=; c", "c") == "");
  CHECK_FALSE(format_parameter("a=1", "b"));
  CHECK(format_number("sizelength=13", "SizeLength", 0) == 13);
  CHECK(format_number("sizelength=x", "sizelength", 4) == 4);
  std::mt19937 random(2);
  for (std::size_t bytes = 0; bytes < 20; ++bytes) {
    const Bytes some = test::random_bytes(random, bytes);
    CHECK(from_base64(to_base64(some)) == some);
    CHECK(from_hex(to_hex(some)) == some);
  }
  CHECK(from_base64("Zg") == hex("66"));
  CHECK(to_base64(hex("66")) == "Zg==");
  CHECK_FALSE(from_base64("Z"));
  CHECK_FALSE(from_base64("Zg=g"));
  CHECK_FALSE(from_hex("1"));
  CHECK_FALSE(from_hex("xy"));
}

}  // namespace
}  // namespace ott
