// Opus (RFC 7587) over RTP: a packet is a frame. Used through media_sample.h.
#pragma once

#include "media/rtp_payload.h"

namespace ott {

/// Takes payloads that are samples by themselves.
class WholePayloadDepacketizer final : public PayloadDepacketizer {
 public:
  explicit WholePayloadDepacketizer(CodecConfig config) : PayloadDepacketizer(Coding::Alone) {
    config_ = std::move(config);
  }

 private:
  Result<void> unpack(const RtpPacket& packet) override;
};

/// Samples that fit into a packet.
class WholePayloadPacketizer final : public PayloadPacketizer {
 public:
  explicit WholePayloadPacketizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

/// What decoders need to know of Opus with so many channels, 1 or 2 (RFC 7845, section 5.1).
CodecConfig opus_config(unsigned channels);

}  // namespace ott
