// Where --rtp sends a stream: a host or a multicast group, and the sockets that it is sent from.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/udp_socket.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

inline constexpr std::size_t kRtpDestinationsMax = 64;

struct RtpDestination {
  NodeId at;              // RTP; RTCP goes to the port above
  unsigned ttl = 1;       // how many routers multicast passes
  std::string interface;  // that multicast leaves by; empty: what the host's routes say
};

/// "10.0.0.7:5004", "[2001:db8::7]:5004"
std::string to_string(const RtpDestination& to);

/// Reads what --rtp takes. The error names the part that is wrong.
Result<std::vector<RtpDestination>> parse_rtp_destinations(std::string_view text);

/// For RTP and RTCP. The error says what could not be opened.
Result<std::pair<UdpSocket, UdpSocket>> open_rtp_sockets(const RtpDestination& to);

}  // namespace ott
