#include "media/rtp_address.h"

#include <catch2/catch.hpp>
#include <string>

namespace ott {
namespace {

NodeId at(const char* address, std::uint16_t port) { return {*parse_ip(address), port}; }

TEST_CASE("RTP addresses are what the command line says", "[rtp_address]") {
  const auto ip = [](const char* text) { return *parse_ip(text); };
  CHECK(parse_rtp_address("rtp://:5004") == RtpAddress{at("::", 5004)});
  CHECK(parse_rtp_address("rtp://@:5004") == RtpAddress{at("::", 5004)});
  CHECK(parse_rtp_address("rtp://0.0.0.0:5004/") == RtpAddress{at("0.0.0.0", 5004)});
  CHECK(parse_rtp_address("rtp://[::1]:1") == RtpAddress{at("::1", 1)});
  const RtpAddress one_source{at("232.1.2.3", 5004), ip("10.0.0.1")};
  CHECK(parse_rtp_address("rtp://232.1.2.3:5004?source=10.0.0.1") == one_source);
  CHECK(parse_rtp_address("rtp://10.0.0.1@232.1.2.3:5004") == one_source);
  CHECK(parse_rtp_address("rtp://[ff35::9]:5004?source=fd00::1&interface=eth0&size=3840x2160&pt=96") ==
        RtpAddress{at("ff35::9", 5004), ip("fd00::1"), "eth0", PictureSize{3'840, 2'160}, 96});
}

TEST_CASE("an RTP address that is wrong is told what is", "[rtp_address]") {
  const auto error = [](std::string_view text) {
    const auto address = parse_rtp_address(text);
    return address ? std::string("none") : address.error().message;
  };
  const auto says = [&error](std::string_view text, std::string_view what) {
    CAPTURE(error(text));
    CHECK(error(text).find(what) != std::string::npos);
  };
  CHECK(error("rtp://") == "source 'rtp://': a port is missing, as in rtp://:5004 or rtp://239.1.2.3:5004");
  for (const auto* text : {"rtp://10.0.0.1", "rtp://10.0.0.1:", "rtp://10.0.0.1:0", "rtp://10.0.0.1:65536"}) {
    says(text, "a port is missing");
  }
  says("rtp://fd00::1:5004", "in [ ]");
  says("rtp://camera:5004", "'camera' is no IP address");
  says("rtp://:5004?pt=128", "from 0 to 127");
  says("rtp://:5004?size=640", "WIDTHxHEIGHT");
  says("rtp://:5004?size=640x0", "WIDTHxHEIGHT");
  says("rtp://:5004?source=camera", "not the IP address of a sender");
  says("rtp://232.1.2.3:5004?source=fd00::1", "not of one IP version");
  says("rtp://:5004?fps=25", "unknown option 'fps=25'; there are");
  says("rtp://:5004?interface=", "unknown option");
}

TEST_CASE("an RTP address may be of another encoding", "[rtp_address]") {
  const auto h264 = parse_rtp_address("rtp://:5004?encoding=H264&fmtp=packetization-mode=1;x=aM4=");
  REQUIRE(h264);
  CHECK(h264->format == MediaFormat{MediaKind::Video, "H264", 90'000, 0, 96, "packetization-mode=1;x=aM4="});
  CHECK(h264->payload_type == 96);
  const auto opus = parse_rtp_address("rtp://:5004?pt=111&encoding=opus");
  REQUIRE(opus);
  CHECK(opus->format == MediaFormat{MediaKind::Audio, "opus", 48'000, 2, 111, ""});
  const auto l16 = parse_rtp_address("rtp://:5004?encoding=L16&rate=48000&channels=1&pt=97");
  REQUIRE(l16);
  CHECK(l16->format == MediaFormat{MediaKind::Audio, "L16", 48'000, 1, 97, ""});
  const auto own = parse_rtp_address("rtp://:5004?encoding=x-own&media=application&rate=1000");
  REQUIRE(own);
  CHECK(own->format == MediaFormat{MediaKind::Application, "x-own", 1'000, 0, 96, ""});
  CHECK(parse_rtp_address("rtp://:5004?encoding=JPEG") == RtpAddress{at("::", 5004)});

  const auto error = [](std::string_view text) { return parse_rtp_address(text).error().message; };
  CHECK(error("rtp://:5004?rate=90000").find("rate= says nothing without encoding=") != std::string::npos);
  CHECK(error("rtp://:5004?encoding=").find("no encoding") != std::string::npos);
  CHECK(error("rtp://:5004?encoding=opus&rate=0").find("no clock rate") != std::string::npos);
  CHECK(error("rtp://:5004?encoding=opus&channels=65").find("from 1 to 64") != std::string::npos);
  CHECK(error("rtp://:5004?encoding=opus&media=sound").find("none of video") != std::string::npos);
}

const std::string kFfmpeg = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 10.0.0.7\r\nt=0 0\r\n";

TEST_CASE("a session description says where RTP comes from", "[rtp_address]") {
  const auto one = [](const Result<SdpAddresses>& addresses) {
    REQUIRE(addresses);
    REQUIRE(addresses->parts.size() == 1);
    return addresses->parts.front();
  };
  CHECK(one(parse_sdp_addresses(kFfmpeg + "m=video 5004 RTP/AVP 26\r\nb=AS:200\r\n", "")) ==
        RtpAddress{at("10.0.0.7", 5004)});
  const std::string group =
      "v=0\no=- 0 0 IN IP4 10.0.0.1\ns=cam\nt=0 0\nc=IN IP4 232.1.2.3/16\na=source-filter: incl IN IP4 * "
      "10.0.0.1\n"
      "m=video 5004 RTP/AVP 96\na=rtpmap:96 JPEG/90000\n";
  RtpAddress expected{at("232.1.2.3", 5004), *parse_ip("10.0.0.1"), "", PictureSize{3'840, 2'160}, 96};
  CHECK(one(parse_sdp_addresses(group + "a=x-dimensions:3840,2160\n", "")) == expected);
  CHECK(one(parse_sdp_addresses(group + "a=framesize:96 3840-2160\n", "")) == expected);
  expected.interface = "eth0";
  CHECK(one(parse_sdp_addresses(group, "size=3840x2160&interface=eth0")) == expected);

  const auto error = [](const Result<SdpAddresses>& addresses) {
    return addresses ? std::string("none") : addresses.error().message;
  };
  CHECK(error(parse_sdp_addresses(kFfmpeg + "m=video 0 RTP/AVP 26\n", "")).find("which port") !=
        std::string::npos);
  CHECK(error(parse_sdp_addresses(kFfmpeg + "m=video 5004 RTP/AVP 26\n", "x=1")).find("unknown option") !=
        std::string::npos);
  CHECK(error(parse_sdp_addresses(kFfmpeg, "")) == "it describes no media");
  CHECK(error(parse_sdp_addresses("junk\nmore", "")) ==
        "it describes no media: SDP line 1, 'junk': not TYPE=VALUE");
  CHECK(error(parse_sdp_addresses(kFfmpeg + "junk\r\nm=video 5108 RTP/AVP\r\n", "")) ==
        "nothing of it can be taken: SDP line 7, video RTP/AVP: its m= line names no payload type");
}

TEST_CASE("all that a session description describes is taken, and what cannot be is named", "[rtp_address]") {
  const auto all = parse_sdp_addresses(kFfmpeg +
                                           "m=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                                           "a=fmtp:96 packetization-mode=1\r\na=framesize:96 640-360\r\n"
                                           "m=audio 5006 RTP/AVP 97 0\r\na=rtpmap:97 opus/48000/2\r\n"
                                           "a=rtcp:5999 IN IP4 10.0.0.8\r\n"
                                           "m=text 5008 RTP/AVP 100 98\r\na=rtpmap:100 red/1000\r\n"
                                           "a=rtpmap:98 t140/1000\r\na=rtcp-mux\r\n"
                                           "m=video 5010 RTP/SAVP 96\r\na=rtpmap:96 VP8/90000\r\n"
                                           "m=audio 5012 RTP/AVP 99\r\nm=image 5014 udptl t38\r\n",
                                       "source=10.0.0.1");
  REQUIRE(all);
  REQUIRE(all->parts.size() == 3);
  const RtpAddress& video = all->parts[0];
  CHECK(video.format == MediaFormat{MediaKind::Video, "H264", 90'000, 0, 96, "packetization-mode=1"});
  CHECK(video.size == PictureSize{640, 360});
  CHECK(video.source == *parse_ip("10.0.0.1"));
  CHECK(media_part(video.part()).height == 360);
  const RtpAddress& audio = all->parts[1];
  CHECK(audio.format == MediaFormat{MediaKind::Audio, "opus", 48'000, 2, 97, ""});
  CHECK(audio.rtcp_at == at("10.0.0.8", 5999));
  CHECK_FALSE(audio.rtcp_mux);
  CHECK(all->parts[2].format == MediaFormat{MediaKind::Text, "t140", 1'000, 0, 98, ""});
  CHECK(all->parts[2].rtcp_mux);
  REQUIRE(all->unusable.size() == 3);
  CHECK(all->unusable[0] == "SDP line 17, video VP8: RTP/SAVP is not taken, but RTP/AVP");
  CHECK(all->unusable[1] == "SDP line 19, audio RTP/AVP: no a=rtpmap says what payload type 99 is");
  CHECK(all->unusable[2].starts_with("SDP line 20, image udptl: it is none of video"));
}

TEST_CASE("lines and media of a session description that cannot be are named with their lines",
          "[rtp_address]") {
  const auto all = parse_sdp_addresses("junk\r\n" + kFfmpeg +
                                           "m=video 5004 RTP/AVP 26\r\nzzz=5\r\n"
                                           "m=audio 0 RTP/AVP 0\r\nm=audio 5006 RTP/AVP 0\r\nc=IN IP4 cam\r\n"
                                           "m=audio 5008 RTP/AVP 97\r\na=rtpmap:97 L16/48000/200\r\n"
                                           "m=audio 5010 RTP/AVP 128\r\n",
                                       "");
  REQUIRE(all);
  CHECK(all->parts.size() == 1);
  CHECK(all->unusable ==
        std::vector<std::string>{
            "SDP line 9, audio PCMU: it does not say which port it is sent to",
            "SDP line 10, audio PCMU: 'cam', where it is sent to, is no IP address",
            "SDP line 12, audio L16: 200 channels; 64 are the most",
            "audio RTP/AVP: SDP line 14, 'm=audio 5010 RTP/AVP 128': a payload type is a number up to 127",
            "SDP line 1, 'junk': not TYPE=VALUE", "SDP line 8, 'zzz=5': not TYPE=VALUE"});
}

TEST_CASE("two media of a session description have two ports, unless they are of two groups or senders",
          "[rtp_address]") {
  const std::string audio = "m=audio 5004 RTP/AVP 0\r\n";
  const std::string video = "v=0\r\nm=video 5004 RTP/AVP 26\r\n";
  const std::string group = "c=IN IP4 232.1.2.3\r\n";
  const auto from = [](const std::string& sender) {
    return "a=source-filter: incl IN IP4 * " + sender + "\r\n";
  };
  for (const std::string& sdp : {video + audio, video + group + audio, video + group + audio + group,
                                 video + group + from("10.0.0.1") + audio + group}) {
    INFO(sdp);
    const auto one = parse_sdp_addresses(sdp, "");
    REQUIRE(one);
    CHECK(one->parts.size() == 1);
    REQUIRE(one->unusable.size() == 1);
    CHECK(one->unusable[0].ends_with(", audio PCMU: port 5004 is that of the media in line 2 already"));
  }
  for (const std::string& sdp : {video + group + audio + "c=IN IP4 232.1.2.4\r\n",
                                 video + group + from("10.0.0.1") + audio + group + from("10.0.0.2"),
                                 "v=0\r\nm=video 5004 RTP/SAVP 26\r\n" + audio}) {
    INFO(sdp);
    const auto all = parse_sdp_addresses(sdp, "");
    REQUIRE(all);
    CHECK(all->parts.back().format.encoding == "PCMU");
  }
}

}  // namespace
}  // namespace ott
