// VP8 (RFC 7741) and VP9 (RFC 9628) over RTP. Of VP9 with spatial layers a sample is a superframe of all
// layers that came. Used through media_sample.h.
#pragma once

#include "media/rtp_payload.h"

namespace ott {

class Vp8Depacketizer final : public PayloadDepacketizer {
 public:
  explicit Vp8Depacketizer(const MediaFormat&) : PayloadDepacketizer(Coding::Inter) {}

 private:
  Result<void> unpack(const RtpPacket& packet) override;
  Result<void> finish() override;

  std::uint32_t media_time_ = 0;
};

class Vp9Depacketizer final : public PayloadDepacketizer {
 public:
  explicit Vp9Depacketizer(const MediaFormat&) : PayloadDepacketizer(Coding::Inter) {}

 private:
  Result<void> unpack(const RtpPacket& packet) override;
  Result<void> finish() override;
  void reset() override;
  void append_superframe_index();

  std::vector<std::uint32_t> layer_bytes_;  // of each layer that is whole
  std::size_t layer_at_ = 0;                // where the one under way begins
  bool in_layer_ = false;
  std::uint32_t media_time_ = 0;
};

class Vp8Packetizer final : public PayloadPacketizer {
 public:
  explicit Vp8Packetizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

class Vp9Packetizer final : public PayloadPacketizer {
 public:
  explicit Vp9Packetizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

}  // namespace ott
