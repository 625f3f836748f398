// The RTP header (RFC 3550, section 5.1), read in place and written in place. No state, no allocation.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

/// RFC 3550, section 5.3.1. `data` excludes the four bytes of profile and length, and is a multiple of 4.
struct RtpExtension {
  std::uint16_t profile = 0;
  ByteSpan data;
};

struct RtpHeader {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::optional<RtpExtension> extension;
};

/// A view of one packet: the spans point into the bytes that were parsed. CSRCs are skipped, padding is cut.
struct RtpPacket {
  RtpHeader header;
  ByteSpan payload;
};

inline constexpr std::size_t kRtpFixedHeaderBytes = 12;
inline constexpr std::size_t kRtpExtensionHeaderBytes = 4;

/// The error names what about the packet is impossible.
Result<RtpPacket> parse_rtp(ByteSpan packet);

/// What write_rtp_header will write.
[[nodiscard]] constexpr std::size_t rtp_header_bytes(const RtpHeader& header) {
  return kRtpFixedHeaderBytes +
         (header.extension ? kRtpExtensionHeaderBytes + header.extension->data.size() : 0);
}

/// Returns the bytes written. REQUIRES: room for rtp_header_bytes(header); a 7-bit payload type; extension
/// data of a multiple of 4 bytes.
std::size_t write_rtp_header(const RtpHeader& header, MutableByteSpan out);

/// The 90 kHz clock that RFC 2435 (section 3.1) gives to video; wraps as RTP timestamps do.
[[nodiscard]] constexpr std::uint32_t rtp_timestamp_90khz(Duration since_start) {
  const auto ns = static_cast<std::uint64_t>(since_start.count());
  const std::uint64_t seconds = ns / 1'000'000'000;
  const std::uint64_t rest_ns = ns % 1'000'000'000;
  return static_cast<std::uint32_t>(seconds * 90'000 + rest_ns * 9 / 100'000);
}

}  // namespace ott
