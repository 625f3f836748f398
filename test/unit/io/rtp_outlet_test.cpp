#include "io/rtp_outlet.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "../media/jpeg_helpers.h"
#include "../media/made_packets.h"
#include "fake_streams.h"
#include "io/driver.h"
#include "io/worker_pool.h"
#include "media/sdp.h"

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

class LinesLog : public Log {
 public:
  void line(LogLevel, const std::string& text) override { lines.push_back(text); }
  std::vector<std::string> lines;
};

/// A receiver of RTP and RTCP at two adjacent ports of 127.0.0.1.
struct Receiver {
  std::pair<UdpSocket, UdpSocket> sockets = std::move(*UdpSocket::bind_pair(*parse_ip("127.0.0.1")));
  RtpJpegDepacketizer depacketizer;
  std::vector<Bytes> frames;
  std::vector<RtcpPacket> reports;
  std::vector<std::uint32_t> timestamps;
  NodeId reports_from;

  void read() {
    std::array<std::uint8_t, 2'000> room;
    Datagram one{room};
    while (sockets.first.receive(std::span(&one, 1)).value_or(0) > 0) {
      CHECK(one.bytes.size() <= kRtpDatagramBytesMax);
      const auto pushed = depacketizer.push(one.bytes);
      REQUIRE(pushed);
      if (!*pushed) continue;
      frames.emplace_back((*pushed)->begin(), (*pushed)->end());
      timestamps.push_back(parse_rtp(one.bytes)->header.timestamp);
    }
    while (sockets.second.receive(std::span(&one, 1)).value_or(0) > 0) {
      const auto packet = parse_rtcp(one.bytes);
      REQUIRE(packet);
      reports.push_back(*packet);
      reports_from = one.from;
    }
  }
  [[nodiscard]] std::string at() const { return "127.0.0.1:" + std::to_string(sockets.first.local().port); }
};

struct Bench {
  LoopPtr loop = std::move(*make_loop());
  WorkerPool workers;
  LinesLog log;
  test::FakeStreams streams;

  std::unique_ptr<RtpOutlet> outlet(const std::string& to, const std::string& sdp = {}) {
    auto destinations = parse_rtp_destinations(to);
    REQUIRE(destinations);
    auto outlet =
        std::make_unique<RtpOutlet>(RtpOutlet::Config{"cam", *destinations, sdp}, loop.get(), workers, log);
    REQUIRE(outlet->begin(streams, clock_now()));
    return outlet;
  }
  bool until(const std::function<bool()>& condition) const { return test::run_until(loop.get(), condition); }
};

