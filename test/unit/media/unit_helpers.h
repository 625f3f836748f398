// RTP packets for tests of formats other than JPEG.
#pragma once

#include <string_view>
#include <vector>

#include "ott/rtp.h"
#include "ott/types.h"
#include "real_packets.h"

namespace ott::test {

using Packet = std::vector<std::uint8_t>;

/// The units of real_units.h.
inline std::vector<std::vector<Packet>> units_from(std::string_view text) {
  std::vector<std::vector<Packet>> units;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    units.emplace_back();
    while (!line.empty()) {
      const std::string_view word = line.substr(0, line.find(' '));
      units.back().push_back(from_hex(word));
      line.remove_prefix(std::min(word.size() + 1, line.size()));
    }
  }
  return units;
}

inline std::vector<ByteSpan> spans_of(const std::vector<Packet>& packets) {
  return {packets.begin(), packets.end()};
}

/// An RTP packet with this payload, hexadecimal.
inline Packet rtp_of(std::string_view payload, std::uint16_t sequence = 1, std::uint32_t timestamp = 0,
                     bool marker = true, std::uint32_t ssrc = 7) {
  const RtpHeader header{marker, 96, sequence, timestamp, ssrc, std::nullopt};
  Packet packet(rtp_header_bytes(header));
  write_rtp_header(header, packet);
  const auto bytes = from_hex(payload);
  packet.insert(packet.end(), bytes.begin(), bytes.end());
  return packet;
}

}  // namespace ott::test
