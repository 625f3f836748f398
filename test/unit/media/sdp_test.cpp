#include "media/sdp.h"

#include <catch2/catch.hpp>

#include "media/rtp_part.h"

namespace ott {
namespace {

// As GStreamer's server writes it, with what it has for other media.
constexpr const char* kCamera =
    "v=0\r\no=- 16246338290541112613 1 IN IP4 10.0.0.9\r\ns=Session streamed with GStreamer\r\n"
    "i=rtsp-server\r\nt=0 0\r\na=tool:GStreamer\r\na=type:broadcast\r\na=control:*\r\na=range:npt=now-\r\n"
    "m=audio 0 RTP/AVP 0 97\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:97 L16/44100/2\r\na=control:stream=1\r\n"
    "m=video 0 RTP/AVP 26 96\r\nc=IN IP4 0.0.0.0\r\nb=AS:2000\r\na=framesize:26 "
    "640-360\r\na=framerate:29.97\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 "
    "packetization-mode=1;sprop=abc==\r\na=control:stream=0\r\na=recvonly\r\n";

TEST_CASE("A camera's description comes apart") {
  const auto sdp = parse_sdp(kCamera);
  REQUIRE(sdp);
  CHECK(sdp->origin.session == 16246338290541112613ULL);
  CHECK(sdp->origin.address == "10.0.0.9");
  CHECK(sdp->name == "Session streamed with GStreamer");
  CHECK(sdp->information == "rtsp-server");
  CHECK(sdp->control == "*");
  CHECK(sdp->other.size() == 3);
  REQUIRE(sdp->media.size() == 2);

  const SdpMedia& audio = sdp->media[0];
  CHECK(audio.kind == "audio");
  REQUIRE(audio.formats.size() == 2);
  CHECK(audio.formats[0].encoding == "PCMU");
  CHECK(audio.formats[0].clock_rate == 8000);
  CHECK(audio.formats[1].encoding == "L16");
  CHECK(audio.formats[1].channels == 2);

  const SdpMedia& video = sdp->media[1];
  CHECK(video.kind == "video");
  CHECK(video.protocol == "RTP/AVP");
  CHECK(video.control == "stream=0");
  CHECK(video.formats[0].encoding == "JPEG");
  CHECK(video.formats[0].clock_rate == 90000);
  CHECK(video.formats[1].encoding == "H264");
  CHECK(video.formats[1].parameters == "packetization-mode=1;sprop=abc==");
  CHECK(video.size == SdpSize{640, 360});
  CHECK(video.fps == Approx(29.97));
  CHECK(video.bandwidth_kbps == 2000);
  CHECK(video.direction == SdpDirection::ReceiveOnly);
  CHECK(sdp->connection_of(video)->address == "0.0.0.0");
  CHECK(offered(*sdp) == "PCMU audio and JPEG video");
}

TEST_CASE("A description that is written is read again") {
  const auto sdp = parse_sdp(kCamera);
  REQUIRE(sdp);
  const std::string text = to_string(*sdp);
  const auto again = parse_sdp(text);
  REQUIRE(again);
  CHECK(to_string(*again) == text);
  CHECK(again->media[1].size == SdpSize{640, 360});
}

TEST_CASE("Multicast has a TTL and may have sources") {
  const auto sdp = parse_sdp(
      "v=0\nc=IN IP4 232.1.2.3/16/2\na=source-filter: incl IN IP4 232.1.2.3 10.0.0.1 10.0.0.2\n"
      "m=video 5004 RTP/AVP 26\nm=video 5006/2 RTP/AVP 26\nc=IN IP6 ff15::1\n"
      "a=source-filter:excl IN IP6 * 2001:db8::1\n");
  REQUIRE(sdp);
  REQUIRE(sdp->media.size() == 2);
  CHECK(sdp->connection_of(sdp->media[0])->address == "232.1.2.3");
  CHECK(sdp->connection_of(sdp->media[0])->ttl == 16);
  CHECK(sdp->source_filter_of(sdp->media[0])->sources == std::vector<std::string>{"10.0.0.1", "10.0.0.2"});
  CHECK(sdp->media[0].port == 5004);
  CHECK(sdp->media[1].port == 5006);
  CHECK(sdp->connection_of(sdp->media[1])->address == "ff15::1");
  CHECK(sdp->source_filter_of(sdp->media[1])->exclude);
  const auto again = parse_sdp(to_string(*sdp));
  REQUIRE(again);
  CHECK(again->connection->ttl == 16);
  CHECK(again->media[1].source_filter->destination == "*");
}

TEST_CASE("What cameras leave out, or write in their own way, is understood") {
  const auto sdp = parse_sdp(
      "junk\n\nm=video 0 RTP/AVP 96\na=rtpmap:96 JPEG/90000\na=x-dimensions: 2592, 1944\n"
      "a=framerate:30000/1001\nx=what\na=fmtp:97 of nobody\na=rtpmap:97 H264/90000\n"
      "m=application 0 RTP/AVP 107\na=rtpmap:107 vnd.onvif.metadata/90000\n"
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"
      "m=video 0 RTP/AVP 26\na=fmtp:26 a=b; x-dimensions=1280,720\n");
  REQUIRE(sdp);
  REQUIRE(sdp->media.size() == 4);
  CHECK(sdp->media[0].formats[0].encoding == "JPEG");
  CHECK(sdp->media[0].size == SdpSize{2592, 1944});
  CHECK(sdp->media[0].fps == Approx(29.97).epsilon(0.001));
  CHECK(sdp->media[1].formats[0].encoding == "vnd.onvif.metadata");
  CHECK(sdp->media[2].formats.empty());
  CHECK(sdp->media[3].size == SdpSize{1280, 720});
  CHECK(offered(*sdp) ==
        "JPEG video, vnd.onvif.metadata application, UDP/DTLS/SCTP application and JPEG video");
  CHECK(parse_sdp("")->media.empty());
  CHECK(offered(*parse_sdp("")) == "nothing");
}

TEST_CASE("What cannot be is refused with its line") {
  for (const char* line :
       {"v=1", "m=video", "m=video x RTP/AVP 26", "m=video 65536 RTP/AVP 26", "m=video 0 RTP/AVP 128",
        "c=IN IP4", "c=XX IP4 1.2.3.4", "c=IN IP4 224.0.0.1/256", "a=source-filter: maybe IN IP4 * 1.2.3.4",
        "a=source-filter: incl IN IP4 *", "s=\x01x"}) {
    INFO(line);
    const auto sdp = parse_sdp("s=x\n" + std::string(line) + "\n");
    REQUIRE_FALSE(sdp);
    CHECK(sdp.error().message.find("line 2") != std::string::npos);
  }
}

TEST_CASE("A line of one of the media that cannot be leaves the others as they are") {
  for (const char* line :
       {"m=audio", "m=audio 0 RTP/AVP 0\nc=IN IP4", "m=audio 0 RTP/AVP 128\na=rtpmap:0 x/1"}) {
    INFO(line);
    const auto sdp = parse_sdp("s=x\nm=video 0 RTP/AVP 26\n" + std::string(line) + "\nm=text 0 RTP/AVP 0\n");
    REQUIRE(sdp);
    REQUIRE(sdp->media.size() == 3);
    CHECK(sdp->media[0].flaw.empty());
    CHECK(sdp->media[1].kind == "audio");
    CHECK(sdp->media[1].flaw.find("SDP line ") == 0);
    CHECK(sdp->media[2].flaw.empty());
  }
}

TEST_CASE("A line that says nothing usable of one of the media is named, and the media is taken without it") {
  const auto sdp = parse_sdp(
      "v=0\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:97 profile-level-id=42\r\n"
      "a=framerate:fast\r\na=framesize:96 wide\r\na=rtcp:zzz\r\na=framerate:25\r\n"
      "m=audio 5002 RTP/AVP 0\r\n");
  REQUIRE(sdp);
  const std::vector<std::string>& lines = sdp->media[0].passed_over;
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "SDP line 4, 'a=fmtp:97 profile-level-id=42': not a payload type of its m= line");
  CHECK(lines[1] == "SDP line 5, 'a=framerate:fast': not a number of frames a second");
  CHECK(lines[2] == "SDP line 6, 'a=framesize:96 wide': not WIDTH-HEIGHT");
  CHECK(lines[3] == "SDP line 7, 'a=rtcp:zzz': not a port");
  CHECK(sdp->media[0].fps == 25.0);
  CHECK(sdp->media[0].flaw.empty());
  CHECK(sdp->media[1].passed_over.empty());
}

TEST_CASE("A line that is none of an SDP is named, and the rest is taken") {
  const auto sdp = parse_sdp(
      "SDP:\r\nv=0\r\n\r\nzzz=5\r\na=\r\n  \r\nu=http://cam/\r\ns=\r\nt=0 0\r\n"
      "m=video 5000 RTP/AVP 26\r\ngarbage\tline\r\na=:x\r\nM=audio 5002 RTP/AVP 0\r\n=\r\n"
      "m=audio 5002 RTP/AVP 0\r\n");
  REQUIRE(sdp);
  CHECK(sdp->passed_over == std::vector<std::string>{"SDP line 1, 'SDP:': not TYPE=VALUE",
                                                     "SDP line 4, 'zzz=5': not TYPE=VALUE",
                                                     "SDP line 5, 'a=': an attribute without a name"});
  REQUIRE(sdp->media.size() == 2);
  const std::vector<std::string>& lines = sdp->media[0].passed_over;
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].starts_with("SDP line 11, 'garbage"));
  CHECK(lines[1] == "SDP line 12, 'a=:x': an attribute without a name");
  CHECK(lines[2] == "SDP line 13, 'M=audio 5002 RTP/AVP 0': no type that an SDP has");
  CHECK(lines[3] == "SDP line 14, '=': not TYPE=VALUE");
  CHECK(sdp->media[0].line == 10);
  CHECK(sdp->media[1].line == 15);
  CHECK(passed_over(*sdp).size() == 7);

  std::string junk;
  for (int i = 0; i < 100; ++i) junk += "junk\n";
  CHECK(parse_sdp(junk)->passed_over.size() == 8);
}

