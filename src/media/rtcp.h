// RTCP (RFC 3550, section 6): what senders and receivers of RTP say of it, beside it. A compound packet is
// read and written as a whole. No state, no I/O; nothing is read past its length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

/// NTP's 64-bit time (RFC 3550, section 4): seconds since 1900 in the upper 32 bits, their fraction in the
/// lower. It wraps in 2036, and a time before 1970 is read as one after that.
std::uint64_t ntp_time(WallTime time);
WallTime wall_time(std::uint64_t ntp);
/// Its middle 32 bits, in units of 1/65,536 s, as reports refer to it.
[[nodiscard]] constexpr std::uint32_t ntp_middle(std::uint64_t ntp) {
  return static_cast<std::uint32_t>(ntp >> 16U);
}

/// What a sender says of its stream (section 6.4.1): `ntp` and `rtp_timestamp` are the same instant.
struct RtcpSenderInfo {
  std::uint64_t ntp = 0;
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;  // of payload, without headers and padding

  bool operator==(const RtcpSenderInfo&) const = default;
};

/// What a receiver says of one stream that it receives (section 6.4.1).
struct RtcpReport {
  std::uint32_t ssrc = 0;                      // of the stream
  std::uint8_t fraction_lost = 0;              // since the last report, in 1/256
  std::int32_t lost = 0;                       // since the start, 24 bits; negative where duplicates came
  std::uint32_t highest_sequence = 0;          // the cycles in the upper 16 bits
  std::uint32_t jitter = 0;                    // in units of the RTP timestamp
  std::uint32_t last_sender_report = 0;        // ntp_middle() of the last sender report; 0: none came
  std::uint32_t since_last_sender_report = 0;  // in 1/65,536 s

  bool operator==(const RtcpReport&) const = default;
};

/// A compound packet: a sender or receiver report, the CNAME of its sender, and BYE.
struct RtcpPacket {
  static constexpr std::size_t kReportsMax = 31;  // that write_rtcp() takes

  std::uint32_t ssrc = 0;                  // of whoever sent it
  std::optional<RtcpSenderInfo> sender{};  // without, it is a receiver report
  std::vector<RtcpReport> reports{};
  std::string cname{};                // of `ssrc`; empty: none was given
  std::vector<std::uint32_t> byes{};  // streams that end
  std::string bye_reason{};           // for people; may be empty

  bool operator==(const RtcpPacket&) const = default;
};

/// Packets of kinds other than these are passed over, as are items of SDES other than CNAME. The error names
/// what about the packet is impossible (section 6.1 and appendix A.2).
Result<RtcpPacket> parse_rtcp(ByteSpan packet);

/// REQUIRES: at most kReportsMax reports and as many byes; a CNAME, and texts of at most 255 bytes.
std::vector<std::uint8_t> write_rtcp(const RtcpPacket& packet);

}  // namespace ott
