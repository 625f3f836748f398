// AV1 over RTP (RTP Payload Format For AV1, by the Alliance for Open Media, section 4). Used through
// media_sample.h.
#pragma once

#include "media/rtp_payload.h"

namespace ott {

class Av1Depacketizer final : public PayloadDepacketizer {
 public:
  explicit Av1Depacketizer(const MediaFormat&) : PayloadDepacketizer(Coding::Inter) {}

 private:
  Result<void> unpack(const RtpPacket& packet) override;
  Result<void> finish() override;
  void reset() override;
  Result<void> take_element(ByteSpan element, bool goes_on);

  std::vector<std::uint8_t> obu_;  // the one under way, as far as it has come
  bool fragmented_ = false;        // it goes on in the next packet
  std::uint32_t media_time_ = 0;
};

class Av1Packetizer final : public PayloadPacketizer {
 public:
  explicit Av1Packetizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;

 private:
  void add_element(ByteSpan obu, const MediaSample& sample, PacketList& packets);
  void flush(const MediaSample& sample, bool last, PacketList& packets);

  std::vector<std::uint8_t> payload_;  // of the packet under way, behind its aggregation header
  std::uint8_t head_ = 0;
};

}  // namespace ott
