#include "media/rtsp_client.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace ott {
namespace {

using namespace std::string_literals;
using std::chrono::seconds;

constexpr const char* kSdp =
    "v=0\r\ns=x\r\na=control:*\r\nm=audio 0 RTP/AVP 96\r\na=control:stream=0\r\n"
    "m=video 0 RTP/AVP 26\r\na=control:stream=1\r\n";
constexpr const char* kTwo =
    "v=0\r\ns=x\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=control:stream=0\r\n"
    "m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=control:stream=1\r\n";

RtspClient::Described described(const std::optional<RtspClient::Event>& event) {
  REQUIRE(event);
  REQUIRE(std::holds_alternative<RtspClient::Described>(*event));
  return std::get<RtspClient::Described>(*event);
}

RtspClient::Prepared prepared(const std::optional<RtspClient::Event>& event) {
  REQUIRE(event);
  REQUIRE(std::holds_alternative<RtspClient::Prepared>(*event));
  return std::get<RtspClient::Prepared>(*event);
}

/// A client, and what a server sees and says.
struct Talk {
  explicit Talk(const std::string& url, bool udp = false) : client({parse_url(url).value(), udp, 7}) {
    client.begin(now);
  }

  /// The requests sent since the last call.
  std::vector<RtspMessage> requests() {
    const ByteSpan bytes = client.to_send();
    RtspReader reader;
    std::ranges::copy(bytes, reader.space().begin());
    reader.advance(bytes.size());
    client.sent(bytes.size());
    std::vector<RtspMessage> all;
    while (auto unit = reader.next().value()) all.push_back(std::get<RtspMessage>(*unit));
    return all;
  }
  RtspMessage request(const std::string& method) {
    const auto all = requests();
    REQUIRE(all.size() == 1);
    CHECK(all[0].method == method);
    cseq = all[0].cseq().value();
    return all[0];
  }
  std::optional<RtspClient::Event> say(const std::string& bytes) {
    const MutableByteSpan space = client.space();
    std::ranges::copy(bytes, space.begin());
    client.advance(bytes.size());
    return client.next(now);
  }
  std::optional<RtspClient::Event> answer(const std::string& status, const std::string& headers = "",
                                          const std::string& body = "") {
    return say("RTSP/1.0 " + status + "\r\nCSeq: " + std::to_string(cseq) + "\r\n" + headers +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  /// Answers DESCRIBE; then all that is described is asked for.
  void describe(const std::string& sdp, const std::vector<std::uint16_t>& udp_ports = {},
                const std::string& headers = "") {
    described(answer("200 OK", headers, sdp));
    client.set_up(udp_ports, now);
  }
  /// Up to PLAY.
  void set_up(const std::string& transport = "RTP/AVP/TCP;unicast;interleaved=0-1",
              const std::string& session = "abc;timeout=20") {
    request("OPTIONS");
    CHECK_FALSE(answer("200 OK", "Public: OPTIONS, GET_PARAMETER\r\n"));
    request("DESCRIBE");
    describe(kSdp, {}, "Content-Base: rtsp://cam/live/\r\n");
    request("SETUP");
    prepared(answer("200 OK", "Session: " + session + "\r\nTransport: " + transport + "\r\n"));
    request("PLAY");
  }

  Now now{MonoTime(seconds(1000)), {}};
  RtspClient client;
  std::uint32_t cseq = 0;
};

std::string why(const std::optional<RtspClient::Event>& event) {
  REQUIRE(event);
  REQUIRE(std::holds_alternative<RtspClient::Failed>(*event));
  return std::get<RtspClient::Failed>(*event).why;
}

TEST_CASE("A session is set up, plays, is kept alive and torn down") {
  Talk talk("rtsp://cam/live?channel=1");
  CHECK(talk.requests().at(0).uri == "rtsp://cam/live?channel=1");
  talk.cseq = 1;
  CHECK_FALSE(talk.answer("200 OK", "Public: OPTIONS, DESCRIBE,GET_PARAMETER\r\n"));
  CHECK(*talk.request("DESCRIBE").find("Accept") == "application/sdp");
  talk.describe(kSdp, {}, "Content-Base: rtsp://cam/live/\r\n");
  const RtspMessage setup = talk.request("SETUP");
  CHECK(setup.uri == "rtsp://cam/live/stream=1");
  CHECK(*setup.find("Transport") == "RTP/AVP/TCP;unicast;interleaved=0-1");
  const auto ready = prepared(
      talk.answer("200 OK", "Session: abc;timeout=20\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n"));
  REQUIRE(ready.tracks.size() == 1);
  CHECK(ready.tracks[0].part == RtpPart{});
  const RtspMessage play = talk.request("PLAY");
  CHECK(play.uri == "rtsp://cam/live/");
  CHECK(*play.find("Session") == "abc");

  // Packets may be faster than the answer to PLAY.
  CHECK(std::holds_alternative<RtspClient::Packet>(talk.say("$\2\0\3rtp"s).value()));
  CHECK(std::holds_alternative<RtspClient::Playing>(talk.answer("200 OK").value()));
  const auto packet = talk.say("$\2\0\3rtp"s);
  REQUIRE(packet);
  CHECK_FALSE(std::get<RtspClient::Packet>(*packet).rtcp);
  CHECK(std::get<RtspClient::Packet>(*packet).bytes.size() == 3);
  CHECK(std::get<RtspClient::Packet>(*talk.say("$\3\0\1c"s)).rtcp);
  CHECK_FALSE(talk.say("$\0\0\1x"s));  // of no channel of ours

  talk.now.mono += seconds(9);
  CHECK(std::get<RtspClient::Packet>(*talk.say("$\2\0\3rtp"s)).bytes.size() == 3);
  CHECK_FALSE(talk.client.next(talk.now));
  CHECK(talk.requests().empty());
  talk.now.mono += seconds(1);
  CHECK(talk.client.next_deadline() <= talk.now.mono);
  CHECK_FALSE(talk.client.next(talk.now));
  CHECK(*talk.request("GET_PARAMETER").find("Session") == "abc");
  CHECK_FALSE(talk.answer("200 OK"));
  CHECK(talk.client.next_deadline() == talk.now.mono + seconds(9));  // silence

  talk.client.end(talk.now);
  CHECK(*talk.request("TEARDOWN").find("Session") == "abc");
  CHECK_FALSE(talk.client.next(talk.now));
}

TEST_CASE("The control attribute means what servers mean by it") {
  const auto uri = [](const std::string& base, const std::string& control) {
    return rtsp_control_uri(parse_url(base).value(), control).value_or("error");
  };
  CHECK(uri("rtsp://cam/live", "*") == "rtsp://cam/live");
  CHECK(uri("rtsp://cam/live/", "") == "rtsp://cam/live/");
  CHECK(uri("rtsp://cam/live/", "stream=0") == "rtsp://cam/live/stream=0");
  CHECK(uri("rtsp://cam/live", "trackID=1") == "rtsp://cam/live/trackID=1");
  CHECK(uri("rtsp://cam/realmonitor?channel=1&subtype=0", "trackID=0") ==
        "rtsp://cam/realmonitor?channel=1&subtype=0/trackID=0");
  CHECK(uri("rtsp://cam/live", "rtsp://cam:554/x/track1") == "rtsp://cam:554/x/track1");
  CHECK(uri("rtsp://cam/live/a", "/other") == "rtsp://cam/other");
  CHECK(uri("rtsp://u:p@cam/live", "track1") == "rtsp://cam/live/track1");
  CHECK(uri("rtsp://cam/live", "a b") == "error");
}

TEST_CASE("UDP is asked for with the ports that are bound") {
  Talk talk("rtsp://cam/live", true);
  talk.request("OPTIONS");
  talk.answer("501 Not Implemented");  // there are such cameras
  talk.request("DESCRIBE");
  talk.describe(kSdp, {5000});
  const RtspMessage setup = talk.request("SETUP");
  CHECK(setup.uri == "rtsp://cam/live/stream=1");
  CHECK(*setup.find("Transport") == "RTP/AVP;unicast;client_port=5000-5001");
  const auto ready = prepared(talk.answer(
      "200 OK",
      "Session: abc;timeout=4\r\nTransport: RTP/AVP;unicast;client_port=5000-5001;source=10.0.0.1\r\n"));
  CHECK(ready.tracks[0].transport.source == "10.0.0.1");
  talk.request("PLAY");
  CHECK(std::holds_alternative<RtspClient::Playing>(talk.answer("200 OK").value()));
  CHECK_FALSE(talk.say("$\0\0\1x"s));  // nothing interleaved was agreed

  // Nothing comes: it is kept alive, and then given up.
  talk.now.mono += seconds(2);
  CHECK_FALSE(talk.client.next(talk.now));
  talk.request("OPTIONS");
  talk.now.mono += seconds(8);
  CHECK(why(talk.client.next(talk.now)).find("a firewall may keep UDP out") != std::string::npos);
  talk.client.end(talk.now);
  talk.request("TEARDOWN");  // it may be sending
}

TEST_CASE("A server that sends no interleaved is asked again for UDP") {
  Talk talk("rtsp://cam/live");
  talk.request("OPTIONS");
  talk.answer("200 OK");
  talk.request("DESCRIBE");
  talk.describe(kSdp);
  talk.request("SETUP");
  const auto event = talk.answer("461 Unsupported Transport");
  REQUIRE(event);
  CHECK(std::holds_alternative<RtspClient::NeedsUdp>(*event));
  CHECK_FALSE(talk.client.next(talk.now));
}

TEST_CASE("A challenge is answered, for the rest of the session") {
  Talk talk("rtsp://admin:geheim@cam/live");
  CHECK(talk.request("OPTIONS").find("Authorization") == nullptr);
  CHECK_FALSE(talk.answer("401 Unauthorized",
                          "WWW-Authenticate: Basic realm=\"x\"\r\n"
                          "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n"));
  const RtspMessage again = talk.request("OPTIONS");
  CHECK(again.cseq() == 2);
  CHECK(again.uri == "rtsp://cam/live");
  CHECK(again.find("Authorization")->starts_with("Digest username=\"admin\""));
  talk.answer("200 OK");
  CHECK(talk.request("DESCRIBE").find("Authorization") != nullptr);
  CHECK_FALSE(
      talk.answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"x\", nonce=\"m\", stale=true\r\n"));
  CHECK(talk.request("DESCRIBE").find("Authorization")->find("nonce=\"m\"") != std::string::npos);
  const auto refused =
      talk.answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"x\", nonce=\"k\"\r\n");
  CHECK(why(refused).find("refuses the user or the password") != std::string::npos);
  CHECK(std::get<RtspClient::Failed>(*refused).lasting);
}

TEST_CASE("A redirect leads to another session, and a stranger gets no password") {
  const auto location = [](const std::string& to) {
    Talk talk("rtsp://u:p@cam/live");
    talk.request("OPTIONS");
    talk.answer("200 OK");
    talk.request("DESCRIBE");
    return talk.answer("302 Moved", "Location: " + to + "\r\n");
  };
  const auto same = location("rtsp://cam/other");
  REQUIRE(same);
  CHECK(to_string(std::get<RtspClient::Redirected>(*same).url) == "rtsp://cam/other");
  CHECK(std::get<RtspClient::Redirected>(*same).url.password == "p");
  CHECK_FALSE(std::get<RtspClient::Redirected>(*location("rtsp://else/other")).url.has_user);
  CHECK(why(location("http://u:geheim@cam/")).find("geheim") == std::string::npos);
  CHECK(why(location("a b")).find("redirects") != std::string::npos);

  Talk talk("rtsp://cam/live");
  talk.set_up();
  talk.answer("200 OK");
  const auto moved = talk.say("REDIRECT rtsp://cam/live RTSP/1.0\r\nCSeq: 9\r\nLocation: rtsp://b/x\r\n\r\n");
  CHECK(std::get<RtspClient::Redirected>(*moved).url.host == "b");
}

TEST_CASE("What a server asks of its client is answered") {
  Talk talk("rtsp://cam/live");
  talk.set_up();
  talk.answer("200 OK");
  CHECK_FALSE(talk.say("OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\nANNOUNCE * RTSP/1.0\r\nCSeq: 78\r\n\r\n"));
  const auto answers = talk.requests();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].status == 200);
  CHECK(answers[0].cseq() == 77);
  CHECK(answers[1].status == 501);

  std::optional<RtspClient::Event> event;
  for (int i = 0; i < 10'000 && !event; ++i) event = talk.say("OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n");
  CHECK_FALSE(why(event).empty());  // it never reads
}

