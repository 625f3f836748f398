#include "media/rtsp_tracks.h"

#include <catch2/catch.hpp>

#include "made_packets.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const MediaFormat kH264{MediaKind::Video, "H264", 90'000, 0, 96, ""};
const MediaFormat kOpus{MediaKind::Audio, "opus", 48'000, 2, 97, ""};

Now at(Duration time) { return {MonoTime{} + time, WallTime{} + time}; }

RtspTransport tcp(std::uint16_t channel) {
  RtspTransport transport;
  transport.tcp = true;
  transport.interleaved = {channel, static_cast<std::uint16_t>(channel + 1)};
  return transport;
}

RtspTransport udp(std::uint16_t port) {
  RtspTransport transport;
  transport.client_port = {port, static_cast<std::uint16_t>(port + 1)};
  return transport;
}

RtpFramePtr frame(std::uint16_t sequence, std::size_t packets) {
  return *make_rtp_frame(
      test::packet_frame({.number = sequence, .first_sequence = sequence, .packets = packets}, at({})));
}

/// Where packets go: channels, or ports.
std::vector<std::uint16_t> ways(RtspTracks& tracks, Duration time, bool over_tcp) {
  std::vector<std::uint16_t> ways;
  while (true) {
    const auto packet = over_tcp ? tracks.next_interleaved(at(time)) : tracks.next_datagram(at(time));
    if (packet.bytes.empty()) return ways;
    ways.push_back(packet.port);
  }
}

using Ways = std::vector<std::uint16_t>;

TEST_CASE("each track has its channels and reports first; audio goes before video", "[rtsp_tracks]") {
  RtspTracks tracks("cname");
  CHECK(tracks.set_up(0, tcp(0), kH264, {1, 2, 3}) == 3);
  CHECK(tracks.set_up(1, tcp(2), kOpus, {1, 2, 4}) == 4);
  CHECK(tracks.has_channel({1, 2}, 5));
  CHECK_FALSE(tracks.has_channel({0, 1}, 0));
  CHECK(tracks.rtp_info("rtsp://h/cam/") == "url=rtsp://h/cam/trackID=1,url=rtsp://h/cam/trackID=0");
  tracks.play();
  tracks.push(0, frame(10, 3), at({}));
  tracks.push(1, frame(20, 1), at({}));
  tracks.push(9, frame(20, 1), at({}));  // nobody's
  CHECK(ways(tracks, {}, true) == Ways{3, 2, 1, 0, 0, 0});
  tracks.push(0, frame(13, 1), at(seconds(4)));
  CHECK(ways(tracks, seconds(4), true) == Ways{0});
  CHECK(ways(tracks, seconds(5), true) == Ways{3, 1});
  CHECK(tracks.frames_sent() == 3);
  CHECK(tracks.rtp_info("") == "url=trackID=1;seq=21,url=trackID=0;seq=14");
  CHECK_FALSE(tracks.any_over_udp());

  std::vector<std::uint16_t> byes;
  tracks.say_bye(true, at({}), [&byes](const RtspTracks::Packet& bye) { byes.push_back(bye.port); });
  CHECK(byes == Ways{3, 1});
  tracks.clear();
  CHECK(tracks.frames_sent() == 3);
  CHECK(tracks.empty());
}

TEST_CASE("tracks of one session may go different ways", "[rtsp_tracks]") {
  RtspTracks tracks("cname");
  tracks.set_up(0, udp(5'000), kH264, {1, 2, 3});
  tracks.set_up(1, tcp(0), kOpus, {1, 2, 4});
  tracks.play();
  CHECK(tracks.datagram_due() == MonoTime::max());
  tracks.push(0, frame(10, 2), at({}));
  tracks.push(1, frame(20, 1), at({}));
  CHECK(ways(tracks, {}, false) == Ways{5'001, 5'000, 5'000});
  CHECK(ways(tracks, {}, true) == Ways{1, 0});
  CHECK(tracks.datagram_due() == at(seconds(5)).mono);
  RtcpPacket report;
  CHECK(tracks.is_of_player(report, 5'001));
  CHECK_FALSE(tracks.is_of_player(report, 1));
  report.reports = {{3, 0, 0, 0, 0, 0, 0}};
  CHECK(tracks.is_of_player(report, 1));
  tracks.pause();
  CHECK(tracks.datagram_due() == MonoTime::max());
  // The other way from now on, with the SSRC that it has.
  CHECK(tracks.set_up(0, tcp(4), kH264, {1, 2, 8}) == 3);
  CHECK_FALSE(tracks.any_over_udp());
}

}  // namespace
}  // namespace ott
