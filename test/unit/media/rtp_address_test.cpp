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

TEST_CASE("a session description says where RTP comes from", "[rtp_address]") {
  const std::string ffmpeg = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nc=IN IP4 10.0.0.7\r\nt=0 0\r\n";
  CHECK(parse_sdp_address(ffmpeg + "m=video 5004 RTP/AVP 26\r\nb=AS:200\r\n", "") ==
        RtpAddress{at("10.0.0.7", 5004)});
  const std::string group =
      "v=0\no=- 0 0 IN IP4 10.0.0.1\ns=cam\nt=0 0\nc=IN IP4 232.1.2.3/16\na=source-filter: incl IN IP4 * "
      "10.0.0.1\n"
      "m=audio 5002 RTP/AVP 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 JPEG/90000\n";
  RtpAddress expected{at("232.1.2.3", 5004), *parse_ip("10.0.0.1"), "", PictureSize{3'840, 2'160}, 96};
  CHECK(parse_sdp_address(group + "a=x-dimensions:3840,2160\n", "") == expected);
  CHECK(parse_sdp_address(group + "a=framesize:96 3840-2160\n", "") == expected);
  expected.interface = "eth0";
  CHECK(parse_sdp_address(group, "size=3840x2160&interface=eth0") == expected);

  const auto error = [](const Result<RtpAddress>& address) {
    return address ? std::string("none") : address.error().message;
  };
  CHECK(error(parse_sdp_address(ffmpeg + "m=video 5004 RTP/AVP 97\na=rtpmap:97 H264/90000\n", "")) ==
        "it has no JPEG video, but H264 video");
  CHECK(error(parse_sdp_address(ffmpeg + "m=video 0 RTP/AVP 26\n", "")).find("which port") !=
        std::string::npos);
  CHECK(error(parse_sdp_address(ffmpeg + "m=video 5004 RTP/AVP 26\n", "x=1")).find("unknown option") !=
        std::string::npos);
  CHECK_FALSE(parse_sdp_address("junk", ""));
}

}  // namespace
}  // namespace ott
