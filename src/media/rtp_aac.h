// AAC over RTP as MPEG4-GENERIC (RFC 3640), mode AAC-hbr and what else has access units with their sizes and
// without interleaving. Used through media_sample.h.
#pragma once

#include <optional>

#include "media/rtp_payload.h"

namespace ott {

class AacDepacketizer final : public PayloadDepacketizer {
 public:
  explicit AacDepacketizer(const MediaFormat& format);

 private:
  Result<void> unpack(const RtpPacket& packet) override;
  void reset() override { part_.clear(); }
  Result<void> take_fragment(const RtpPacket& packet, ByteSpan data, std::size_t unit_bytes);

  std::string refusal_;  // why nothing of such a format is taken; else empty
  unsigned size_bits_, index_bits_, index_delta_bits_;
  std::uint32_t unit_time_;  // of each access unit, in units of the clock rate
  /// Of an access unit that is larger than a packet. Each fragment is a frame by itself.
  std::vector<std::uint8_t> part_;
  std::uint32_t part_time_ = 0;
  std::uint16_t part_sequence_ = 0;  // of its last packet
};

class AacPacketizer final : public PayloadPacketizer {
 public:
  explicit AacPacketizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

/// The parameters of a=fmtp that such packets have (RFC 3640, section 4.1).
std::string aac_parameters(const CodecConfig& config);

}  // namespace ott
