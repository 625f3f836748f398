#include "media/rtsp_message.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>

namespace ott {
namespace {

ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Read {
  std::vector<RtspMessage> messages;
  std::vector<std::pair<int, std::string>> packets;
  std::string error;
};

Read read_in_pieces(std::string_view stream, std::size_t piece_bytes, RtspReader::Limits limits = {}) {
  RtspReader reader(limits);
  Read read;
  while (!stream.empty()) {
    const MutableByteSpan space = reader.space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), stream.size()});
    std::memcpy(space.data(), stream.data(), bytes);
    reader.advance(bytes);
    stream.remove_prefix(bytes);
    for (;;) {
      auto unit = reader.next();
      if (!unit) {
        read.error = unit.error().message;
        return read;
      }
      if (!*unit) break;
      if (const auto* packet = std::get_if<RtspInterleaved>(&**unit)) {
        read.packets.emplace_back(packet->channel, std::string(packet->data.begin(), packet->data.end()));
      } else {
        read.messages.push_back(std::get<RtspMessage>(**unit));
      }
    }
  }
  return read;
}

Read read_all(std::string_view stream) {
  Read whole = read_in_pieces(stream, stream.size());
  for (const std::size_t piece : {1U, 2U, 7U}) {
    const Read pieces = read_in_pieces(stream, piece);
    CHECK(pieces.messages.size() == whole.messages.size());
    CHECK(pieces.packets == whole.packets);
    CHECK(pieces.error == whole.error);
  }
  return whole;
}

using namespace std::string_literals;

TEST_CASE("Requests, responses and packets come out of one stream, wherever it is cut") {
  const Read read = read_all(
      "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
      "$\1\0\3abc"
      "\r\n\r\nRTSP/1.0 200 OK\r\ncseq:  2 \r\nContent-length: 5\r\nX-Folded: a\r\n b\r\n\r\nv=0\r\n"
      "$\0\0\0"
      "RTSP/1.0 454\nCSEQ: 3\n\n"
      "DESCRIBE rtsp://h/x RTSP/1.0\r\n"s);
  CHECK(read.error.empty());
  REQUIRE(read.messages.size() == 3);
  CHECK(read.messages[0].method == "OPTIONS");
  CHECK(read.messages[0].uri == "*");
  CHECK_FALSE(read.messages[0].is_response());
  CHECK(read.messages[0].cseq() == 1);
  CHECK(read.messages[1].status == 200);
  CHECK(read.messages[1].reason == "OK");
  CHECK(read.messages[1].cseq() == 2);
  CHECK(read.messages[1].body == "v=0\r\n");
  CHECK(*read.messages[1].find("x-folded") == "a b");
  CHECK(read.messages[2].status == 454);
  CHECK(read.messages[2].reason.empty());
  CHECK(read.messages[2].cseq() == 3);
  REQUIRE(read.packets.size() == 2);
  CHECK(read.packets[0] == std::pair(1, "abc"s));
  CHECK(read.packets[1] == std::pair(0, ""s));
}

