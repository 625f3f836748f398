#include "io/rtsp_outlet.h"

#include <fmt/format.h>

#include <array>
#include <catch2/catch.hpp>
#include <deque>
#include <map>

#include "../media/jpeg_helpers.h"
#include "../media/made_packets.h"
#include "fake_streams.h"
#include "io/driver.h"
#include "io/socket.h"
#include "io/udp_socket.h"
#include "media/rtcp.h"
#include "media/rtsp_message.h"
#include "media/sdp.h"
#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

class LinesLog : public Log {
 public:
  void line(LogLevel, const std::string& text) override { lines.push_back(text); }
  std::vector<std::string> lines;
};

Bytes picture(unsigned seed, unsigned side = 320) {
  test::JpegOptions options;
  options.width = options.height = side;
  options.seed = seed;
  return test::make_jpeg(options);
}

/// A port of 127.0.0.1 that is free.
std::uint16_t free_port() { return local_end(*listen_for_clients({*parse_ip("127.0.0.1"), 0})).port; }

struct Bench {
  LoopPtr loop = std::move(*make_loop());
  Listeners listeners;
  LinesLog log;
  test::FakeStreams streams;
  NodeId at{*parse_ip("127.0.0.1"), free_port()};
  std::unique_ptr<RtspOutlet> outlet = std::make_unique<RtspOutlet>(at, loop.get(), listeners, log);

  Bench() {
    streams.add("cam");
    streams.add("other");
  }
  void begin() { REQUIRE(outlet->begin(streams, clock_now())); }
  bool until(const std::function<bool()>& condition) const { return test::run_until(loop.get(), condition); }
};

struct Player {
  explicit Player(Bench& the_bench) : bench(the_bench), fd(std::move(*connect_to(bench.at, {}))) {}

  Bench& bench;
  Fd fd;
  RtspReader reader;
  RtpJpegDepacketizer depacketizer;
  std::deque<RtspMessage> responses;
  std::vector<Bytes> frames;
  std::map<unsigned, std::vector<Bytes>> packets;  // by channel
  bool takes_jpeg = true;                          // from channel 0
  unsigned cseq = 0;
  bool closed = false;
  bool reads = true;
  std::string session;

  void read() {
    while (reads && !closed) {
      const ssize_t n = receive_some(fd, reader.space());
      closed = n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN);
      if (n <= 0) return;
      reader.advance(static_cast<std::size_t>(n));
      while (true) {
        auto unit = reader.next();
        REQUIRE(unit);
        if (!*unit) break;
        if (auto* message = std::get_if<RtspMessage>(&**unit)) {
          responses.push_back(std::move(*message));
        } else {
          const auto& packet = std::get<RtspInterleaved>(**unit);
          packets[packet.channel].emplace_back(packet.data.begin(), packet.data.end());
          if (takes_jpeg && packet.channel == 0) take(packet.data);
        }
      }
    }
  }
  void take(ByteSpan packet) {
    const auto pushed = depacketizer.push(packet);
    REQUIRE(pushed);
    if (*pushed) frames.emplace_back((*pushed)->begin(), (*pushed)->end());
  }
  void send(const std::string& text) {
    std::size_t sent = 0;
    REQUIRE(bench.until([&] {
      const ByteSpan rest(reinterpret_cast<const std::uint8_t*>(text.data()) + sent, text.size() - sent);
      sent += static_cast<std::size_t>(std::max<ssize_t>(send_some(fd, rest), 0));
      return sent == text.size();
    }));
  }
  void ask(const std::string& method, const std::string& stream, const std::string& headers = "") {
    send(fmt::format("{} rtsp://127.0.0.1/{} RTSP/1.0\r\nCSeq: {}\r\n{}\r\n", method, stream, ++cseq,
                     headers));
  }
  RtspMessage response() {
    REQUIRE(bench.until([this] { return read(), !responses.empty(); }));
    RtspMessage first = std::move(responses.front());
    responses.pop_front();
    return first;
  }
  RtspMessage request(const std::string& method, const std::string& stream, const std::string& headers = "") {
    ask(method, stream, headers);
    return response();
  }
  RtspTransport set_up(const std::string& stream, const std::string& transport) {
    const RtspMessage answer = request("SETUP", stream + "/trackID=0", "Transport: " + transport + "\r\n");
    REQUIRE(answer.status == 200);
    session = "Session: " + parse_rtsp_session(*answer.find("Session"))->id + "\r\n";
    return parse_rtsp_transports(*answer.find("Transport"))->at(0);
  }
  void play(const std::string& stream) {
    set_up(stream, "RTP/AVP/TCP;unicast;interleaved=0-1");
    REQUIRE(request("PLAY", stream, session).status == 200);
  }
  bool has_frames(std::size_t count) {
    return bench.until([this, count] { return read(), frames.size() >= count; });
  }
};