Bytes picture(unsigned seed, unsigned width = 320) {
  test::JpegOptions options;
  options.width = width;
  options.height = 240;
  options.seed = seed;
  return test::make_jpeg(options);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("frames go to each receiver, with reports, and BYE at the end", "[rtp_outlet]") {
  Bench bench;
  bench.streams.add("cam");
  std::array<Receiver, 2> receivers;
  const auto outlet = bench.outlet(receivers[0].at() + "," + receivers[1].at());
  std::vector<Bytes> sent;
  for (unsigned i = 0; i < 3; ++i) {
    sent.push_back(picture(i));
    bench.streams.push("cam", sent.back());
    CHECK(bench.until([&] {
      for (Receiver& receiver : receivers) receiver.read();
      return receivers[0].frames.size() == i + 1 && receivers[1].frames.size() == i + 1;
    }));
  }
  for (unsigned i = 0; i < 3; ++i) {
    CHECK(test::decode(receivers[0].frames[i]) == test::decode(sent[i]));
    CHECK(receivers[1].frames[i] == receivers[0].frames[i]);
  }
  REQUIRE(bench.until([&] { return receivers[0].read(), !receivers[0].reports.empty(); }));
  CHECK(receivers[0].reports[0].sender);
  CHECK(receivers[0].reports[0].sender->rtp_timestamp - receivers[0].timestamps[0] < 90'000);

  // A receiver reports.
  RtcpPacket report;
  report.ssrc = 1;
  report.cname = "receiver";
  report.reports = {{receivers[0].reports[0].ssrc, 0, 0, 0, 0, 0, 0}};
  const Bytes bytes = write_rtcp(report);
  const ByteSpan datagram = bytes;
  REQUIRE(receivers[0].sockets.second.send(std::span(&datagram, 1), receivers[0].reports_from));
  CHECK(bench.until([&] { return outlet->figures().viewers == 1; }));
  CHECK(outlet->figures().frames == 3);
  CHECK(outlet->figures().kind == "rtp");
  CHECK(outlet->figures().at == receivers[0].at() + "," + receivers[1].at());

  CHECK(outlet->finish(false, clock_now()));
  CHECK(bench.until([&] { return receivers[1].read(), !receivers[1].reports.back().byes.empty(); }));
  CHECK(bench.streams.wanted("cam") == 0);
}

TEST_CASE("the SDP file says what comes, and says it anew when the size changes", "[rtp_outlet]") {
  Bench bench;
  bench.streams.add("cam");
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("cam.sdp");
  Receiver receiver;
  const auto outlet = bench.outlet(receiver.at(), path);
  const auto size = [&path] {
    const auto sdp = parse_sdp(read_file(path));
    return sdp && !sdp->media.empty() ? sdp->media[0].size : std::nullopt;
  };
  CHECK_FALSE(size());
  bench.streams.push("cam", picture(1));
  REQUIRE(bench.until([&] { return size() == SdpSize{320, 240}; }));
  const auto sdp = parse_sdp(read_file(path));
  REQUIRE(sdp);
  CHECK(sdp->name == "cam");
  CHECK(sdp->media.at(0).port == receiver.sockets.first.local().port);
  CHECK(sdp->connection->address == "127.0.0.1");
  CHECK(sdp->media.at(0).fps == 25.0);

  bench.streams.push("cam", picture(2, 640));
  REQUIRE(bench.until([&] { return size() == SdpSize{640, 240}; }));
  CHECK(parse_sdp(read_file(path))->origin.version > sdp->origin.version);
}

/// Sockets of a host at ports from an even one on that are free: RTP and RTCP of three kinds of media.
struct PartsReceiver {
  std::vector<UdpSocket> sockets;
  std::uint16_t port = 0;

  PartsReceiver() {
    for (std::uint16_t first = 21'000; sockets.size() < 6 && first < 40'000; first += 6) {
      sockets.clear();
      for (std::uint16_t i = 0; i < 6; ++i) {
        auto bound = UdpSocket::bind({*parse_ip("127.0.0.1"), static_cast<std::uint16_t>(first + i)});
        if (!bound) break;
        sockets.push_back(std::move(*bound));
      }
      port = first;
    }
    REQUIRE(sockets.size() == 6);
  }
  std::vector<Bytes> read(std::size_t socket) {
    std::array<std::uint8_t, 2'000> room;
    Datagram one{room};
    std::vector<Bytes> packets;
    while (sockets[socket].receive(std::span(&one, 1)).value_or(0) > 0)
      packets.emplace_back(one.bytes.begin(), one.bytes.end());
    return packets;
  }
};

TEST_CASE("the parts of a stream go to ports that say what they are, with one SDP", "[rtp_outlet]") {
  Bench bench;
  bench.streams.add("cam/text").info.format = {MediaKind::Text, "t140", 1'000, 0, 98, ""};
  bench.streams.add("cam/audio").info.format = {MediaKind::Audio, "opus", 48'000, 2, 97, "sprop-stereo=1"};
  bench.streams.add("cam/video").info.format = {MediaKind::Video, "H264", 90'000, 0, 96, ""};
  bench.streams.add("other");
  const test::TemporaryDirectory directory;
  const std::string path = directory.path("cam.sdp");
  PartsReceiver receiver;
  const auto outlet = bench.outlet("127.0.0.1:" + std::to_string(receiver.port), path);
  REQUIRE(bench.until([&] { return !read_file(path).empty(); }));
  const auto sdp = parse_sdp(read_file(path));
  REQUIRE(sdp);
  CHECK(sdp->name == "cam");
  REQUIRE(sdp->media.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(sdp->media[i].kind == std::array{"video", "audio", "text"}[i]);
    CHECK(sdp->media[i].port == receiver.port + 2 * i);
  }
  CHECK(sdp->media[1].formats.at(0).parameters == "sprop-stereo=1");

  bench.streams.push("cam/video", test::packet_frame({.packets = 3, .payload_bytes = 1'000}, clock_now()));
  bench.streams.push("cam/audio", test::packet_frame({.media_time = 960}, clock_now()));
  bench.streams.push("cam/text", test::packet_frame({.media_time = 20}, clock_now()));
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<Bytes> packets;
    REQUIRE(bench.until([&] {
      for (Bytes& packet : receiver.read(2 * i)) packets.push_back(std::move(packet));
      return packets.size() == (i == 0 ? 3 : 1);
    }));
    CHECK(parse_rtp(packets[0])->header.payload_type == 96);
    const auto reports = receiver.read(2 * i + 1);
    REQUIRE(reports.size() == 1);  // before the packets, but of another socket
    CHECK(parse_rtcp(reports[0])->sender->rtp_timestamp - parse_rtp(packets[0])->header.timestamp < 1'000);
  }
  CHECK(outlet->figures().frames == 3);

  // One that cannot go as a datagram is named once, and the others go on.
  for (int i = 0; i < 3; ++i)
    bench.streams.push("cam/video", test::packet_frame({.payload_bytes = 1'500}, clock_now()));
  CHECK(bench.log.lines ==
        std::vector<std::string>{"--rtp: a packet of 'cam/video' has more than the 1452 bytes "
                                 "of a datagram, and is left out"});
  CHECK(outlet->finish(true, clock_now()));
}

TEST_CASE("a part that is alone goes to the port that is named", "[rtp_outlet]") {
  Bench bench;
  bench.streams.add("cam").info.format = {MediaKind::Audio, "PCMU", 8'000, 1, 0, ""};
  const test::TemporaryDirectory directory;
  const auto outlet = bench.outlet("127.0.0.1:40000", directory.path("cam.sdp"));
  REQUIRE(bench.until([&] { return !read_file(directory.path("cam.sdp")).empty(); }));
  CHECK(read_file(directory.path("cam.sdp")).find("m=audio 40000 RTP/AVP 0\r\n") != std::string::npos);
}

TEST_CASE("an SDP file that cannot be written is told of", "[rtp_outlet]") {
  Bench bench;
  bench.streams.add("cam");
  Receiver receiver;
  auto destinations = parse_rtp_destinations(receiver.at());
  RtpOutlet outlet({"cam", *destinations, "/nowhere/cam.sdp"}, bench.loop.get(), bench.workers, bench.log);
  const auto begun = outlet.begin(bench.streams, clock_now());
  REQUIRE_FALSE(begun);
  CHECK(begun.error().message ==
        "--sdp: cannot write '/nowhere/cam.sdp': there is no directory '/nowhere'; make it first");
}

TEST_CASE("hosts and groups to send to are read from the command line", "[rtp_outlet]") {
  const auto one = parse_rtp_destinations("239.1.1.1:5004?ttl=8&interface=eth0,[2001:db8::7]:6000");
  REQUIRE(one);
  REQUIRE(one->size() == 2);
  CHECK(to_string((*one)[0].at) == "239.1.1.1:5004");
  CHECK((*one)[0].ttl == 8);
  CHECK((*one)[0].interface == "eth0");
  CHECK((*one)[1].at.port == 6'000);
  CHECK((*one)[1].ttl == 1);

  const auto why = [](const std::string& text) {
    const auto parsed = parse_rtp_destinations(text);
    return parsed ? "nothing" : parsed.error().message;
  };
  CHECK(why("10.0.0.7") == "'10.0.0.7': it needs a port, as in 10.0.0.7:5004 or [2001:db8::7]:5004");
  CHECK(why("2001:db8::7") == "'2001:db8::7': it needs a port, as in 10.0.0.7:5004 or [2001:db8::7]:5004");
  CHECK(why("10.0.0.7:65535") == "'10.0.0.7:65535': its port is from 1 to 65534: RTCP takes the next one");
  CHECK(why("10.0.0.7:1?ttl=0") == "'10.0.0.7:1?ttl=0': ttl= is a number from 1 to 255");
  CHECK(why("10.0.0.7:1?hops=3") == "'10.0.0.7:1?hops=3': 'hops=3' is none of ttl=N and interface=NAME");
  CHECK(why("10.0.0.7:1,") == "nothing");
  CHECK_FALSE(parse_rtp_destinations(""));
}

}  // namespace
}  // namespace ott