TEST_CASE("The largest packet comes through") {
  std::string stream = "$\x05\xFF\xFF"s + std::string(kInterleavedBytesMax, 'x');
  const Read read = read_in_pieces(stream + stream, 50'000);
  REQUIRE(read.packets.size() == 2);
  CHECK(read.packets[1].second.size() == kInterleavedBytesMax);
}

TEST_CASE("A message that is written is read again") {
  RtspMessage request;
  request.method = "SETUP";
  request.uri = "rtsp://h/x";
  request.add("CSeq", "7");
  request.body = "hello";
  const std::string text = to_string(request);
  CHECK(text == "SETUP rtsp://h/x RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(to_string(read_all(text).messages.at(0)).find("hello") != std::string::npos);

  RtspMessage response;
  response.status = 401;
  response.reason = "Unauthorized";
  response.add("WWW-Authenticate", "Basic realm=\"a\"");
  response.add("WWW-Authenticate", "Digest realm=\"a\", nonce=\"b\"");
  CHECK(read_all(to_string(response)).messages.at(0).find_all("www-authenticate").size() == 2);

  const auto header = interleaved_header(3, 258);
  CHECK(std::string(header.begin(), header.end()) == "$\x03\x01\x02");
}

TEST_CASE("What is no RTSP is refused, with what it is") {
  const auto error_of = [](const std::string& stream) { return read_all(stream).error; };
  CHECK(error_of("HTTP/1.1 400 Bad Request\r\n\r\n").find("HTTP") != std::string::npos);
  CHECK(error_of("rubbish\r\n").find("'rubbish'") != std::string::npos);
  CHECK_FALSE(error_of("RTSP/1.0 99 OK\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 600 OK\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/x 200 OK\r\n\r\n").empty());
  CHECK_FALSE(error_of("PLAY RTSP/1.0\r\n\r\n").empty());
  CHECK_FALSE(error_of("PL@Y x RTSP/1.0\r\n\r\n").empty());
  CHECK_FALSE(error_of("PLAY x y RTSP/1.0\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\nno header\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\n: empty\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\na b: c\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\n folded: c\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\na: \x01\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\na: b\r\n \x01\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 \x1B[2J\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\nContent-Length: 1x\r\n\r\n").empty());
  CHECK_FALSE(error_of("RTSP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").empty());
  CHECK(error_of("RTSP/1.0 200 OK\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\na").empty());
}

TEST_CASE("What a peer can make a reader keep is bounded") {
  const std::string start = "RTSP/1.0 200 OK\r\n";
  CHECK_FALSE(read_in_pieces(start + std::string(20'000, 'a'), 1000).error.empty());
  CHECK_FALSE(read_in_pieces(std::string(20'000, 'a'), 1000).error.empty());
  CHECK_FALSE(read_in_pieces("$"s + start, 1000, {}).messages.size() > 0);
  std::string many = start;
  for (int i = 0; i < 101; ++i) many += "a: b\r\n";
  CHECK_FALSE(read_in_pieces(many + "\r\n", 1000).error.empty());
  CHECK_FALSE(read_in_pieces(start + "Content-Length: 65537\r\n\r\n", 1000).error.empty());
  CHECK_FALSE(read_in_pieces(start + "Content-Length: 99999999999999999999\r\n\r\n", 1000).error.empty());
  CHECK_FALSE(read_in_pieces(start + "A: b\r\nC: d\r\n\r\n", 1000, {.headers = 1}).error.empty());
  CHECK_FALSE(read_in_pieces(start + "A: b\r\n\r\n", 1000, {.header_bytes = 20}).error.empty());

  RtspReader reader;
  for (int i = 0; i < 1000; ++i) {  // a stream of packets needs no more than one
    const std::string packet = "$\0\x40\0"s + std::string(0x4000, 'x');
    const MutableByteSpan space = reader.space();
    CHECK(space.size() < 200'000);
    std::ranges::copy(bytes_of(packet), space.begin());
    reader.advance(packet.size());
    CHECK(reader.next().value().has_value());
  }
}

TEST_CASE("An error stays") {
  RtspReader reader;
  const std::string stream = "rubbish\r\nRTSP/1.0 200 OK\r\n\r\n";
  std::ranges::copy(bytes_of(stream), reader.space().begin());
  reader.advance(stream.size());
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.next());
}

TEST_CASE("A session has an id and a timeout") {
  CHECK(parse_rtsp_session("12345678")->id == "12345678");
  CHECK(parse_rtsp_session("12345678")->timeout == std::chrono::seconds(60));
  CHECK(parse_rtsp_session(" a-b ; Timeout = 30 ")->id == "a-b");
  CHECK(parse_rtsp_session(" a-b ; Timeout = 30 ")->timeout == std::chrono::seconds(30));
  CHECK(parse_rtsp_session("a;timeout=0")->timeout == std::chrono::seconds(60));
  CHECK(parse_rtsp_session("a;timeout=-5")->timeout == std::chrono::seconds(60));
  CHECK_FALSE(parse_rtsp_session(""));
  CHECK_FALSE(parse_rtsp_session(";timeout=5"));
  CHECK_FALSE(parse_rtsp_session("a b"));
  CHECK_FALSE(parse_rtsp_session(std::string(300, 'a')));
}

TEST_CASE("A transport comes apart and is written again") {
  const auto tcp = parse_rtsp_transports("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=DEADBEEF;mode=\"PLAY\"");
  REQUIRE(tcp);
  REQUIRE(tcp->size() == 1);
  CHECK((*tcp)[0].tcp);
  CHECK((*tcp)[0].interleaved == RtspTransport::Pair(0, 1));
  CHECK((*tcp)[0].ssrc == 0xDEADBEEF);
  CHECK((*tcp)[0].mode == "PLAY");
  CHECK(to_string((*tcp)[0]) == "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=DEADBEEF;mode=\"PLAY\"");

  const auto udp = parse_rtsp_transports(
      "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;source=10.0.0.1, rtp/avp/udp;MULTICAST;"
      "destination=224.2.0.1;port=3456;ttl=16;layers=1");
  REQUIRE(udp);
  REQUIRE(udp->size() == 2);
  CHECK_FALSE((*udp)[0].tcp);
  CHECK((*udp)[0].client_port == RtspTransport::Pair(5000, 5001));
  CHECK((*udp)[0].server_port == RtspTransport::Pair(6000, 6001));
  CHECK((*udp)[0].source == "10.0.0.1");
  CHECK((*udp)[1].multicast);
  CHECK((*udp)[1].destination == "224.2.0.1");
  CHECK((*udp)[1].port == RtspTransport::Pair(3456, 3457));
  CHECK((*udp)[1].ttl == 16);
  CHECK((*udp)[1].profile == "rtp/avp");
  CHECK(parse_rtsp_transports("RTP/AVP/TCP;ssrc= nonsense").value().at(0).tcp);
}

TEST_CASE("A transport with numbers out of range is refused") {
  for (const char* text : {"", "x", "RTP/AVP/SCTP", "RTP/AVP;client_port=0-1", "RTP/AVP;client_port=70000",
                           "RTP/AVP;client_port=5-4", "RTP/AVP;server_port=",
                           "RTP/AVP/TCP;interleaved=255-256", "RTP/AVP;ttl=256", "RTP/AVP, nonsense"}) {
    INFO(text);
    CHECK_FALSE(parse_rtsp_transports(text));
  }
}

}  // namespace
}  // namespace ott
