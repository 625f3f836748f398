// Frames that came as RTP packets, through RtpSender.
#include <catch2/catch.hpp>

#include "made_packets.h"
#include "media/rtcp.h"
#include "media/rtp_sender.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::uint8_t>;
using Pace = RtpSender::Pace;

const MediaFormat kH264{MediaKind::Video, "H264", 90'000, 0, 96, ""};
const MediaFormat kOpus{MediaKind::Audio, "opus", 48'000, 2, 97, ""};

Now at(Duration time) { return {MonoTime{} + time, WallTime{} + std::chrono::hours(1) + time}; }

FramePtr frame(const test::PacketFrame& what, Duration time) { return test::packet_frame(what, at(time)); }

/// A stream at 25 frames a second, each of two packets, the first one and each `gop`-th a sync point.
FramePtr nth(std::uint64_t n, std::uint64_t gop = 10, std::size_t payload_bytes = 20) {
  test::PacketFrame what;
  what.number = n;
  what.media_time = static_cast<std::uint32_t>(3'600 * n);
  what.first_sequence = static_cast<std::uint16_t>(2 * n);
  what.packets = 2;
  what.payload_bytes = payload_bytes;
  what.sync_point = n % gop == 0;
  return frame(what, milliseconds(40) * n);
}

RtpSender sender(Pace pace, const MediaFormat& format = kH264) { return {format, {1, 2, 7}, "cname", pace}; }

void push(RtpSender& to, const FramePtr& frame, std::optional<Now> now = std::nullopt) {
  to.push(*make_rtp_frame(frame), now.value_or(frame->arrived));
}

std::vector<Bytes> take(RtpSender& from, Now now, std::size_t most = SIZE_MAX) {
  std::vector<Bytes> packets;
  while (packets.size() < most) {
    const ByteSpan packet = from.next(now);
    if (packet.empty()) break;
    packets.emplace_back(packet.begin(), packet.end());
  }
  return packets;
}

RtpHeader header(const Bytes& packet) { return parse_rtp(packet)->header; }

TEST_CASE("packets go as they came, with an SSRC of ours", "[rtp_sender]") {
  RtpSender out = sender(Pace::AtOnce);
  CHECK_FALSE(out.fields());
  const auto sent = frame({1, 0xFFFF'FF00, 0xFFFF, 3, 100}, {});
  push(out, sent);
  const auto packets = take(out, at({}));
  REQUIRE(packets.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    Bytes expected(sent->packet(i).begin(), sent->packet(i).end());
    std::fill(expected.begin() + 8, expected.begin() + 11, std::uint8_t{0});
    expected[11] = 7;
    CHECK(packets[i] == expected);
  }
  CHECK(out.frames_sent() == 1);
  CHECK(out.fields()->sequence == 2);
}

TEST_CASE("what is no RTP packet is refused", "[rtp_sender]") {
  const auto broken = test::packet_frame({.packets = 2}, at({}));
  broken->bytes[broken->packet_ends[0]] = 0;  // the version
  const auto made = make_rtp_frame(broken);
  REQUIRE_FALSE(made);
  CHECK(made.error().message.find("packet 2 of a frame: ") == 0);
}

TEST_CASE("numbers show the source's losses, and not what was left out on the way", "[rtp_sender]") {
  RtpSender out = sender(Pace::AtOnce);
  push(out, frame({1, 0, 10}, {}));
  push(out, frame({2, 3'600, 13}, milliseconds(40)));  // 11 and 12 were lost at the source
  auto packets = take(out, at(milliseconds(40)));
  REQUIRE(packets.size() == 2);
  CHECK(header(packets[1]).sequence == 13);
  SECTION("frames that are missing here") {
    push(out, frame({9, 30'000, 80}, milliseconds(330)));
    CHECK(header(take(out, at(seconds(1))).at(0)).sequence == 14);
  }
  SECTION("a source that has begun again") {
    push(out, frame({3, 7'200, 60'000}, milliseconds(80)));
    CHECK(header(take(out, at(seconds(1))).at(0)).sequence == 14);
    push(out, frame({4, 10'800, 60'001}, milliseconds(120)));
    CHECK(header(take(out, at(seconds(1))).at(0)).sequence == 15);
  }
  SECTION("another stream") {
    out.change_stream(kH264);
    push(out, frame({1, 999, 500}, milliseconds(80)));
    const auto next = take(out, at(seconds(1)));
    CHECK(header(next.at(0)).sequence == 14);
    CHECK(header(next.at(0)).timestamp == 3'600 + 3'600);
  }
}

TEST_CASE("timestamps are the source's, in whatever order, until its clock jumps", "[rtp_sender]") {
  RtpSender out = sender(Pace::AtOnce, kOpus);
  const auto next = [&out](std::uint64_t number, std::uint32_t media_time, Duration time) {
    push(out, frame({number, media_time, static_cast<std::uint16_t>(number)}, time));
    return header(take(out, at(time)).at(0)).timestamp;
  };
  CHECK(next(1, 50'000, {}) == 50'000);
  CHECK(next(2, 53'000, milliseconds(20)) == 53'000);
  CHECK(next(3, 51'000, milliseconds(40)) == 51'000);  // shown before the one that came before it
  CHECK(next(4, 51'000, milliseconds(60)) == 51'000);
  CHECK(next(5, 51'000 + 48'000 * 60, seconds(60)) == 51'000 + 48'000 * 60);  // a pause
  const std::uint32_t before = 51'000 + 48'000 * 60;
  CHECK(next(6, 7, seconds(60) + milliseconds(20)) == before + 960);
  CHECK(next(7, 967, seconds(60) + milliseconds(40)) == before + 2 * 960);
}

TEST_CASE("a receiver begins at a sync point, and after a skip as well", "[rtp_sender]") {
  RtpSender out = sender(Pace::AtOnce);
  for (std::uint64_t n = 7; n < 12; ++n) push(out, nth(n));
  auto packets = take(out, nth(12)->arrived);
  REQUIRE(packets.size() == 4);
  CHECK(header(packets[0]).timestamp == 36'000);

  // It takes nothing for longer than frames wait: 12 is under way, and the rest goes.
  push(out, nth(12));
  REQUIRE(take(out, nth(12)->arrived, 1).size() == 1);
  for (std::uint64_t n = 13; n < 24; ++n) push(out, nth(n));
  packets = take(out, nth(24)->arrived);
  std::vector<std::uint32_t> frames;
  for (const Bytes& packet : packets) {
    if (header(packet).marker) frames.push_back(header(packet).timestamp / 3'600);
  }
  CHECK(frames == std::vector<std::uint32_t>{12, 20, 21, 22, 23});
  for (std::size_t i = 0; i < packets.size(); ++i) CHECK(header(packets[i]).sequence == 25 + i);
  CHECK(out.frames_skipped() == 3 + 7);
}

TEST_CASE("frames that wait are bounded in bytes", "[rtp_sender]") {
  RtpSender out = sender(Pace::AtOnce);
  push(out, nth(10));
  std::size_t held = 0;
  for (std::uint64_t n = 11; n < 400; ++n) {
    push(out, nth(n, 10'000, 15'000), nth(10)->arrived);
    held = 0;
    out.each_held([&held](const Frame& one) { held += one.bytes.size(); });
    CHECK(held <= RtpSender::kWaitingBytesMax + 1'000);
  }
  CHECK(out.frames_skipped() > 100);
}

TEST_CASE("who joins has the frames since the sync point first, however late these are", "[rtp_sender]") {
  std::vector<FramePtr> history;
  for (std::uint64_t n = 0; n < 200; ++n) history.push_back(nth(n, 1'000));
  const Now joined = nth(200)->arrived;
  SECTION("as fast as it takes them") {
    RtpSender out = sender(Pace::AtOnce);
    out.push_history(history, joined);
    std::size_t packets = take(out, joined, 100).size();
    for (std::uint64_t n = 200; n < 225; ++n) {  // a second
      push(out, nth(n, 1'000));
      packets += take(out, nth(n)->arrived, 20).size();
    }
    packets += take(out, nth(225)->arrived).size();
    CHECK(packets == 450);
    CHECK(out.frames_skipped() == 0);
  }
  SECTION("as datagrams that a socket can hold") {
    RtpSender out = sender(Pace::Spread);
    for (FramePtr& one : history) one = nth(one->number.value, 1'000, 1'400);
    out.push_history(history, joined);
    CHECK(take(out, joined).size() < 60);
    CHECK(out.next_deadline() > joined.mono);
    std::size_t packets = 0;
    Now now = joined;
    for (; out.next_deadline() != MonoTime::max(); now.mono += milliseconds(1))
      packets += take(out, now).size();
    CHECK(packets > 340);
    CHECK(now.mono - joined.mono < seconds(1));
  }
  SECTION("after a pause, with timestamps that go on") {
    RtpSender out = sender(Pace::AtOnce);
    push(out, nth(0));
    for (std::uint64_t n = 1; n < 100; ++n) push(out, nth(n)), take(out, nth(n)->arrived);
    out.clear();
    out.push_history(history, joined);
    const auto packets = take(out, joined);
    CHECK(header(packets.at(0)).timestamp == 99 * 3'600 + 1);
    CHECK(header(packets.at(2)).timestamp == 100 * 3'600 + 1);
  }
}

TEST_CASE("a packet that no datagram carries whole is left out, and counted", "[rtp_sender]") {
  const auto large = frame({1, 0, 5, 3, 1'441}, {});
  RtpSender datagrams = sender(Pace::Spread);
  push(datagrams, large);
  CHECK(take(datagrams, at(seconds(1))).empty());
  CHECK(datagrams.packets_too_large() == 3);
  push(datagrams, frame({2, 3'600, 8}, milliseconds(40)));
  CHECK(header(take(datagrams, at(seconds(1))).at(0)).sequence == 8);  // they are missing
  RtpSender connection = sender(Pace::AtOnce);
  push(connection, large);
  CHECK(take(connection, at({})).size() == 3);
}

TEST_CASE("reports of parts agree on the instants that the source has named", "[rtp_sender]") {
  const WallTime instant{std::chrono::hours(400'000) + milliseconds(250)};
  RtpSender video = sender(Pace::AtOnce);
  RtpSender audio = sender(Pace::AtOnce, kOpus);
  // Both were taken at `instant`; the audio came earlier.
  push(audio, frame({1, 480, 1, 1, 20, true, instant}, milliseconds(5)));
  push(video, frame({1, 90'000, 1, 1, 20, true, instant}, milliseconds(85)));
  // The next ones name none.
  push(audio, frame({2, 480 + 960, 2}, milliseconds(25)));
  push(video, frame({2, 90'000 + 1'800, 2, 1, 20, false}, milliseconds(105)));
  take(audio, at(seconds(1)));
  take(video, at(seconds(1)));
  const auto mapped = [](const RtpSender& of, std::uint32_t media_time, std::int64_t rate) {
    const auto sent = parse_rtcp(of.report(at(seconds(1))))->sender;
    REQUIRE(sent);
    const std::int64_t ticks = static_cast<std::int32_t>(media_time - sent->rtp_timestamp);
    return wall_time(sent->ntp) + Duration(ticks * 1'000'000'000 / rate);
  };
  CHECK(std::chrono::abs(mapped(audio, 480, 48'000) - instant) < std::chrono::microseconds(50));
  CHECK(std::chrono::abs(mapped(video, 90'000, 90'000) - instant) < std::chrono::microseconds(50));
}

}  // namespace
}  // namespace ott