TEST_CASE("a description waits for the first picture, and says why there is none", "[rtsp_outlet]") {
  Bench bench;
  bench.begin();
  Player player(bench);
  SECTION("that comes") {
    player.ask("DESCRIBE", "cam");
    REQUIRE(bench.until([&] { return bench.streams.wanted("cam") == 1; }));
    bench.streams.push("cam", picture(1));
    const auto answer = player.response();
    CHECK(answer.status == 200);
    CHECK(answer.body.find("a=framesize:26 320-320\r\n") != std::string::npos);
  }
  SECTION("that does not come") {
    bench.streams["cam"].why_nothing = "its camera is away";
    const auto answer = player.request("DESCRIBE", "cam");
    CHECK(answer.status == 503);
    CHECK(answer.body == "no picture of 'cam' has come: its camera is away\n");
  }
  SECTION("of a stream that there is not") {
    const auto answer = player.request("DESCRIBE", "film");
    CHECK(answer.status == 404);
    CHECK(answer.body == "there is no stream 'film' here (there are: cam, other)\n");
    CHECK(player.request("SETUP", "film", "Transport: RTP/AVP/TCP;unicast\r\n").status == 404);
  }
}

TEST_CASE("all players of a stream share one reading of it, and it flows only for them", "[rtsp_outlet]") {
  Bench bench;
  bench.begin();
  std::deque<Player> players;
  for (int i = 0; i < 3; ++i) players.emplace_back(bench).play(i < 2 ? "cam" : "other");
  CHECK(bench.streams.wanted("cam") == 1);
  CHECK(bench.streams.wanted("other") == 1);
  const Bytes cam = picture(1);
  const Bytes other = picture(2);
  for (std::size_t i = 1; i <= 3; ++i) {
    bench.streams.push("cam", cam);
    bench.streams.push("other", other);
    for (Player& player : players) REQUIRE(player.has_frames(i));
  }
  CHECK(test::decode(players[1].frames[0]) == test::decode(cam));
  CHECK(test::decode(players[2].frames[0]) == test::decode(other));
  CHECK(bench.outlet->figures().viewers == 3);
  CHECK(bench.outlet->figures().frames == 9);

  // One that begins later has a picture at once.
  players.emplace_back(bench).play("cam");
  CHECK(players.back().has_frames(1));

  CHECK(players[2].request("TEARDOWN", "other", players[2].session).status == 200);
  CHECK(bench.until([&] { return bench.outlet->figures().viewers == 3; }));
  players.pop_front();
  CHECK(bench.until([&] { return bench.outlet->figures().viewers == 2; }));
  players.clear();
  CHECK(bench.until([&] { return bench.streams.wanted("cam") == 0 && bench.streams.wanted("other") == 0; }));
}

TEST_CASE("a stream is played by UDP to the player's ports, from those that it is told", "[rtsp_outlet]") {
  Bench bench;
  bench.begin();
  auto ports = UdpSocket::bind_pair(bench.at.address);
  REQUIRE(ports);
  Player player(bench);
  const auto transport =
      player.set_up("cam", fmt::format("RTP/AVP;unicast;client_port={}-{}", ports->first.local().port,
                                       ports->second.local().port));
  REQUIRE(transport.server_port);
  REQUIRE(player.request("PLAY", "cam", player.session).status == 200);
  std::array<std::uint8_t, 2'000> room;
  Datagram one{room};
  for (std::size_t i = 1; i <= 5; ++i) {
    bench.streams.push("cam", picture(static_cast<unsigned>(i)));
    REQUIRE(bench.until([&] {
      while (ports->first.receive(std::span(&one, 1)).value_or(0) > 0) {
        CHECK(one.from == NodeId{bench.at.address, transport.server_port->first});
        player.take(one.bytes);
      }
      return player.frames.size() == i;
    }));
  }
  CHECK(test::decode(player.frames[4]) == test::decode(picture(5)));
  REQUIRE(bench.until([&] { return ports->second.receive(std::span(&one, 1)).value_or(0) > 0; }));
  CHECK(one.from.port == transport.server_port->second);
  CHECK(parse_rtcp(one.bytes)->sender);
  // The end of the process is told.
  (void)bench.outlet->finish(false, clock_now());
  REQUIRE(bench.until([&] { return ports->second.receive(std::span(&one, 1)).value_or(0) > 0; }));
  CHECK(parse_rtcp(one.bytes)->byes == std::vector<std::uint32_t>{*transport.ssrc});
  CHECK(bench.outlet->finish(false, clock_now()));
  CHECK(bench.until([&] { return player.read(), player.closed; }));
}

