// What other programs send, and what is agreed on beside the packets: the size and the payload type.
#include <catch2/catch.hpp>
#include <string_view>
#include <vector>

#include "jpeg_helpers.h"
#include "ott/rtp_jpeg.h"
#include "real_packets.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// Of all bytes (FNV-1a); libjpeg decodes to the same ones everywhere.
std::uint64_t sum(const Bytes& bytes) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3;
  return hash;
}

TEST_CASE("packets of ffmpeg and GStreamer become the pictures that they sent", "[rtp_jpeg]") {
  struct Sent {
    std::string_view packet;
    PictureSize told;  // beside the stream
    PictureSize size;
    std::uint64_t rgb;  // of the encoder's own JPEG
  };
  const auto sent = GENERATE(Sent{test::kFfmpeg, {}, {48, 32}, 0x326FDEEF9BE2E7A9},
                             Sent{test::kFfmpeg2064, {2064, 16}, {2064, 16}, 0xB30292547B4CDF25},
                             Sent{test::kGStreamer, {}, {48, 32}, 0x15D1D9A82B025530},
                             Sent{test::kGStreamer422, {}, {48, 32}, 0x80C5A4D5C1DCCF74},
                             Sent{test::kGStreamer2048, {2048, 16}, {2048, 16}, 0xCDD5EF7B2AD1A325},
                             Sent{test::kGStreamer, {640, 480}, {48, 32}, 0x15D1D9A82B025530});
  const Bytes packet = test::from_hex(sent.packet);
  RtpJpegDepacketizer depacketizer;
  depacketizer.set_size(sent.told);
  const auto pushed = depacketizer.push(packet);
  if (!pushed) FAIL(pushed.error().message);
  REQUIRE(*pushed);
  const test::Pixels pixels = test::decode(**pushed);
  CHECK(pixels.width == sent.size.width);
  CHECK(pixels.height == sent.size.height);
  CHECK(sum(pixels.rgb) == sent.rgb);
}

TEST_CASE("a size that was told holds where the header agrees as far as it can", "[rtp_jpeg]") {
  const auto arrives_as = [](const Bytes& packet, PictureSize told) {
    RtpJpegDepacketizer depacketizer;
    depacketizer.set_size(told);
    const auto pushed = depacketizer.push(packet);
    if (!pushed) return PictureSize{};
    const auto image = parse_jpeg(**pushed);
    return PictureSize{image->width, image->height};
  };
  const auto with_sides = [](std::uint8_t width, std::uint8_t height) {
    Bytes packet(12);
    write_rtp_header({true, 26, 1, 2, 3, std::nullopt}, packet);
    test::append(packet, Bytes{0, 0, 0, 0, 1, 50, width, height, 1, 2});
    return packet;
  };
  CHECK(arrives_as(with_sides(0, 0), {3'840, 2'160}) == PictureSize{3'840, 2'160});
  CHECK(arrives_as(with_sides(0, 135), {4'096, 1'080}) == PictureSize{4'096, 1'080});
  CHECK(arrives_as(with_sides(107, 60), {854, 480}) == PictureSize{854, 480});
  CHECK(arrives_as(with_sides(224, 14), {3'840, 2'160}) == PictureSize{3'840, 2'160});  // modulo 2048
  CHECK(arrives_as(with_sides(80, 60), {3'840, 2'160}) == PictureSize{640, 480});       // it has changed
  CHECK(arrives_as(with_sides(0, 60), {3'840, 2'160}) == PictureSize{});
  CHECK(arrives_as(with_sides(0, 0), {}) == PictureSize{});

  const Bytes jpeg = test::make_jpeg({.width = 2'100, .height = 16});
  RtpJpegPacketizer packetizer(*parse_jpeg(jpeg), 16'384);
  Bytes beside(packetizer.next_bytes());
  packetizer.next(beside, {});
  CHECK(arrives_as(beside, {2'099, 16}) == PictureSize{2'100, 16});
}

TEST_CASE("the payload type may be another one that was agreed on", "[rtp_jpeg]") {
  Bytes packet = test::from_hex(test::kGStreamer);
  packet[1] = 0x80 | 96;
  RtpJpegDepacketizer usual;
  CHECK(usual.push(packet).error().message == "RTP payload type 96 instead of 26 (JPEG)");
  RtpJpegDepacketizer agreed(96);
  CHECK(agreed.push(packet));
  CHECK_FALSE(agreed.push(test::from_hex(test::kGStreamer)));
}

}  // namespace
}  // namespace ott
