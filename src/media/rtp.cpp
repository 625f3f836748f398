#include "ott/rtp.h"

#include <algorithm>
#include <string>

#include "ott/assert.h"

namespace ott {
namespace {

constexpr unsigned kVersion = 2;
constexpr std::uint8_t kPaddingBit = 0x20;
constexpr std::uint8_t kExtensionBit = 0x10;
constexpr std::uint8_t kMarkerBit = 0x80;

std::uint16_t load16(ByteSpan bytes, std::size_t at) {
  return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}

std::uint32_t load32(ByteSpan bytes, std::size_t at) {
  return (static_cast<std::uint32_t>(load16(bytes, at)) << 16) | load16(bytes, at + 2);
}

void store16(MutableByteSpan bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

void store32(MutableByteSpan bytes, std::size_t at, std::uint32_t value) {
  store16(bytes, at, value >> 16);
  store16(bytes, at + 2, value & 0xFFFF);
}

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
  header.sequence = load16(packet, 2);
  header.timestamp = load32(packet, 4);
  header.ssrc = load32(packet, 8);

  std::size_t at = kRtpFixedHeaderBytes + std::size_t{4} * (packet[0] & 0x0F);  // past the CSRCs
  if (at > packet.size()) return fail("an RTP packet ends within its list of CSRCs");
  if ((packet[0] & kExtensionBit) != 0) {
    if (packet.size() - at < kRtpExtensionHeaderBytes) return fail("an RTP packet ends within its extension");
    const std::size_t bytes = std::size_t{4} * load16(packet, at + 2);
    const std::uint16_t profile = load16(packet, at);
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
  store16(out, 2, header.sequence);
  store32(out, 4, header.timestamp);
  store32(out, 8, header.ssrc);
  if (header.extension) {
    const ByteSpan data = header.extension->data;
    OTT_ASSERT(data.size() % 4 == 0 && data.size() / 4 <= 0xFFFF);
    store16(out, kRtpFixedHeaderBytes, header.extension->profile);
    store16(out, kRtpFixedHeaderBytes + 2, static_cast<std::uint32_t>(data.size() / 4));
    std::copy(data.begin(), data.end(), out.begin() + kRtpFixedHeaderBytes + kRtpExtensionHeaderBytes);
  }
  return bytes;
}

}  // namespace ott
