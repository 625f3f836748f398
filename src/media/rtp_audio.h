// Opus (RFC 7587) and the samples of PCMU, PCMA and L16 (RFC 3551) over RTP, and transport streams (RFC
// 2250): what packets hold is the sample. Used through media_sample.h.
#pragma once

#include "media/rtp_payload.h"

namespace ott {

/// Takes payloads that are samples by themselves, of `multiple` bytes each or a multiple of that.
class WholePayloadDepacketizer : public PayloadDepacketizer {
 public:
  WholePayloadDepacketizer(CodecConfig config, std::size_t multiple)
      : PayloadDepacketizer(Coding::Alone), multiple_(multiple) {
    config_ = std::move(config);
  }

 protected:
  Result<void> unpack(const RtpPacket& packet) override;

 private:
  std::size_t multiple_;
};

/// The packets of a transport stream, each of which begins with a sync byte.
class TransportDepacketizer final : public WholePayloadDepacketizer {
 public:
  TransportDepacketizer();

 private:
  Result<void> unpack(const RtpPacket& packet) override;
};

/// Samples that fit into a packet.
class WholePayloadPacketizer final : public PayloadPacketizer {
 public:
  explicit WholePayloadPacketizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

/// Samples of PCM, cut into as many packets as it takes.
class PcmPacketizer final : public PayloadPacketizer {
 public:
  /// `instant_bytes`: what all channels have at once.
  PcmPacketizer(const Flow& flow, std::size_t instant_bytes)
      : PayloadPacketizer(flow), instant_bytes_(instant_bytes) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;

 private:
  std::size_t instant_bytes_;
};

class TransportPacketizer final : public PayloadPacketizer {
 public:
  explicit TransportPacketizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

/// What decoders need to know of Opus with so many channels, 1 or 2 (RFC 7845, section 5.1).
CodecConfig opus_config(unsigned channels);
CodecConfig pcm_config(unsigned sample_rate, unsigned channels);
/// What all channels of this encoding have at once: PCMU, PCMA or L16.
std::size_t pcm_instant_bytes(const MediaFormat& format);

}  // namespace ott
