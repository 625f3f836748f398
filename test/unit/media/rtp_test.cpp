#include "ott/rtp.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

namespace ott {
namespace {

TEST_CASE("an RTP header comes back as it was written", "[rtp]") {
  const std::vector<std::uint8_t> extension = {1, 2, 3, 4, 5, 6, 7, 8};
  RtpHeader header{true, 26, 0xFFFE, 0x89ABCDEF, 0xDEADBEEF, std::nullopt};
  SECTION("plain") {}
  SECTION("with an extension") { header.extension = RtpExtension{0xFFD8, extension}; }
  SECTION("with an empty extension") { header.extension = RtpExtension{0xABAC, {}}; }

  std::vector<std::uint8_t> packet(rtp_header_bytes(header) + 3, 0x77);
  REQUIRE(write_rtp_header(header, packet) == packet.size() - 3);

  const auto parsed = parse_rtp(packet);
  REQUIRE(parsed);
  CHECK(parsed->header.marker);
  CHECK(parsed->header.payload_type == 26);
  CHECK(parsed->header.sequence == 0xFFFE);
  CHECK(parsed->header.timestamp == 0x89ABCDEF);
  CHECK(parsed->header.ssrc == 0xDEADBEEF);
  CHECK(parsed->payload.size() == 3);
  CHECK(parsed->payload.data() == packet.data() + packet.size() - 3);
  REQUIRE(parsed->header.extension.has_value() == header.extension.has_value());
  if (header.extension) {
    CHECK(parsed->header.extension->profile == header.extension->profile);
    CHECK(std::ranges::equal(parsed->header.extension->data, header.extension->data));
  }
}

TEST_CASE("an RTP header is laid out as RFC 3550 draws it", "[rtp]") {
  std::vector<std::uint8_t> packet(12);
  write_rtp_header({true, 26, 0x0102, 0x03040506, 0x0708090A, std::nullopt}, packet);
  CHECK(packet == std::vector<std::uint8_t>{0x80, 0x9A, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
}

TEST_CASE("CSRCs and padding are no payload", "[rtp]") {
  std::vector<std::uint8_t> packet = {0xA2, 26, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3};  // padded, two CSRCs
  packet.insert(packet.end(), 8, 0xCC);
  packet.insert(packet.end(), {0xAA, 0xBB, 0, 0, 3});
  const auto parsed = parse_rtp(packet);
  REQUIRE(parsed);
  CHECK(std::vector<std::uint8_t>(parsed->payload.begin(), parsed->payload.end()) ==
        std::vector<std::uint8_t>{0xAA, 0xBB});
}

TEST_CASE("an impossible RTP packet is refused, at every length", "[rtp]") {
  std::vector<std::uint8_t> packet = {0xB1, 26, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0xFF, 0xD8, 0, 1};
  packet.insert(packet.end(), {1, 2, 3, 4, 1});  // an extension of one word, one byte of padding
  REQUIRE(parse_rtp(packet));
  for (std::size_t bytes = 0; bytes < packet.size(); ++bytes) {
    CAPTURE(bytes);
    CHECK_FALSE(parse_rtp(ByteSpan(packet).first(bytes)));
  }
  packet.back() = 2;
  CHECK_FALSE(parse_rtp(packet));
  packet[0] = 0x40;
  const auto version = parse_rtp(packet);
  REQUIRE_FALSE(version);
  CHECK(version.error().message == "RTP version 1 instead of 2");
}

TEST_CASE("RTP time runs at 90 kHz and wraps", "[rtp]") {
  using namespace std::chrono_literals;
  CHECK(rtp_timestamp_90khz(0s) == 0);
  CHECK(rtp_timestamp_90khz(40ms) == 3'600);
  CHECK(rtp_timestamp_90khz(47'722s) == 47'722ULL * 90'000 - 0x1'0000'0000ULL);
  CHECK(rtp_timestamp_90khz(std::chrono::hours(24 * 365 * 60)) ==
        static_cast<std::uint32_t>(24ULL * 365 * 60 * 3'600 * 90'000));
}

}  // namespace
}  // namespace ott
