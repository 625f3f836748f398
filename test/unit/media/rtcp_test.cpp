#include "media/rtcp.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

RtcpPacket a_sender_report() {
  RtcpPacket packet;
  packet.ssrc = 0xDEADBEEF;
  packet.sender = RtcpSenderInfo{0x0102030405060708, 90'000, 12, 3456};
  packet.cname = "ottd@10.0.0.1";
  return packet;
}

TEST_CASE("a compound RTCP packet comes back as it was written", "[rtcp]") {
  RtcpPacket packet = a_sender_report();
  SECTION("a sender report") {}
  SECTION("a receiver report") { packet.sender.reset(); }
  SECTION("reports on streams") {
    packet.reports = {{1, 255, -5, 70'000, 9, 8, 7}, {2, 0, 0x7F'FFFF, 6, 5, 4, 3}};
  }
  SECTION("as many reports as fit") { packet.reports.resize(RtcpPacket::kReportsMax); }
  SECTION("CNAMEs of every length modulo 4") {
    packet.cname = GENERATE(as<std::string>{}, "a", "ab", "abc", "abcd", "abcde", std::string(255, 'x'));
  }
  SECTION("BYE") {
    packet.byes = {packet.ssrc, 5};
    packet.bye_reason = GENERATE("", "the stream has ended");
  }
  const Bytes bytes = write_rtcp(packet);
  CHECK(bytes.size() % 4 == 0);
  const auto parsed = parse_rtcp(bytes);
  REQUIRE(parsed);
  CHECK(*parsed == packet);
}

TEST_CASE("a sender report is laid out as RFC 3550 draws it", "[rtcp]") {
  RtcpPacket packet = a_sender_report();
  packet.cname = "ab";
  const Bytes expected = {0x80, 200, 0,    6,    0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3,    4,    5, 6, 7, 8,
                          0,    1,   0x5F, 0x90, 0,    0,    0,    12,   0, 0, 0x0D, 0x80,  //
                          0x81, 202, 0,    3,    0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 'a',  'b',  0, 0, 0, 0};
  CHECK(write_rtcp(packet) == expected);
}

TEST_CASE("a count of lost packets beyond 24 bits is clamped", "[rtcp]") {
  RtcpPacket packet = a_sender_report();
  packet.reports = {{1, 0, 0x80'0000, 0, 0, 0, 0}, {2, 0, -0x80'0001, 0, 0, 0, 0}};
  const auto parsed = parse_rtcp(write_rtcp(packet));
  REQUIRE(parsed);
  CHECK(parsed->reports[0].lost == 0x7F'FFFF);
  CHECK(parsed->reports[1].lost == -0x80'0000);
}

TEST_CASE("what is not known of RTCP is passed over", "[rtcp]") {
  Bytes bytes = write_rtcp(a_sender_report());
  SECTION("application-defined packets, with padding") {
    bytes.insert(bytes.end(), {0xA0, 204, 0, 3, 0, 0, 0, 1, 'n', 'a', 'm', 'e', 0, 0, 0, 4});
  }
  SECTION("items and chunks of others") {
    bytes.insert(bytes.end(), {0x82, 202,  0,    5,    0, 0, 0,   9,   1, 1, 'z', 0,  //
                               0xDE, 0xAD, 0xBE, 0xEF, 6, 2, 'h', 'i', 0, 0, 0,   0});
  }
  SECTION("what follows the fields of a report") {
    bytes.insert(bytes.end(), {0x80, 201, 0, 2, 0xDE, 0xAD, 0xBE, 0xEF, 1, 2, 3, 4});
  }
  const auto parsed = parse_rtcp(bytes);
  REQUIRE(parsed);
  CHECK(*parsed == a_sender_report());
}

TEST_CASE("the smallest packets that players send are read", "[rtcp]") {
  // ffmpeg opens a firewall with such a one.
  const auto parsed = parse_rtcp(Bytes{0x80, 201, 0, 1, 0, 0, 0, 0});
  REQUIRE(parsed);
  CHECK(parsed->ssrc == 0);
  CHECK_FALSE(parsed->sender);
}

TEST_CASE("an impossible RTCP packet is refused, at every length", "[rtcp]") {
  RtcpPacket packet = a_sender_report();
  packet.reports.resize(1);
  packet.byes = {1};
  packet.bye_reason = "gone";
  const Bytes bytes = write_rtcp(packet);
  std::size_t whole = 0;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    if (parse_rtcp(ByteSpan(bytes).first(length))) ++whole;
  }
  CHECK(whole == 3);  // after the report, the SDES and the BYE

  const auto why = [](const Bytes& wrong) {
    const auto parsed = parse_rtcp(wrong);
    return parsed ? "nothing" : parsed.error().message;
  };
  CHECK(why({0x40, 201, 0, 1, 0, 0, 0, 0}) == "RTCP version 1 instead of 2");
  CHECK(why({0x81, 202, 0, 1, 0, 0, 0, 0}) == "RTCP: an SDES packet comes before any report");
  CHECK(why({0x81, 201, 0, 1, 0, 0, 0, 0}) == "RTCP: a receiver report ends within its fields");
  CHECK(why({0xA0, 201, 0, 1, 0, 0, 0, 5}) == "RTCP: the padding of a receiver report is longer than itself");
  CHECK(why({0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 202, 0, 2, 0, 0, 0, 0, 1, 9, 'a', 'b'}) ==
        "RTCP: an SDES packet ends within its fields");
  CHECK(why({0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 203, 0, 2, 0, 0, 0, 0, 9, 'a', 'b', 'c'}) ==
        "RTCP: a BYE packet ends within its fields");
}

TEST_CASE("NTP's time is that of RFC 5905, and comes back to the nanosecond", "[rtcp]") {
  CHECK(ntp_time(WallTime{}) == std::uint64_t{2'208'988'800} << 32U);
  const WallTime time = WallTime(std::chrono::nanoseconds(1'700'000'000'123'456'789));
  CHECK(wall_time(ntp_time(time)) == time);
  const WallTime half = WallTime(std::chrono::milliseconds(500));
  CHECK(ntp_time(half) == ((std::uint64_t{2'208'988'800} << 32U) | 0x8000'0000U));
  CHECK(ntp_middle(0x0000'0001'8000'0000) == 0x0001'8000);
  const WallTime after_wrap = WallTime(std::chrono::seconds(2'200'000'000));  // 2039
  CHECK(wall_time(ntp_time(after_wrap)) == after_wrap);
}

}  // namespace
}  // namespace ott
