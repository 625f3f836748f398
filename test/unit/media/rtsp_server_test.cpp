#include "media/rtsp_server.h"

#include <catch2/catch.hpp>
#include <deque>

#include "jpeg_helpers.h"
#include "media/rtcp.h"
#include "media/stream_sdp.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Bytes = std::vector<std::uint8_t>;
using Kind = RtspServer::Ask::Kind;

const std::string kUrl = "rtsp://node:8554/cam";

Now at(Duration time) { return {MonoTime{} + time, WallTime{} + time}; }

RtpFramePtr frame(unsigned number, unsigned side = 64) {
  auto frame = std::make_shared<Frame>();
  frame->media_time = number * 3'600;
  frame->arrived = at(milliseconds(40) * number);
  test::JpegOptions options;
  options.width = options.height = side;
  options.seed = number;
  options.quality = 90;
  frame->bytes = test::make_jpeg(options);
  return *make_rtp_frame(frame);
}

/// A player, and the owner of its connection.
struct Player {
  RtspServer server{{*parse_ip("10.0.0.7"), "SESSION", "cname"}, at({})};
  RtspReader reader;
  Duration now{};
  unsigned cseq = 0;
  std::vector<std::pair<std::uint8_t, Bytes>> packets;
  std::deque<RtspMessage> responses;

