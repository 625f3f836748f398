// Session descriptions (RFC 8866): what an RTSP server or an SDP file says of a session's streams, parsed and
// written. Strict in what it keeps (numbers in their ranges, no control characters), tolerant of what cameras
// write: lines that are missing, out of order or unknown. What is passed over is named.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ott/result.h"

namespace ott {

inline constexpr std::size_t kSdpBytesMax = std::size_t{64} << 10;

/// c= (section 5.7).
struct SdpConnection {
  std::string address;              // IPv4, IPv6 or a host's name
  std::optional<std::uint8_t> ttl;  // of multicast over IPv4
};

/// a=source-filter (RFC 4570), incl or excl.
struct SdpSourceFilter {
  bool exclude = false;
  std::string destination;  // an address, or "*"
  std::vector<std::string> sources;
};

enum class SdpDirection : std::uint8_t { SendReceive, SendOnly, ReceiveOnly, Inactive };

/// One payload type: a=rtpmap and a=fmtp (section 6.6, 6.15); of the static ones RFC 3551 says what they are.
struct SdpFormat {
  std::uint8_t payload_type = 0;
  std::string encoding;  // "JPEG", "H264"; empty: not known
  std::uint32_t clock_rate = 0;
  unsigned channels = 1;  // of audio
  std::string parameters;
  std::string flaw;  // why its a=rtpmap, if that cannot be, is not what is above, and on which line
};

struct SdpSize {
  unsigned width = 0, height = 0;
  bool operator==(const SdpSize&) const = default;
};

/// m= and what is below it.
struct SdpMedia {
  std::size_t line = 0;  // of its m=, from 1; 0: it has not been parsed
  std::string kind;      // "video", "audio", "text", "application"
  std::uint16_t port = 0;
  std::string protocol = "RTP/AVP";
  std::vector<SdpFormat> formats;  // best first; none unless the protocol is one of RTP's
  std::optional<SdpConnection> connection;
  std::optional<SdpSourceFilter> source_filter;
  std::optional<SdpDirection> direction;
  std::string control;        // RFC 2326, section C.1.1; empty: none
  std::optional<double> fps;  // a=framerate (section 6.13)
  std::optional<SdpSize>
      size;  // a=framesize (RFC 6064), a=x-dimensions (RFC 2435 in use), of the first format
  unsigned bandwidth_kbps = 0;                             // b=AS (section 5.8); 0: not said
  std::vector<std::pair<std::string, std::string>> other;  // attributes: names and values
  std::string flaw;  // the first of its lines that cannot be, and why; empty: there is none
  std::vector<std::string> passed_over;  // lines that say nothing usable of it, and why; it is taken without
};

struct Sdp {
  /// o= (section 5.2)
  struct Origin {
    std::string user = "-";
    std::uint64_t session = 0;
    std::uint64_t version = 0;
    std::string address = "0.0.0.0";
  } origin;
  std::string name;
  std::string information;
  std::optional<SdpConnection> connection;
  std::optional<SdpSourceFilter> source_filter;
  std::optional<SdpDirection> direction;
  std::string control;
  std::vector<std::pair<std::string, std::string>> other;
  std::vector<SdpMedia> media;
  std::vector<std::string> passed_over;  // lines above the first m= that say nothing usable, and why

  /// What holds for one of the media: its own, or the session's.
  [[nodiscard]] const std::optional<SdpConnection>& connection_of(const SdpMedia& one) const {
    return one.connection ? one.connection : connection;
  }
  [[nodiscard]] const std::optional<SdpSourceFilter>& source_filter_of(const SdpMedia& one) const {
    return one.source_filter ? one.source_filter : source_filter;
  }
};

/// True if it is one of RTP's: its m= line names payload types.
bool is_rtp(std::string_view protocol);

/// A line of one of the media that cannot be is that one's flaw. The error names a line of the session, or of
/// media of which none is without a flaw.
Result<Sdp> parse_sdp(std::string_view text);
/// REQUIRES: no control characters; media of RTP.
std::string to_string(const Sdp& sdp);

/// Lines that say nothing usable of the session or of its media, and why.
std::vector<std::string> passed_over(const Sdp& sdp);

/// "JPEG video, H264 video and PCMU audio", for people; "nothing" for no media.
std::string offered(const Sdp& sdp);

}  // namespace ott
