#include "ott/rtp.h"

#include <algorithm>
#include <string>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr unsigned kVersion = 2;
constexpr std::uint8_t kPaddingBit = 0x20;
constexpr std::uint8_t kExtensionBit = 0x10;
constexpr std::uint8_t kMarkerBit = 0x80;

}  // namespace

Result<RtpPacket> parse_rtp(ByteSpan packet) {
  if (packet.size() < kRtpFixedHeaderBytes) {
    return fail("an RTP packet of " + std::to_string(packet.size()) + " bytes has no room for its header");
  }
  const unsigned version = packet[0] >> 6;
  if (version != kVersion) return fail("RTP version " + std::to_string(version) + " instead of 2");

  RtpPacket parsed;
  RtpHeader& header = parsed.header;
  header.marker = (packet[1] & kMarkerBit) != 0;
  header.payload_type = packet[1] & 0x7F;
  header.sequence = load_be<std::uint16_t>(packet.data() + 2);
  header.timestamp = load_be<std::uint32_t>(packet.data() + 4);
  header.ssrc = load_be<std::uint32_t>(packet.data() + 8);

  std::size_t at = kRtpFixedHeaderBytes + std::size_t{4} * (packet[0] & 0x0F);  // past the CSRCs
  if (at > packet.size()) return fail("an RTP packet ends within its list of CSRCs");
  if ((packet[0] & kExtensionBit) != 0) {
    if (packet.size() - at < kRtpExtensionHeaderBytes) return fail("an RTP packet ends within its extension");
    const std::size_t bytes = std::size_t{4} * load_be<std::uint16_t>(packet.data() + at + 2);
    const std::uint16_t profile = load_be<std::uint16_t>(packet.data() + at);
    at += kRtpExtensionHeaderBytes;
    if (packet.size() - at < bytes) return fail("an RTP packet ends within its extension");
    header.extension = RtpExtension{profile, packet.subspan(at, bytes)};
    at += bytes;
  }
  std::size_t end = packet.size();
  if ((packet[0] & kPaddingBit) != 0) {
    const std::size_t padding = packet.back();
    if (padding == 0 || padding > end - at) return fail("an RTP packet's padding is longer than its payload");
    end -= padding;
  }
  parsed.payload = packet.subspan(at, end - at);
  return parsed;
}

std::size_t write_rtp_header(const RtpHeader& header, MutableByteSpan out) {
  const std::size_t bytes = rtp_header_bytes(header);
  OTT_ASSERT(out.size() >= bytes);
  OTT_ASSERT(header.payload_type <= 0x7F);
  out[0] = static_cast<std::uint8_t>((kVersion << 6) | (header.extension ? kExtensionBit : 0U));
  out[1] = static_cast<std::uint8_t>((header.marker ? kMarkerBit : 0U) | header.payload_type);
  store_be(out.data() + 2, header.sequence);
  store_be(out.data() + 4, header.timestamp);
  store_be(out.data() + 8, header.ssrc);
  if (header.extension) {
    const ByteSpan data = header.extension->data;
    OTT_ASSERT(data.size() % 4 == 0 && data.size() / 4 <= 0xFFFF);
    store_be(out.data() + kRtpFixedHeaderBytes, header.extension->profile);
    store_be(out.data() + kRtpFixedHeaderBytes + 2, static_cast<std::uint16_t>(data.size() / 4));
    std::copy(data.begin(), data.end(), out.begin() + kRtpFixedHeaderBytes + kRtpExtensionHeaderBytes);
  }
  return bytes;
}

}  // namespace ott