  void send(const std::string& text) {
    server.receive(ByteSpan(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), at(now));
  }
  /// Takes at most so many bytes of what the server has to say.
  void take(std::size_t most = SIZE_MAX) {
    while (most > 0) {
      const ByteSpan output = server.output(at(now));
      if (output.empty()) break;
      const std::size_t bytes = std::min({output.size(), most, reader.space().size()});
      std::ranges::copy(output.first(bytes), reader.space().begin());
      reader.advance(bytes);
      server.sent(bytes, at(now));
      most -= bytes;
      read();
    }
  }
  void read() {
    while (true) {
      auto unit = reader.next();
      REQUIRE(unit);
      if (!*unit) return;
      if (auto* message = std::get_if<RtspMessage>(&**unit)) {
        responses.push_back(std::move(*message));
      } else {
        const auto& packet = std::get<RtspInterleaved>(**unit);
        packets.emplace_back(packet.channel, Bytes(packet.data.begin(), packet.data.end()));
      }
    }
  }
  RtspMessage response() {
    take();
    REQUIRE_FALSE(responses.empty());
    RtspMessage first = std::move(responses.front());
    responses.pop_front();
    return first;
  }
  void ask(const std::string& method, const std::string& headers = "", const std::string& url = kUrl) {
    send(method + " " + url + " RTSP/1.0\r\nCSeq: " + std::to_string(++cseq) + "\r\n" + headers + "\r\n");
  }
  RtspMessage request(const std::string& method, const std::string& headers = "",
                      const std::string& url = kUrl) {
    ask(method, headers, url);
    const RtspMessage answer = response();
    CHECK(answer.cseq() == cseq);
    return answer;
  }
  unsigned status(const std::string& method, const std::string& headers = "", const std::string& url = kUrl) {
    return request(method, headers, url).status;
  }
  RtspMessage set_up(const std::string& transport) {
    ask("SETUP", "Transport: " + transport + "\r\n", kUrl + "/trackID=0");
    REQUIRE(server.ask());
    CHECK(server.ask()->kind == Kind::SetUp);
    CHECK(server.ask()->stream == "cam");
    const auto port = server.ask()->udp ? std::optional(RtspTransport::Pair{6'970, 6'971}) : std::nullopt;
    server.set_up({{}, {100, 5'000, 7}, port}, at(now));
    return response();
  }
  void play() {
    REQUIRE(status("PLAY", "Session: SESSION\r\nRange: npt=0.000-\r\n") == 200);
    REQUIRE(server.playing());
  }
};

const std::string kTcp = "RTP/AVP/TCP;unicast;interleaved=4-5";
const std::string kUdp = "RTP/AVP;unicast;client_port=5000-5001";

TEST_CASE("a player asks what there is, and gets a description when it is known", "[rtsp_server]") {
  Player player;
  CHECK(player.request("OPTIONS").find("Public")->find("DESCRIBE") != std::string::npos);
  player.ask("DESCRIBE", "Accept: application/sdp\r\n");
  player.take();
  CHECK(player.responses.empty());
  REQUIRE(player.server.ask());
  CHECK(player.server.ask()->stream == "cam");
  CHECK_FALSE(player.server.wants_input());
  player.send("OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n");  // waits its turn

  StreamInfo stream;
  stream.name = "cam";
  const auto picture = frame(1);
  SdpMedia media = stream_media(stream, size_of(picture->image));
  media.control = rtsp_track_url(0);
  player.server.describe(stream_sdp({{stream, media}}), at({}));
  const RtspMessage described = player.response();
  CHECK(described.status == 200);
  CHECK(*described.find("Content-Base") == kUrl + "/");
  const auto sdp = parse_sdp(described.body);
  REQUIRE(sdp);
  CHECK(sdp->media.at(0).control == "trackID=0");
  CHECK(sdp->media.at(0).size == SdpSize{64, 64});
  CHECK(sdp->media.at(0).port == 0);
  CHECK(player.response().cseq() == 9);

  player.ask("DESCRIBE");
  player.server.refuse(404, "there is no stream 'cam' (there are: a, b)", at({}));
  const RtspMessage refused = player.response();
  CHECK(refused.status == 404);
  CHECK(refused.body == "there is no stream 'cam' (there are: a, b)\n");
}

TEST_CASE("a stream is played over the connection itself", "[rtsp_server]") {
  Player player;
  const auto answer = player.set_up(kTcp);
  CHECK(answer.status == 200);
  CHECK(*answer.find("Session") == "SESSION;timeout=60");
  CHECK(*answer.find("Transport") == "RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=00000007");
  CHECK(player.server.stream() == "cam");
  CHECK_FALSE(player.server.playing());
  const auto played = player.request("PLAY", "Session: SESSION\r\nRange: npt=now-\r\n");
  CHECK(*played.find("RTP-Info") == "url=" + kUrl + "/trackID=0;seq=100;rtptime=5000");
  CHECK_FALSE(player.server.over_udp());

  RtpJpegDepacketizer depacketizer;
  for (unsigned i = 1; i <= 3; ++i) {
    player.now = milliseconds(40) * i;
    player.packets.clear();
    const auto sent = frame(i, 640);
    player.server.tracks().push(0, sent, at(player.now));
    player.take();
    Bytes jpeg;
    std::size_t reports = 0;
    for (const auto& [channel, packet] : player.packets) {
      if (channel == 5) ++reports;
      if (channel != 4) continue;
      const auto pushed = depacketizer.push(packet);
      REQUIRE(pushed);
      if (*pushed) jpeg.assign((*pushed)->begin(), (*pushed)->end());
    }
    REQUIRE_FALSE(jpeg.empty());
    CHECK(test::decode(jpeg) == test::decode(sent->frame->bytes));
    CHECK(reports == (i == 1 ? 1 : 0));
  }
  CHECK(parse_rtp(player.packets.front().second)->header.timestamp == 5'000 + 2 * 3'600);

  SECTION("until it pauses, and again") {
    CHECK(player.status("PAUSE", "Session: SESSION\r\n") == 200);
    CHECK_FALSE(player.server.playing());
    CHECK(player.server.stream() == "cam");
    CHECK(player.request("PLAY", "Session: SESSION\r\n").find("RTP-Info")->find("rtptime") ==
          std::string::npos);
    CHECK(player.server.playing());
  }
  SECTION("until it ends") {
    CHECK(player.status("TEARDOWN", "Session: SESSION\r\n") == 200);
    CHECK_FALSE(player.server.playing());
    CHECK_FALSE(player.server.stream());
    CHECK(player.status("PLAY", "Session: SESSION\r\n") == 454);
    CHECK(player.set_up(kUdp).status == 200);
  }
  SECTION("until the server ends") {
    player.packets.clear();
    player.server.end(at(player.now));
    player.take();
    REQUIRE(player.packets.size() == 1);
    CHECK(parse_rtcp(player.packets[0].second)->byes == std::vector<std::uint32_t>{7});
    CHECK(player.server.over());
  }
}

TEST_CASE("a slow player gets whole frames, the newest ones, and answers between their packets",
          "[rtsp_server]") {
  Player player;
  player.set_up(kTcp);
  player.play();
  player.packets.clear();
  RtpJpegDepacketizer depacketizer;
  std::size_t whole = 0;
  for (unsigned i = 1; i <= 60; ++i) {
    player.now = milliseconds(40) * i;
    player.server.tracks().push(0, frame(i, 400), at(player.now));
    if (i == 30) player.ask("OPTIONS");
    player.take(5'000);
    CHECK(player.server.output(at(player.now)).size() < RtspServer::kOutputBytes + 2'000);
  }
  CHECK(player.responses.size() == 1);
  for (const auto& [channel, packet] : player.packets) {
    if (channel != 4) continue;
    const auto pushed = depacketizer.push(packet);
    REQUIRE(pushed);
    if (*pushed) ++whole;
  }
  CHECK(whole > 3);
  CHECK(depacketizer.frames_broken() == 0);
  CHECK(player.server.tracks().frames_skipped() > 30);
}

TEST_CASE("a stream is played as datagrams to the player's own ports", "[rtsp_server]") {
  Player player;
  const auto answer = player.set_up(kUdp);
  CHECK(*answer.find("Transport") ==
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971;ssrc=00000007");
  CHECK(player.server.tracks().datagram_due() == MonoTime::max());
  player.play();
  CHECK(player.server.over_udp());
  player.server.tracks().push(0, frame(1), at({}));
  std::vector<std::uint16_t> ports;
  for (RtspTracks::Packet one; !(one = player.server.tracks().next_datagram(at({}))).bytes.empty();)
    ports.push_back(one.port);
  CHECK(ports == std::vector<std::uint16_t>{5'001, 5'000, 5'000});
  CHECK(player.server.tracks().datagram_due() == at(seconds(5)).mono);
  player.take();
  CHECK(player.packets.empty());
}

TEST_CASE("packets go to nobody but the player itself", "[rtsp_server]") {
  Player player;
  const auto status = [&player](const std::string& transport) {
    return player.status("SETUP", "Transport: " + transport + "\r\n");
  };
  CHECK(status(kUdp + ";destination=10.0.0.8") == 461);
  CHECK(status(kUdp + ";destination=somebody.example") == 461);
  CHECK(status("RTP/AVP;multicast;port=5000-5001") == 461);
  CHECK(status("RTP/AVP;unicast") == 461);
  CHECK(status("RTP/SAVP;unicast;client_port=5000-5001") == 461);
  CHECK(status("RTP/AVP;unicast;client_port=5000-5001;mode=RECORD") == 461);
  CHECK(status("RTP/AVP;unicast;client_port=0-99999") == 461);
  CHECK(player.status("SETUP") == 461);
  CHECK_FALSE(player.server.stream());
  // The first way that can be gone is taken.
  CHECK(player.set_up("RTP/SAVP;unicast;client_port=1-2," + kUdp + ";destination=10.0.0.7," + kTcp)
            .find("Transport")
            ->find("client_port=5000-5001") != std::string::npos);
}

TEST_CASE("what is asked at the wrong time, or makes no sense, gets the answer of RFC 2326",
          "[rtsp_server]") {
  Player player;
  CHECK(player.status("PLAY") == 454);
  CHECK(player.status("PLAY", "Session: SESSION\r\n") == 454);
  CHECK(player.status("TEARDOWN", "Session: another\r\n") == 454);
  CHECK(player.status("ANNOUNCE") == 405);
  CHECK(player.status("RECORD") == 405);
  CHECK(player.status("JUMP") == 501);
  CHECK(player.request("OPTIONS", "Require: magic\r\n").status == 551);
  CHECK(player.status("DESCRIBE", "Accept: text/html\r\n") == 406);
  CHECK(player.status("DESCRIBE", "", "cam") == 400);
  CHECK(player.status("DESCRIBE", "", "http://node/cam") == 400);
  CHECK(player.status("DESCRIBE", "", "rtsp://node/%0a") == 400);
  CHECK(player.status("SET_PARAMETER", "Content-Length: 0\r\n") == 200);
  player.set_up(kTcp);
  CHECK(player.status("GET_PARAMETER", "Session: SESSION\r\n") == 200);
  CHECK(player.status("PLAY", "Session: SESSIO\r\n") == 454);
  CHECK(player.status("SETUP", "Session: SESSION\r\nTransport: " + kTcp + "\r\n", "rtsp://node/other") ==
        459);
  player.play();
  CHECK(player.status("SETUP", "Session: SESSION\r\nTransport: " + kTcp + "\r\n") == 455);
  CHECK(player.status("PLAY", "Session: SESSION\r\n") == 200);
  player.send("GET_PARAMETER rtsp://node/cam RTSP/1.0\r\nCSeq: 77\r\nContent-Length: 6\r\n\r\nposit\n");
  CHECK(player.response().status == 451);
  player.send("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n");
  CHECK(player.response().status == 505);
  player.send("OPTIONS * RTSP/1.0\r\n\r\n");
  CHECK(player.response().status == 400);
  CHECK_FALSE(player.server.over());
  player.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(player.response().status == 400);
  CHECK(player.server.over());
}

TEST_CASE("endless headers and bodies end the connection", "[rtsp_server]") {
  Player player;
  player.send("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n");
  for (int i = 0; i < 2'000 && !player.server.over(); ++i) player.send("X-Header: value\r\n");
  CHECK(player.server.over());
  CHECK(player.response().status == 400);
  Player other;
  other.send("SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1000000\r\n\r\n");
  CHECK(other.server.over());
}

TEST_CASE("a stream's name is the path of the URL", "[rtsp_server]") {
  CHECK(*rtsp_stream_name("rtsp://node:8554/cam") == "cam");
  CHECK(*rtsp_stream_name("rtsp://node:8554/cam/") == "cam");
  CHECK(*rtsp_stream_name("rtsp://user:pw@node/cam/video/trackID=0?x=1") == "cam/video");
  CHECK(*rtsp_stream_name("rtsp://[::1]/a%20b%2Fc") == "a b/c");
  CHECK(rtsp_stream_name("rtsp://node")->empty());
  CHECK(rtsp_stream_name("rtsp://node/")->empty());
  CHECK(rtsp_stream_name("rtsp://node/trackID=0")->empty());
  CHECK(*rtsp_stream_name("rtsp://node/mytrackID=0") == "mytrackID=0");
  CHECK_FALSE(rtsp_stream_name("rtsp://node/a%zz"));
  CHECK_FALSE(rtsp_stream_name("rtspu://node/a"));
}

TEST_CASE("who is not heard of, or takes nothing, is given up", "[rtsp_server]") {
  Player player;
  CHECK(player.server.expired(at(seconds(9))).empty());
  CHECK(player.server.expired(at(seconds(10))) == "no whole request came");
  player.send("OPTIONS * RTSP/1.0\r\n");
  CHECK(player.server.expired(at(seconds(10))) == "no whole request came");
  player.now = seconds(9);
  player.send("CSeq: 1\r\n\r\n");
  CHECK(player.response().status == 200);
  CHECK(player.server.expired(at(seconds(68))).empty());
  CHECK(player.server.expired(at(seconds(69))) == "nothing was heard of it");
  player.send("\r\n\r\n");  // means nothing, and is no part of a request either
  CHECK(player.server.expired(at(seconds(60))).empty());

  SECTION("a player over UDP, unless it reports") {
    player.set_up(kUdp);
    player.play();
    CHECK(player.server.expired(at(seconds(68))).empty());
    CHECK(player.server.expired(at(seconds(69))) == "nothing was heard of it");
    player.server.hear(at(seconds(60)));
    CHECK(player.server.expired(at(seconds(119))).empty());
    CHECK_FALSE(player.server.expired(at(seconds(120))).empty());
  }
  SECTION("a player over TCP, unless it takes what is sent") {
    player.set_up(kTcp);
    player.play();
    player.now = seconds(60);
    player.server.tracks().push(0, frame(1), at(player.now));
    player.take();
    CHECK(player.server.expired(at(seconds(119))).empty());
    player.now = seconds(100);
    player.server.tracks().push(0, frame(2), at(player.now));
    CHECK_FALSE(player.server.output(at(player.now)).empty());
    CHECK(player.server.expired(at(seconds(129))).empty());
    CHECK(player.server.expired(at(seconds(130))) == "it takes nothing of what is sent to it");
  }
}

}  // namespace
}  // namespace ott
