#include "media/rtp_address.h"

#include <catch2/catch.hpp>

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

}  // namespace
}  // namespace ott
