// Packets of a sender to access units, untouched.
#include "media/packet_frames.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "input_helpers.h"
#include "media/rtcp.h"
#include "real_units.h"
#include "unit_helpers.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::at_ms;
using test::Packet;
using test::rtp_of;

const MediaFormat kH264{MediaKind::Video, "H264", 90'000, 0, 96, ""};
const MediaFormat kOpus{MediaKind::Audio, "opus", 48'000, 2, 96, ""};

/// A flow, and a sender of units of which each is a frame of 40 ms.
struct Sender {
  explicit Sender(const MediaFormat& format) : frames("rtp://cam", format, 1, sink) {}

  void send(const std::vector<std::string_view>& payloads, bool marker = true) {
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      const bool last = i + 1 == payloads.size();
      packet(rtp_of(payloads[i], sequence, timestamp, marker && last));
      ++sequence;
    }
    timestamp += 3'600;
    ms += 40;
  }
  void packet(const Packet& bytes) {
    if (!lose) frames.push(bytes, at_ms(ms));
  }
  void idr() { send({"6742aa", "68ce", "65aabb", "65ccdd"}); }
  void slice() { send({"41aabb", "41ccdd"}); }
  [[nodiscard]] bool warned(const std::string& part) {
    const auto said = frames.take_warnings(at_ms(ms));
    return std::ranges::any_of(said, [&](const auto& line) { return line.find(part) != std::string::npos; });
  }

  test::Sink sink;
  PacketFrames frames;
  std::uint16_t sequence = 65'533;
  std::uint32_t timestamp = 1'000;
  std::int64_t ms = 1'000;
  bool lose = false;
};

TEST_CASE("A picture is the packets of its timestamp, as they came", "[packet_frames]") {
  Sender sender(kH264);
  sender.idr();
  sender.slice();
  REQUIRE(sender.sink.units.size() == 2);
  const auto& idr = sender.sink.units[0];
  CHECK(idr.part == 1);
  CHECK(idr.sync_point);
  CHECK(idr.media_time == 1'000);
  REQUIRE(idr.packets.size() == 4);
  CHECK(idr.packets[3] == rtp_of("65ccdd", 0, 1'000));
  CHECK(idr.arrived.mono == at_ms(1'000).mono);
  CHECK_FALSE(idr.instant);
  CHECK_FALSE(sender.sink.units[1].sync_point);
  CHECK(sender.sink.refused.empty());
  CHECK(sender.frames.frames() == 2);
}

TEST_CASE("Real senders' units come out as they are", "[packet_frames]") {
  const auto check = [](const std::string& encoding, std::string_view text) {
    const auto units = test::units_from(text);
    MediaFormat format;
    format.encoding = encoding;
    format.payload_type = units[0][0][1] & 0x7FU;
    test::Sink sink;
    PacketFrames frames("", format, 0, sink);
    std::int64_t ms = 0;
    for (const auto& unit : units) {
      for (const Packet& packet : unit) frames.push(packet, at_ms(ms));
      ms += 100;
    }
    std::vector<std::vector<Packet>> given;
    for (const auto& unit : sink.units) given.push_back(unit.packets);
    CHECK(given == units);
  };
  check("H264", test::kFfmpegH264);
  check("H265", test::kGstH265);
  check("VP8", test::kFfmpegVp8);
  check("VP8", test::kGstVp8);
  check("VP9", test::kFfmpegVp9);
  check("VP9", test::kGstVp9);
}

TEST_CASE("Nothing is given out before the first sync point, unless none comes", "[packet_frames]") {
  Sender sender(kH264);
  sender.slice();
  sender.slice();
  CHECK(sender.sink.units.empty());
  sender.idr();
  CHECK(sender.sink.units.size() == 1);
  CHECK_FALSE(sender.warned("lost"));

  Sender never(kH264);
  for (int i = 0; i < 300; ++i) never.slice();
  CHECK(never.sink.units.size() >= 48);
  CHECK(never.sink.units.size() <= 51);
}

TEST_CASE("A picture that is not whole is refused, and what would show it is left out", "[packet_frames]") {
  Sender sender(kH264);
  sender.idr();
  sender.slice();
  sender.lose = true;
  sender.packet(rtp_of("41aa", sender.sequence++, sender.timestamp, false));
  sender.lose = false;
  sender.packet(rtp_of("41bb", sender.sequence++, sender.timestamp, true));
  sender.timestamp += 3'600;
  sender.ms += 100;  // nothing more is waited for
  sender.frames.step(at_ms(sender.ms));
  sender.slice();
  sender.slice();
  CHECK(sender.sink.units.size() == 2);
  sender.idr();
  sender.slice();
  CHECK(sender.sink.units.size() == 4);
  REQUIRE(sender.sink.refused.size() == 1);
  CHECK(sender.sink.refused[0].find("rtp://cam: frame at RTP time 8200: packets before ") == 0);
  CHECK(sender.frames.frames_incomplete() == 1);
  CHECK(sender.warned("frames are left out up to the next one where decoding can begin"));
}

TEST_CASE("The end of a picture may be what was lost", "[packet_frames]") {
  Sender sender(kH264);
  sender.idr();
  sender.packet(rtp_of("41aa", sender.sequence, sender.timestamp, false));
  sender.sequence = static_cast<std::uint16_t>(sender.sequence + 3);
  sender.timestamp += 3'600;
  sender.slice();
  sender.ms += 100;
  sender.frames.step(at_ms(sender.ms));
  CHECK(sender.sink.units.size() == 1);
  CHECK(sender.sink.refused.size() == 2);
  sender.idr();
  CHECK(sender.sink.units.size() == 2);
}

TEST_CASE("Parameter sets with a time of their own go with the picture behind them", "[packet_frames]") {
  Sender sender(kH264);
  sender.send({"6742aa"});
  sender.send({"68ce"});
  sender.send({"65aa"});
  sender.slice();
  REQUIRE(sender.sink.units.size() == 2);
  const auto& first = sender.sink.units[0];
  CHECK(first.packets.size() == 3);
  CHECK(first.sync_point);
  CHECK(first.media_time == 1'000 + 2 * 3'600);
  CHECK(first.arrived.mono == at_ms(1'080).mono);
  CHECK(sender.frames.next_deadline() == MonoTime::max());
}

TEST_CASE("Where no marker is set a unit ends with its timestamp, or after a while", "[packet_frames]") {
  Sender sender(kH264);
  sender.send({"65aa", "65bb"}, false);
  CHECK(sender.sink.units.empty());
  sender.send({"41aa"}, false);
  REQUIRE(sender.sink.units.size() == 1);
  CHECK(sender.sink.units[0].packets.size() == 2);
  const MonoTime due = sender.frames.next_deadline();
  CHECK(due == at_ms(1'040).mono + PacketFrames::kUnmarkedMax);
  sender.frames.step({due, {}});
  CHECK(sender.sink.units.size() == 2);
  CHECK(sender.frames.next_deadline() == MonoTime::max());
}

TEST_CASE("Each packet of audio is a unit, and a loss concerns no other", "[packet_frames]") {
  Sender sender(kOpus);
  for (int i = 0; i < 6; ++i) {
    sender.lose = i == 2;
    sender.send({"aabbcc"});
  }
  sender.frames.step(at_ms(sender.ms + 100));
  CHECK(sender.sink.units.size() == 5);
  CHECK(std::ranges::all_of(sender.sink.units, [](const auto& unit) { return unit.sync_point; }));
  CHECK(sender.sink.refused.empty());
  CHECK(sender.frames.packets().lost == 1);
}

TEST_CASE("A unit was taken when its sender's reports say it", "[packet_frames]") {
  Sender sender(kOpus);
  sender.send({"aa"});
  const WallTime at(seconds(1'700'000'000));
  (void)sender.frames.push_rtcp(
      write_rtcp({.ssrc = 7, .sender = RtcpSenderInfo{ntp_time(at), 1'000, 1, 1}, .cname = "cam"}));
  (void)sender.frames.push_rtcp(
      write_rtcp({.ssrc = 8, .sender = RtcpSenderInfo{ntp_time(at), 9'000, 1, 1}, .cname = "another"}));
  sender.timestamp = 1'000 + 48;
  sender.send({"aa"});
  sender.timestamp = 1'000U - 96'000U;
  sender.send({"aa"});
  REQUIRE(sender.sink.units.size() == 3);
  const auto off = [&](std::size_t unit, Duration from) {
    const Duration difference = *sender.sink.units[unit].instant - (at + from);
    return difference > -std::chrono::microseconds(1) && difference < std::chrono::microseconds(1);
  };
  // The first one of a sender is given out when the second has come.
  CHECK(off(1, milliseconds(1)));
  CHECK(off(2, seconds(-2)));
}

TEST_CASE("What is wrong with a flow is said once, and then counted", "[packet_frames]") {
  Sender sender(kH264);
  sender.idr();
  sender.send({"1eaa"});
  CHECK(sender.sink.refused.size() == 1);
  CHECK(sender.sink.refused[0].find("a type that RFC 6184 does not have") != std::string::npos);
  sender.idr();
  CHECK(sender.sink.units.size() == 2);
  CHECK(sender.frames.take_warnings(at_ms(sender.ms)).empty());
  sender.timestamp += 90'000 * 60;
  sender.idr();
  CHECK(sender.warned("its RTP time jumps by 60.0 s"));
  sender.timestamp += 90'000 * 60;
  sender.idr();
  CHECK_FALSE(sender.warned("jumps"));  // a moment ago
  sender.ms += 11'000;
  sender.timestamp += 90'000 * 11;
  sender.sequence = static_cast<std::uint16_t>(sender.sequence + 20'000);
  sender.idr();
  sender.idr();
  const auto said = sender.frames.take_warnings(at_ms(sender.ms));
  REQUIRE(said.size() == 2);
  CHECK(said[0].find("its sequence jumps from") != std::string::npos);
  CHECK(said[1].find("(1 more time)") != std::string::npos);
  CHECK(sender.sink.units.size() == 6);
}

TEST_CASE("A clock that does not run as it is described is told of", "[packet_frames]") {
  MediaFormat wrong = kOpus;
  wrong.clock_rate = 8'000;
  Sender sender(wrong);
  for (int i = 0; i < 300; ++i) {
    sender.send({"aa"});
    sender.timestamp += 48U * 40U - 3'600U;
  }
  CHECK(sender.sink.units.size() == 300);
  CHECK(sender.warned("its RTP clock runs at 48000 Hz, and not at 8000 as its description says"));

  Sender right(kOpus);
  for (int i = 0; i < 600; ++i) {
    right.send({"aa"});
    right.timestamp += 48U * 40U - 3'600U;
  }
  CHECK(right.frames.take_warnings(at_ms(right.ms)).empty());
}

TEST_CASE("An unknown format is taken packet by packet, which is said", "[packet_frames]") {
  MediaFormat strange;
  strange.encoding = "x-strange";
  strange.payload_type = 96;
  Sender sender(strange);
  sender.send({"aa", "bb"});
  CHECK(sender.sink.units.size() == 2);
  CHECK(sender.warned("the RTP payload format of video x-strange is not known here"));
}

TEST_CASE("Text that is no UTF-8 is taken as it is, and told of", "[packet_frames]") {
  Sender sender(MediaFormat{MediaKind::Text, "t140", 1'000, 0, 96, ""});
  sender.send({"c3a4"});
  CHECK_FALSE(sender.warned("UTF-8"));
  sender.send({"41ff42"});
  CHECK(sender.warned("packet 65534: text that is no UTF-8, and what is none is shown as U+FFFD"));
  sender.send({"ff"});
  CHECK_FALSE(sender.warned("UTF-8"));
  CHECK(sender.sink.refused.empty());
  REQUIRE(sender.sink.units.size() == 3);
  CHECK(sender.sink.units[1].packets[0] == rtp_of("41ff42", 65'534, 4'600));
}

}  // namespace
}  // namespace ott
