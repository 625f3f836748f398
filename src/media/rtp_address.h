// Where RTP comes from, as the command line names it:
//
//     rtp://:5004                           any of this host's addresses
//     rtp://10.0.0.7:5004                   one of them
//     rtp://239.1.2.3:5004                  a multicast group, [ff35::9]:5004 in IPv6
//     rtp://232.1.2.3:5004?source=10.0.0.1  of one sender (also in the form rtp://10.0.0.1@232.1.2.3:5004)
//
// or as a session description does that a sender has written (sdp:FILE, RFC 8866).
//
// Behind '?', joined by '&': source=ADDRESS; interface=NAME or an address of it, where a group is joined;
// size=WIDTHxHEIGHT, the true size of pictures over 2040 pixels; pt=NUMBER, the RTP payload type. They go
// before what a session description says. Without a description it is JPEG, unless encoding=H264 names
// another, as its a=rtpmap would, with media=, rate=, channels= and fmtp= where these are not the usual ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/rtp_part.h"
#include "ott/result.h"
#include "ott/rtp_jpeg.h"
#include "ott/types.h"

namespace ott {

struct RtpAddress {
  NodeId at;                          // an unspecified address: all of this host's
  std::optional<IpAddress> source{};  // who alone is listened to
  std::string interface {};           // empty: as the host's routes say
  std::optional<PictureSize> size{};
  std::uint8_t payload_type = kRtpPayloadTypeJpeg;
  MediaFormat format{};
  double fps = 0;
  std::optional<NodeId> rtcp_at{};  // where RTCP comes to; without: to the next port
  bool rtcp_mux = false;            // it comes to the same port (RFC 5761)

  [[nodiscard]] RtpPart part() const { return {format, payload_type, size, fps}; }
  bool operator==(const RtpAddress&) const = default;
};

/// What a session description describes.
struct SdpAddresses {
  std::vector<RtpAddress> parts;      // one at least
  std::vector<std::string> unusable;  // of its other media, what and why

  bool operator==(const SdpAddresses&) const = default;
};

/// The error says what is wrong, and what is accepted.
Result<RtpAddress> parse_rtp_address(std::string_view text);

/// `sdp`: a session description. `options`: what is behind '?'. The error says why nothing of it can be
/// taken.
Result<SdpAddresses> parse_sdp_addresses(std::string_view sdp, std::string_view options);

/// "3840x2160", as the option size= has it.
Result<PictureSize> parse_picture_size(std::string_view text);

}  // namespace ott
