#include "media/rtp_vpx.h"

#include "media/vpx_config.h"
#include "sample_helpers.h"

namespace ott {
namespace {

using test::Bytes;
using test::hex;

// The beginnings of libvpx's key frames of 322x182; the second VP9 one is of 4:4:4 with 10 bits.
const char* const kVp8Key = "3059009d012a4201b6000007";
const char* const kVp9Key = "824983420014100b560838241c184a0006607fd1";
const char* const kVp9Key444 = "b124c1a10000a0805ab041c120e0c2c0004b807f";

MediaFormat vpx(const std::string& encoding) {
  return {.media = MediaKind::Video, .encoding = encoding, .payload_type = 96};
}

TEST_CASE("VP8 and VP9 frames of any size are the same after they were cut and taken") {
  std::mt19937 random(1);
  const std::string encoding = GENERATE(std::string("VP8"), std::string("VP9"));
  const std::size_t packet_bytes_max = GENERATE(128U, 500U, 1'400U);
  const auto packetizer = make_packetizer(vpx(encoding), 7, 65'500, packet_bytes_max);
  const auto depacketizer = make_depacketizer(vpx(encoding));
  for (unsigned i = 0; i < 100; ++i) {
    const Bytes sample = test::random_bytes(random, 1 + random() % 5'000);
    CHECK(test::cut_and_taken(*packetizer, *depacketizer, sample, i * 3'600, packet_bytes_max) == sample);
  }
}

TEST_CASE("VP8 payloads are found behind their descriptors, whatever these hold") {
  const auto depacketizer = make_depacketizer(vpx("VP8"));
  const auto frame =
      test::frame_of_payloads({hex("90800aaa"), hex("80808001bb"), hex("80f07f0203cc"), hex("00dd")});
  CHECK(test::only_sample(*depacketizer, frame) == hex("aabbccdd"));
}

TEST_CASE("VP9 payloads are found behind their descriptors, whatever these hold") {
  const auto depacketizer = make_depacketizer(vpx("VP9"));
  // A number of 15 bits, layers, two references (flexible mode), and a structure: two sizes, two pictures.
  const auto frame = test::frame_of_payloads({hex("fa"
                                                  "8123"
                                                  "00"
                                                  "0304"
                                                  "38"
                                                  "0140014002800280"
                                                  "02"
                                                  "0401"
                                                  "00"
                                                  "aa"),
                                              hex("f4"
                                                  "05"
                                                  "00"
                                                  "02"
                                                  "bb")});
  CHECK(test::only_sample(*depacketizer, frame) == hex("aabb"));
}

TEST_CASE("Layers of VP9 are a superframe") {
  const auto depacketizer = make_depacketizer(vpx("VP9"));
  const auto frame = test::frame_of_payloads({hex("28"
                                                  "00"
                                                  "07"
                                                  "aa"),
                                              hex("24"
                                                  "00"
                                                  "07"
                                                  "bb"),
                                              hex("2c"
                                                  "02"
                                                  "07"
                                                  "cc")});
  CHECK(test::only_sample(*depacketizer, frame) == hex("aabbcc"
                                                       "d9"
                                                       "02000000"
                                                       "01000000"
                                                       "d9"));
}

TEST_CASE("Streams of VP8 and VP9 are configured by their key frames") {
  const auto vp8 = make_depacketizer(vpx("vp8"));
  test::only_sample(*vp8, test::frame_of_payloads({hex(std::string("10") + kVp8Key)}));
  REQUIRE(vp8->config() != nullptr);
  CHECK(vp8->config()->width == 322);
  CHECK(vp8->config()->height == 182);

  const auto vp9 = make_depacketizer(vpx("VP9"));
  CHECK(vp9->config() == nullptr);
  test::only_sample(*vp9, test::frame_of_payloads({hex(std::string("0c") + kVp9Key)}));
  REQUIRE(vp9->config() != nullptr);
  CHECK(vp9->config()->width == 322);
  CHECK(vp9->config()->height == 182);
  CHECK(vp9->config()->codecs == "vp09.00.11.08");
  CHECK(vp9->config()->record == hex("000b820202020000"));
  CHECK(format_of(MediaKind::Video, "VP9", *vp9->config()).parameters == "profile-id=0");
  test::only_sample(*vp9, test::frame_of_payloads({hex("4c86aa")}, 2'000, false));
  CHECK(vp9->config()->codecs == "vp09.00.11.08");
  test::only_sample(*vp9, test::frame_of_payloads({hex(std::string("0c") + kVp9Key444)}));
  CHECK(vp9->config()->codecs == "vp09.03.11.10");
  CHECK(vp9->config()->width == 322);
}

TEST_CASE("A broken frame of VP8 or VP9 says why, and samples come again from a sync point on") {
  const auto [encoding, payloads, why] = GENERATE(table<std::string, std::vector<Bytes>, std::string>({
      {"VP8", {hex("00aa")}, "beginning of a VP8 frame is missing"},
      {"VP8", {hex("10aa"), hex("10aa")}, "within another"},
      {"VP8", {hex("9080")}, "whole descriptor"},
      {"VP8", {hex("10")}, "whole descriptor"},
      {"VP9", {hex("04aa")}, "beginning of a VP9 frame is missing"},
      {"VP9", {hex("08aa"), hex("0caa")}, "within another"},
      {"VP9", {hex("08aa")}, "end of a VP9 frame is missing"},
      {"VP9", {hex("0c")}, "whole descriptor"},
      {"VP9", {hex("8c80")}, "whole descriptor"},
      {"VP9", {hex("0ef8")}, "whole descriptor"},
  }));
  const auto depacketizer = make_depacketizer(vpx(encoding));
  const auto broken = depacketizer->take(test::frame_of_payloads(payloads));
  REQUIRE_FALSE(broken);
  CHECK_THAT(broken.error().message, Catch::Contains(why));
  const Bytes whole = encoding == "VP8" ? hex("10aa") : hex("0caa");
  const auto waiting = depacketizer->take(test::frame_of_payloads({whole}, 2'000, false));
  REQUIRE(waiting);
  CHECK(waiting->empty());
  CHECK(test::only_sample(*depacketizer, test::frame_of_payloads({whole}, 3'000)) == hex("aa"));
}

}  // namespace
}  // namespace ott
