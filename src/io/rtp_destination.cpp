#include "io/rtp_destination.h"

#include <fmt/format.h>

#include "media/text.h"

namespace ott {
namespace {

constexpr unsigned kHopsMax = 255;

Result<void> read_option(std::string_view option, RtpDestination& destination) {
  const auto [name, value] = cut(option, '=');
  if (name == "ttl") {
    const auto ttl = parse_number<unsigned>(value);
    if (!ttl || *ttl < 1 || *ttl > kHopsMax) return fail("ttl= is a number from 1 to 255");
    destination.ttl = *ttl;
    return {};
  }
  if (name == "interface" && !value.empty()) {
    destination.interface = value;
    return {};
  }
  return fail(fmt::format("'{}' is none of ttl=N and interface=NAME", option));
}

Result<RtpDestination> parse_destination(std::string_view text) {
  RtpDestination destination;
  auto [at, options] = cut(text, '?');
  const std::size_t colon = at.rfind(':');
  const bool has_port = colon != std::string_view::npos && at.find(']', colon) == std::string_view::npos &&
                        (at.starts_with('[') || at.find(':') == colon);
  if (!has_port) return fail("it needs a port, as in 10.0.0.7:5004 or [2001:db8::7]:5004");
  const auto id = parse_node_id(at);
  if (!id) return fail(id.error().message);
  if (id->port == 0 || id->port == 65'535)
    return fail("its port is from 1 to 65534: RTCP takes the next one");
  destination.at = *id;
  while (!options.empty()) {
    if (auto read = read_option(take_until(options, '&'), destination); !read)
      return tl::unexpected<Error>(std::move(read.error()));
  }
  return destination;
}

}  // namespace

std::string to_string(const RtpDestination& to) {
  const std::string address = to_string(to.at.address);
  return fmt::format("{}:{}", to.at.address.is_v4() ? address : '[' + address + ']', to.at.port);
}

Result<std::vector<RtpDestination>> parse_rtp_destinations(std::string_view text) {
  std::vector<RtpDestination> destinations;
  do {
    const std::string_view one = take_until(text, ',');
    auto destination = parse_destination(one);
    if (!destination) return fail(fmt::format("'{}': {}", one, destination.error().message));
    destinations.push_back(std::move(*destination));
    if (destinations.size() > kRtpDestinationsMax)
      return fail(fmt::format("at most {} addresses", kRtpDestinationsMax));
  } while (!text.empty());
  return destinations;
}

/// Receivers in a group send their reports to it; others to where ours come from.
Result<std::pair<UdpSocket, UdpSocket>> open_rtp_sockets(const RtpDestination& to) {
  if (!is_multicast(to.at.address)) {
    IpAddress any;
    if (to.at.address.is_v4()) any = *parse_ip("0.0.0.0");
    return UdpSocket::bind_pair(any);
  }
  const IpAddress any = to.at.address.is_v4() ? *parse_ip("0.0.0.0") : IpAddress{};
  auto rtp = UdpSocket::bind({any, 0}, to.interface);
  if (!rtp) return tl::unexpected<Error>(std::move(rtp.error()));
  auto rtcp = UdpSocket::bind({to.at.address, static_cast<std::uint16_t>(to.at.port + 1)}, to.interface);
  if (!rtcp) return tl::unexpected<Error>(std::move(rtcp.error()));
  if (auto joined = rtcp->join(to.at.address); !joined)
    return tl::unexpected<Error>(std::move(joined.error()));
  rtp->set_multicast_hops(to.ttl);
  rtcp->set_multicast_hops(to.ttl);
  return std::pair(std::move(*rtp), std::move(*rtcp));
}

}  // namespace ott