TEST_CASE("An a=rtpmap that cannot be is named with its line, and other formats are taken") {
  const auto sdp = parse_sdp(
      "s=x\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/ninety\nm=audio 5006 RTP/AVP 97 0\na=rtpmap:97 opus\n");
  REQUIRE(sdp);
  const auto video = rtp_part(sdp->media[0]);
  REQUIRE_FALSE(video);
  CHECK(video.error().message == "SDP line 3, 'a=rtpmap:96 H264/ninety': not ENCODING/CLOCKRATE");
  const auto audio = rtp_part(sdp->media[1]);
  REQUIRE(audio);
  CHECK(audio->format.encoding == "PCMU");
}

TEST_CASE("A description is bounded") {
  CHECK_FALSE(parse_sdp(std::string(kSdpBytesMax + 1, 'x')));
  std::string media;
  for (int i = 0; i < 33; ++i) media += "m=video 0 RTP/AVP 26\n";
  CHECK_FALSE(parse_sdp(media));
  std::string formats = "m=video 0 RTP/AVP";
  for (int i = 0; i < 65; ++i) formats += " 26";
  CHECK_FALSE(parse_sdp(formats));
  std::string attributes;
  for (int i = 0; i < 257; ++i) attributes += "a=x\n";
  CHECK_FALSE(parse_sdp(attributes));
}

}  // namespace
}  // namespace ott