TEST_CASE("All media that can be taken are set up in one session") {
  Talk talk("rtsp://cam/live");
  talk.request("OPTIONS");
  talk.answer("200 OK");
  talk.request("DESCRIBE");
  const auto what = described(
      talk.answer("200 OK", "Content-Base: rtsp://cam/live/\r\n",
                  "SDP:\r\n" + std::string(kTwo) +
                      "x\r\nm=application 0 RTP/AVP 98\r\na=control:stream=2\r\nm=video 0 RTP/SAVP 26\r\n"));
  REQUIRE(what.parts.size() == 2);
  CHECK(what.parts[0].format == MediaFormat{MediaKind::Audio, "PCMU", 8'000, 1, 0, ""});
  CHECK(what.parts[1].format == MediaFormat{MediaKind::Video, "H264", 90'000, 0, 97, ""});
  REQUIRE(what.unusable.size() == 4);
  CHECK(what.unusable[2] == "SDP line 1, 'SDP:': not TYPE=VALUE");
  CHECK(what.unusable[3] == "SDP line 10, 'x': not TYPE=VALUE");
  CHECK(what.unusable[0].starts_with("SDP line 11, application RTP/AVP: no a=rtpmap"));
  CHECK_FALSE(talk.client.next(talk.now));
  talk.client.set_up({}, talk.now);
  CHECK(*talk.request("SETUP").find("Transport") == "RTP/AVP/TCP;unicast;interleaved=0-1");
  CHECK_FALSE(talk.answer("200 OK", "Session: abc\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n"));
  CHECK_FALSE(talk.say("$\4\0\1x"s));  // it does not play yet
  const RtspMessage second = talk.request("SETUP");
  CHECK(second.uri == "rtsp://cam/live/stream=1");
  CHECK(*second.find("Session") == "abc");
  CHECK(*second.find("Transport") == "RTP/AVP/TCP;unicast;interleaved=2-3");
  const auto ready = prepared(talk.answer("200 OK", "Session: abc\r\n"));
  REQUIRE(ready.tracks.size() == 2);
  CHECK(talk.request("PLAY").uri == "rtsp://cam/live/");
  CHECK(std::get<RtspClient::Packet>(*talk.say("$\4\0\1x"s)).track == 0);
  CHECK(std::get<RtspClient::Packet>(*talk.say("$\3\0\1x"s)).track == 1);
  CHECK(std::get<RtspClient::Packet>(*talk.say("$\3\0\1x"s)).rtcp);
}

TEST_CASE("One of several media that the server refuses is left out") {
  const bool first = GENERATE(true, false);
  Talk talk("rtsp://cam/live");
  talk.request("OPTIONS");
  talk.answer("200 OK");
  talk.request("DESCRIBE");
  talk.describe(kTwo);
  talk.request("SETUP");
  const auto none = first ? talk.answer("404 Not Found") : talk.answer("200 OK", "Session: abc\r\n");
  CHECK_FALSE(none.has_value());
  talk.request("SETUP");
  const auto ready =
      prepared(first ? talk.answer("200 OK", "Session: abc\r\n") : talk.answer("404 Not Found"));
  REQUIRE(ready.tracks.size() == 1);
  CHECK(ready.tracks[0].described == (first ? 1U : 0U));
  REQUIRE(ready.unusable.size() == 1);
  CHECK(ready.unusable[0] == (first ? "audio PCMU 8000 Hz: SETUP is answered with 404 Not Found"
                                    : "video H264: SETUP is answered with 404 Not Found"));
  talk.request("PLAY");
}

TEST_CASE("A server that offers nothing that can be taken is told so") {
  Talk talk("rtsp://cam/live");
  talk.request("OPTIONS");
  talk.answer("200 OK");
  talk.request("DESCRIBE");
  const auto event = talk.answer(
      "200 OK", "", "m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 98\r\n");
  CHECK(why(event).find("H264 video and RTP/AVP audio") != std::string::npos);
  CHECK(why(event).find("RTP/SAVP is not taken") != std::string::npos);
  CHECK(std::get<RtspClient::Failed>(*event).lasting);
}

TEST_CASE("Refusals, rubbish and silence end the session with what happened") {
  const auto after_options = [](const std::string& status, const std::string& headers,
                                const std::string& body) {
    Talk talk("rtsp://cam/live");
    talk.request("OPTIONS");
    talk.answer("200 OK");
    talk.request("DESCRIBE");
    return why(talk.answer(status, headers, body));
  };
  CHECK(after_options("404 Not Found", "", "") == "DESCRIBE is answered with 404 Not Found");
  CHECK(after_options("200 OK", "", "m=video\r\n").find("SDP line 1") != std::string::npos);
  CHECK(after_options("200 OK", "", "").find("offers nothing") != std::string::npos);
  CHECK(after_options("200 OK", "", "junk\r\n") == "it offers nothing: SDP line 1, 'junk': not TYPE=VALUE");
  CHECK(after_options("200 OK", "", "m=video 0 RTP/AVP 26\r\na=control:a b\r\n").find("'a b'") !=
        std::string::npos);
  CHECK(after_options("302 Moved", "", "").find("nowhere") != std::string::npos);

  const auto after_describe = [](const std::string& headers) {
    Talk talk("rtsp://cam/live");
    talk.request("OPTIONS");
    talk.answer("200 OK");
    talk.request("DESCRIBE");
    talk.describe(kSdp);
    talk.request("SETUP");
    return why(talk.answer("200 OK", headers));
  };
  CHECK(after_describe("").find("no session") != std::string::npos);
  CHECK(after_describe("Session: x\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n")
            .find("not as it was asked") != std::string::npos);
  CHECK_FALSE(after_describe("Session: x\r\nTransport: nonsense\r\n").empty());

  Talk rubbish("rtsp://cam/live");
  CHECK_FALSE(why(rubbish.say("HTTP/1.0 400 Bad\r\n\r\n")).empty());
  CHECK(rubbish.client.next_deadline() == MonoTime::max());

  Talk silent("rtsp://cam/live");
  silent.now.mono = silent.client.next_deadline();
  CHECK(why(silent.client.next(silent.now)) == "no answer to OPTIONS within 10 s");

  Talk stopped("rtsp://cam/live");
  stopped.set_up("RTP/AVP/TCP;unicast;interleaved=0-1", "abc");
  CHECK(std::holds_alternative<RtspClient::Playing>(*stopped.answer("200 OK")));
  CHECK(stopped.client.playing());
  stopped.now.mono += seconds(9);
  CHECK(stopped.say("$\0\0\1x"s));
  stopped.now.mono += seconds(9);
  CHECK_FALSE(stopped.client.next(stopped.now));
  stopped.now.mono += seconds(1);
  CHECK(why(stopped.client.next(stopped.now)) == "no packet within 10 s");
}

TEST_CASE("A camera that answers no keep-alive plays on, one that has ended the session does not") {
  Talk talk("rtsp://cam/live");
  talk.set_up();
  talk.answer("200 OK");
  for (int i = 0; i < 30; ++i) {
    talk.now.mono += seconds(1);
    CHECK(std::holds_alternative<RtspClient::Packet>(talk.say("$\0\0\1x"s).value()));
    CHECK_FALSE(talk.client.next(talk.now));
  }
  const auto all = talk.requests();
  REQUIRE(all.size() >= 2);
  talk.cseq = all.back().cseq().value();
  CHECK(why(talk.answer("454 Session Not Found")).find("ended the session") != std::string::npos);
}

TEST_CASE("A late answer is no answer to the next request") {
  Talk talk("rtsp://cam/live");
  talk.request("OPTIONS");
  talk.answer("200 OK");
  talk.request("DESCRIBE");
  CHECK_FALSE(talk.say("RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n"));
  CHECK_FALSE(talk.say("RTSP/1.0 100 Continue\r\nCSeq: 2\r\n\r\n"));
  talk.describe(kSdp);
  talk.request("SETUP");
}

}  // namespace
}  // namespace ott
