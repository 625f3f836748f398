#include "media/rtp_frames.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "input_helpers.h"
#include "jpeg_helpers.h"
#include "media/rtcp.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// A sender of one picture after the other.
struct Camera {
  std::vector<Bytes> packets(const Bytes& jpeg, std::uint32_t timestamp) {
    const auto image = parse_jpeg(jpeg);
    REQUIRE(image);
    RtpJpegPacketizer packetizer(*image, kRtpPacketBytesMin);
    std::vector<Bytes> all;
    while (!packetizer.done()) {
      all.emplace_back(packetizer.next_bytes());
      packetizer.next(all.back(), {sequence++, timestamp, ssrc});
    }
    return all;
  }
  std::uint16_t sequence = 65'530;
  std::uint32_t ssrc = 7;
};

const Bytes& picture() {
  static const Bytes kPicture = test::make_jpeg({.width = 320, .height = 240});
  return kPicture;
}

TEST_CASE("Frames come out of packets in any order, with their sender's time") {
  test::Sink sink;
  RtpFrames frames("rtsp://cam/live", {}, sink);
  Camera camera;
  for (std::uint32_t i = 0; i < 5; ++i) {
    auto packets = camera.packets(picture(), 1000 + i * 3600);
    REQUIRE(packets.size() > 2);
    if (i > 0) std::swap(packets[0], packets[1]);
    for (const Bytes& packet : packets) frames.push(packet, test::at_ms(40 * i));
  }
  REQUIRE(sink.frames.size() == 5);
  CHECK(test::decode(sink.frames[4]) == test::decode(picture()));
  CHECK(sink.media_times[0] == 1000);
  CHECK(sink.media_times[4] == 1000 + 4 * 3600);
  CHECK(sink.arrived[4] == test::at_ms(160).mono);
  CHECK(sink.refused.empty());
  CHECK(frames.frames() == 5);
}

TEST_CASE("A frame that is not whole is refused, and the next one is there") {
  test::Sink sink;
  RtpFrames frames("rtsp://cam/live", {}, sink);
  Camera camera;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto packets = camera.packets(picture(), i * 3600);
    for (std::size_t packet = 0; packet < packets.size(); ++packet) {
      if (i != 1 || packet != 1) frames.push(packets[packet], test::at_ms(40 * i));
    }
  }
  CHECK(sink.frames.size() == 3);
  REQUIRE(sink.refused.size() == 1);
  CHECK(sink.refused[0].starts_with("rtsp://cam/live: "));
  CHECK(frames.frames_incomplete() == 1);
}

TEST_CASE("Another sender is followed at once after a BYE") {
  test::Sink sink;
  RtpFrames frames("", {}, sink);
  Camera first;
  for (const Bytes& packet : first.packets(picture(), 0)) frames.push(packet, test::at_ms(0));
  CHECK_FALSE(frames.push_rtcp(picture()));  // no RTCP
  CHECK_FALSE(frames.push_rtcp(write_rtcp({.ssrc = 8, .cname = "another", .byes = {8}})));
  const auto bye = frames.push_rtcp(write_rtcp({.ssrc = 7, .cname = "camera", .byes = {7}}));
  REQUIRE(bye);
  CHECK(bye->cname == "camera");
  Camera second{.sequence = 100, .ssrc = 8};
  for (const Bytes& packet : second.packets(picture(), 0)) frames.push(packet, test::at_ms(1));
  CHECK(sink.frames.size() == 2);
  CHECK(frames.senders() == 2);
}

TEST_CASE("What was counted stays when a flow begins anew") {
  test::Sink sink;
  RtpFrames frames("", {}, sink);
  Camera camera;
  const auto packets = camera.packets(picture(), 0);
  for (std::size_t i = 0; i < 2; ++i) frames.push(packets[i], test::at_ms(0));
  frames.begin_anew();
  for (const Bytes& packet : camera.packets(picture(), 3600)) frames.push(packet, test::at_ms(40));
  CHECK(sink.frames.size() == 1);
  CHECK(frames.packets().packets == 2 + packets.size());
  CHECK(frames.figures(5).back() == std::pair<std::string_view, std::uint64_t>("packets_refused", 5));
}

}  // namespace
}  // namespace ott
