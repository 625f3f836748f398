#include "media/rtp_sender.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "jpeg_helpers.h"
#include "media/rtcp.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::uint8_t>;

const WallTime kSourceStart{std::chrono::hours(24 * 365 * 40)};

Now at(Duration time) { return {MonoTime{} + time, WallTime{} + std::chrono::hours(1) + time}; }

/// A frame of a source with this media time, that took no time to come.
RtpFramePtr frame(std::uint32_t media_time, Duration time, const test::JpegOptions& options = {}) {
  auto frame = std::make_shared<Frame>();
  frame->media_time = media_time;
  frame->arrived = at(time);
  frame->source_time = kSourceStart + time;
  frame->bytes = test::make_jpeg(options);
  auto made = make_rtp_frame(frame);
  REQUIRE(made);
  return *made;
}

test::JpegOptions large() {
  test::JpegOptions options;
  options.width = options.height = 640;
  options.quality = 90;
  return options;
}

RtpSender sender(RtpSender::Pace pace) { return {{}, {0xFFFE, 1'000, 7}, "ottd@here", pace}; }

std::vector<Bytes> take(RtpSender& sender, Duration time) {
  std::vector<Bytes> packets;
  for (ByteSpan packet; !(packet = sender.next(at(time))).empty();)
    packets.emplace_back(packet.begin(), packet.end());
  return packets;
}

std::uint32_t timestamp_of(const std::vector<Bytes>& packets) {
  REQUIRE_FALSE(packets.empty());
  return parse_rtp(packets.front())->header.timestamp;
}

TEST_CASE("a frame becomes packets that fit a datagram and give the same JPEG again", "[rtp_sender]") {
  test::JpegOptions options = large();
  SECTION("plain") {}
  SECTION("with restart intervals") { options.restart_interval = 4; }
  SECTION("of a size that RFC 2435 has no room for") { options.width = 645; }
  auto sent = frame(0, {}, options);
  RtpSender out = sender(RtpSender::Pace::AtOnce);
  out.push(sent, at({}));
  const auto packets = take(out, {});
  REQUIRE(packets.size() > 10);
  RtpJpegDepacketizer depacketizer;
  std::uint16_t sequence = 0xFFFE;  // and over the wrap
  Bytes jpeg;
  for (const Bytes& packet : packets) {
    CHECK(packet.size() <= 1'452);
    const auto parsed = parse_rtp(packet);
    REQUIRE(parsed);
    CHECK(parsed->header.sequence == sequence++);
    CHECK(parsed->header.ssrc == 7);
    CHECK(parsed->header.timestamp == 1'000);
    const auto pushed = depacketizer.push(packet);
    REQUIRE(pushed);
    if (*pushed) jpeg.assign((*pushed)->begin(), (*pushed)->end());
  }
  CHECK(test::decode(jpeg) == test::decode(sent->frame->bytes));
  CHECK(Bytes(packets.back().end() - 2, packets.back().end()) == Bytes{0xFF, 0xD9});
  CHECK(out.frames_sent() == 1);
  CHECK(out.next_deadline() == MonoTime::max());
}

TEST_CASE("a JPEG that RTP cannot carry is refused with the reason", "[rtp_sender]") {
  auto grey = std::make_shared<Frame>();
  test::JpegOptions options;
  options.colour = test::JpegOptions::Colour::Grey;
  grey->bytes = test::make_jpeg(options);
  const auto made = make_rtp_frame(grey);
  REQUIRE_FALSE(made);
  CHECK(made.error().message.find("RTP carries no such JPEG") == 0);
  grey->bytes = {1, 2, 3};
  CHECK_FALSE(make_rtp_frame(grey));
}

TEST_CASE("packets are spread over half of the measured interval", "[rtp_sender]") {
  RtpSender out = sender(RtpSender::Pace::Spread);
  out.push(frame(0, {}, large()), at({}));
  const std::size_t count = take(out, {}).size();  // the first one goes out at once
  CHECK(count > 20);

  const Duration second = milliseconds(40);
  out.push(frame(3'600, second, large()), at(second));
  std::size_t sent = 0;
  Duration last{};
  for (Duration time = second; time < second + milliseconds(40); time += milliseconds(1)) {
    const std::size_t now = take(out, time).size();
    CHECK(now <= count / 20 + 1);
    if (now > 0) last = time;
    sent += now;
  }
  CHECK(sent == count);
  CHECK(last - second <= milliseconds(20));
  CHECK(last - second >= milliseconds(18));
}

TEST_CASE("a frame that comes before the last one is out sends the rest of that at once", "[rtp_sender]") {
  RtpSender out = sender(RtpSender::Pace::Spread);
  for (int i = 0; i < 2; ++i) {
    out.push(frame(static_cast<std::uint32_t>(i) * 9'000U, milliseconds(100 * i), large()),
             at(milliseconds(100 * i)));
    if (i == 0) take(out, {});
  }
  CHECK(take(out, milliseconds(100)).size() == 1);
  CHECK(out.next_deadline() > at(milliseconds(100)).mono);
  CHECK(out.next_deadline() < at(milliseconds(110)).mono);
  out.push(frame(9'090, milliseconds(101), large()), at(milliseconds(101)));
  CHECK(out.next_deadline() <= at(milliseconds(101)).mono);
  take(out, milliseconds(101));
  CHECK(out.frames_sent() == 2);
  take(out, milliseconds(300));
  CHECK(out.frames_sent() == 3);
  CHECK(out.frames_skipped() == 0);
}

TEST_CASE("frames that come several at once are all sent over a connection", "[rtp_sender]") {
  RtpSender out = sender(RtpSender::Pace::AtOnce);
  for (unsigned i = 0; i < 9; ++i) out.push(frame(i * 3'000, milliseconds(i), large()), at(milliseconds(i)));
  take(out, milliseconds(9));
  CHECK(out.frames_sent() == 9);
  CHECK(out.frames_skipped() == 0);
}

TEST_CASE("who takes packets too slowly gets the newest frame next, and no torn one", "[rtp_sender]") {
  RtpSender out = sender(RtpSender::Pace::AtOnce);
  for (unsigned i = 0; i < 12; ++i) {
    CHECK(out.frames_skipped() == 0);
    out.push(frame(i * 3'000, milliseconds(33) * i, large()), at(milliseconds(33) * i));
    if (i == 0) REQUIRE_FALSE(out.next(at({})).empty());
  }
  CHECK(out.frames_skipped() == 10);
  const auto packets = take(out, milliseconds(400));
  CHECK(out.frames_sent() == 2);
  CHECK(parse_rtp(packets.front())->header.timestamp == 1'000);
  CHECK(parse_rtp(packets.back())->header.timestamp == 1'000 + 11 * 3'000);
  std::uint16_t sequence = 0xFFFF;
  for (const Bytes& packet : packets) CHECK(parse_rtp(packet)->header.sequence == sequence++);

  // Also when the next one comes just when nothing is under way.
  out.push(frame(40'000, milliseconds(500)), at(milliseconds(500)));
  out.push(frame(43'000, milliseconds(533)), at(milliseconds(533)));
  out.push(frame(46'000, milliseconds(566)), at(milliseconds(566)));
  const auto next = take(out, milliseconds(566));
  CHECK(timestamp_of(next) < parse_rtp(next.back())->header.timestamp);
}

TEST_CASE("timestamps follow the source's clock, and go on when it jumps", "[rtp_sender]") {
  RtpSender out = sender(RtpSender::Pace::AtOnce);
  const auto next = [&out](std::uint32_t media_time, Duration time) {
    out.push(frame(media_time, time), at(time));
    return timestamp_of(take(out, time));
  };
  CHECK(next(4'000'000'000, {}) == 1'000);
  CHECK(next(4'000'003'600, milliseconds(41)) == 4'600);  // it came a millisecond late
  SECTION("another stream, whose clock is near by accident") {
    out.change_stream({});
    CHECK(next(4'000'003'700, milliseconds(81)) == 4'600 + 3'600);
    CHECK(next(4'000'007'300, milliseconds(121)) == 4'600 + 7'200);
  }
  SECTION("a jump forwards") { CHECK(next(500, milliseconds(81)) == 4'600 + 3'600); }
  SECTION("a jump backwards") { CHECK(next(3'999'999'000, milliseconds(81)) == 4'600 + 3'600); }
  SECTION("a clock that stands still") {
    CHECK(next(4'000'003'600, milliseconds(41)) == 4'601);
    CHECK(next(4'000'003'600, milliseconds(81)) == 4'601 + 3'600);
  }
  SECTION("a pause of an hour") {
    CHECK(next(4'000'003'600U + 3'600U * 90'000U, milliseconds(41) + seconds(3'600)) ==
          4'600U + 3'600U * 90'000U);
  }
  SECTION("frames that were held up come together") {
    CHECK(next(4'000'093'600, milliseconds(1'041)) == 94'600);
    CHECK(next(4'000'097'200, milliseconds(1'041)) == 98'200);
  }
}

TEST_CASE("sender reports say when the origin had what a timestamp names", "[rtp_sender]") {
  RtpSender out = sender(RtpSender::Pace::AtOnce);
  auto none = parse_rtcp(out.report(at({})));
  REQUIRE(none);
  CHECK_FALSE(none->sender);
  CHECK(none->cname == "ottd@here");

  out.push(frame(0, {}, large()), at({}));
  std::uint32_t octets = 0;
  const auto packets = take(out, {});
  for (const Bytes& packet : packets) octets += static_cast<std::uint32_t>(parse_rtp(packet)->payload.size());
  const auto report = parse_rtcp(out.report(at(seconds(2))));
  REQUIRE(report);
  REQUIRE(report->sender);
  CHECK(report->ssrc == 7);
  CHECK(report->sender->packets == packets.size());
  CHECK(report->sender->octets == octets);
  CHECK(wall_time(report->sender->ntp) == kSourceStart + seconds(2));
  CHECK(report->sender->rtp_timestamp == 1'000 + 180'000);
  CHECK(report->byes.empty());

  const auto bye = parse_rtcp(out.bye(at(seconds(2))));
  REQUIRE(bye);
  CHECK(bye->byes == std::vector<std::uint32_t>{7});
}

TEST_CASE("a sender that is cleared goes on with the next frame", "[rtp_sender]") {
  RtpSender out = sender(RtpSender::Pace::AtOnce);
  out.push(frame(0, {}, large()), at({}));
  REQUIRE_FALSE(out.next(at({})).empty());
  out.push(frame(3'000, milliseconds(33), large()), at(milliseconds(33)));
  out.clear();
  CHECK(out.next(at(milliseconds(40))).empty());
  CHECK(out.next_deadline() == MonoTime::max());
  CHECK(out.frames_skipped() == 2);
  out.push(frame(900'000, seconds(10), large()), at(seconds(10)));
  CHECK(timestamp_of(take(out, seconds(10))) == 1'000 + 900'000);
}

}  // namespace
}  // namespace ott
