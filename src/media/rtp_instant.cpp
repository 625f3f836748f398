#include "media/rtp_instant.h"

#include <algorithm>
#include <cstring>

#include "media/rtcp.h"
#include "ott/assert.h"
#include "ott/bytes.h"
#include "ott/rtp.h"

namespace ott {
namespace {

constexpr std::uint8_t kHasExtension = 0x10;  // RFC 3550, section 5.1
constexpr std::size_t kNtpBytes = 8;

/// The fixed header and the CSRCs.
std::size_t bytes_before_extension(ByteSpan packet) {
  return kRtpFixedHeaderBytes + std::size_t{packet[0] & 0x0FU} * 4;
}

}  // namespace

std::size_t add_rtp_instant(ByteSpan packet, WallTime instant, MutableByteSpan out) {
  const std::size_t header = bytes_before_extension(packet);
  const bool extended = (packet[0] & kHasExtension) != 0;
  OTT_ASSERT(packet.size() >= header + (extended ? kRtpExtensionHeaderBytes : 0));
  OTT_ASSERT(out.size() >= packet.size() + kRtpInstantBytes);
  const std::size_t former_words =
      extended ? load_be<std::uint16_t>(packet.data() + header + 2) : std::size_t{0};
  const std::size_t words = kNtpBytes / 4 + (extended ? 1 + former_words : 0);
  OTT_ASSERT(words <= UINT16_MAX);
  std::memmove(out.data(), packet.data(), header);
  out[0] = static_cast<std::uint8_t>(out[0] | kHasExtension);
  store_be(out.data() + header, kRtpInstantProfile);
  store_be(out.data() + header + 2, static_cast<std::uint16_t>(words));
  store_be(out.data() + header + kRtpExtensionHeaderBytes, ntp_time(instant));
  std::memmove(out.data() + header + kRtpInstantBytes, packet.data() + header, packet.size() - header);
  return packet.size() + kRtpInstantBytes;
}

Result<std::optional<WallTime>> take_rtp_instant(std::vector<std::uint8_t>& packet) {
  const auto parsed = parse_rtp(packet);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  const auto& extension = parsed->header.extension;
  if (!extension || extension->profile != kRtpInstantProfile) return std::optional<WallTime>();
  const std::size_t header = bytes_before_extension(packet);
  const ByteSpan data = extension->data;
  const bool had_one = data.size() > kNtpBytes;
  if (data.size() < kNtpBytes) return fail("an RTP instant of less than 8 bytes");
  if (had_one && load_be<std::uint16_t>(data.data() + kNtpBytes + 2) * std::size_t{4} !=
                     data.size() - kNtpBytes - kRtpExtensionHeaderBytes)
    return fail("an RTP instant whose packet had an extension of another length");
  const WallTime instant = wall_time(load_be<std::uint64_t>(data.data()));
  if (!had_one) packet[0] = static_cast<std::uint8_t>(packet[0] & ~kHasExtension);
  const auto at = packet.begin() + static_cast<std::ptrdiff_t>(header);
  packet.erase(at, at + kRtpInstantBytes);
  return std::optional(instant);
}

}  // namespace ott