TEST_CASE("a player that stops reading misses whole frames, and others none", "[rtsp_outlet]") {
  Bench bench;
  bench.begin();
  Player slow(bench);
  Player other(bench);
  slow.play("cam");
  other.play("cam");
  slow.reads = false;
  const Bytes large = picture(1, 1'200);
  std::size_t sent = 0;
  while (bench.outlet->figures().frames_skipped < 20 && sent < 2'000) {
    bench.streams.push("cam", large);
    ++sent;
    REQUIRE(other.has_frames(sent));
  }
  CHECK(bench.outlet->figures().frames_skipped >= 20);
  slow.reads = true;
  bench.streams.push("cam", picture(7));
  const auto last = test::decode(picture(7));
  REQUIRE(bench.until([&] {
    slow.read();
    return !slow.frames.empty() && slow.frames.back().size() < large.size() / 2;
  }));
  CHECK(test::decode(slow.frames.back()) == last);
  CHECK(slow.depacketizer.frames_broken() == 0);
  CHECK(slow.frames.size() < sent);
}

TEST_CASE("a stream that is replaced by another goes on for its players", "[rtsp_outlet]") {
  Bench bench;
  bench.begin();
  Player player(bench);
  player.play("cam");
  bench.streams.push("cam", picture(1));
  REQUIRE(player.has_frames(1));
  bench.streams.replace("cam");
  bench.streams.push("cam", picture(2, 480));
  REQUIRE(player.has_frames(2));
  CHECK(test::decode(player.frames[1]) == test::decode(picture(2, 480)));
}

TEST_CASE("the parts of a stream are tracks of one session", "[rtsp_outlet]") {
  Bench bench;
  bench.streams.add("film/audio").info.format = {MediaKind::Audio, "opus", 48'000, 2, 97, ""};
  bench.streams.add("film/video").info.format = {MediaKind::Video, "H264", 90'000, 0, 96, ""};
  bench.begin();
  const auto video = [&](std::uint16_t sequence, bool sync_point) {
    bench.streams.push("film/video", test::packet_frame({.media_time = sequence * 3'600U,
                                                         .first_sequence = sequence,
                                                         .sync_point = sync_point},
                                                        clock_now()));
  };
  Player player(bench);
  player.takes_jpeg = false;
  const auto answer = player.request("DESCRIBE", "film");
  REQUIRE(answer.status == 200);
  const auto sdp = parse_sdp(answer.body);
  REQUIRE(sdp);
  REQUIRE(sdp->media.size() == 2);
  CHECK(sdp->media[0].kind == "video");
  const auto set_up = [&](const std::string& track, const std::string& channels, unsigned status) {
    const auto done = player.request("SETUP", "film/" + track,
                                     "Transport: RTP/AVP/TCP;unicast" + channels + "\r\n" + player.session);
    CHECK(done.status == status);
    if (status == 200) player.session = "Session: " + parse_rtsp_session(*done.find("Session"))->id + "\r\n";
  };
  set_up(sdp->media[0].control, ";interleaved=0-1", 200);
  set_up(sdp->media[1].control, ";interleaved=1-2", 461);
  set_up("trackID=7", "", 404);
  set_up(sdp->media[1].control, ";interleaved=6-7", 200);

  video(1, false);
  video(2, true);
  video(3, false);
  bench.streams.push("film/audio", test::packet_frame({.first_sequence = 50}, clock_now()));
  REQUIRE(bench.until([&] { return bench.outlet->figures().viewers == 0; }));
  const auto played = player.request("PLAY", "film", player.session);
  CHECK(played.find("RTP-Info")->find("/film/trackID=0") != std::string::npos);
  CHECK(played.find("RTP-Info")->find("/film/trackID=1") != std::string::npos);
  // The frames since the sync point at once, and then those that come.
  video(4, false);
  REQUIRE(bench.until(
      [&] { return player.read(), player.packets[0].size() == 3 && player.packets[6].size() == 1; }));
  for (std::uint16_t i = 0; i < 3; ++i) CHECK(parse_rtp(player.packets[0][i])->header.sequence == 2 + i);
  CHECK(player.packets[1].size() == 1);  // reports
  CHECK(player.packets[7].size() == 1);

  // One part has a name of its own.
  Player listener(bench);
  listener.takes_jpeg = false;
  listener.play("film/audio");
  bench.streams.push("film/audio", test::packet_frame({.first_sequence = 51}, clock_now()));
  REQUIRE(bench.until([&] { return listener.read(), listener.packets[0].size() == 1; }));
}

TEST_CASE("an address that is taken is told of, with the flag", "[rtsp_outlet]") {
  Bench bench;
  const auto holder = listen_for_clients(bench.at);
  REQUIRE(holder);
  const auto begun = bench.outlet->begin(bench.streams, clock_now());
  REQUIRE_FALSE(begun);
  CHECK(begun.error().message ==
        fmt::format("--rtsp: cannot listen on 127.0.0.1 port {}: Address already in use: another program "
                    "listens there; choose another port",
                    bench.at.port));
}

}  // namespace
}  // namespace ott
