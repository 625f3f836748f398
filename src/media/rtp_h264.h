// H.264 over RTP (RFC 6184): single NAL units, STAP-A and FU-A, which is packetization-mode 0 and 1. The
// interleaved mode is refused. Used through media_sample.h.
#pragma once

#include "media/h264_config.h"
#include "media/rtp_payload.h"

namespace ott {

class H264Depacketizer final : public PayloadDepacketizer {
 public:
  explicit H264Depacketizer(const MediaFormat& format);
  [[nodiscard]] const CodecConfig* config() const override {
    return sets_.config() ? &*sets_.config() : nullptr;
  }

 private:
  Result<void> unpack(const RtpPacket& packet) override;
  Result<void> finish() override;
  void reset() override;
  Result<void> take_aggregate(ByteSpan payload);
  Result<void> take_fragment(ByteSpan payload);
  void begin_nal();
  void end_nal();

  H264ParameterSets sets_;
  /// Of an access unit that came without a picture (a sender that sends parameter sets by themselves): they
  /// belong to the next one.
  std::vector<std::uint8_t> ahead_;
  std::size_t nal_at_ = 0;   // of the NAL unit under way, in the sample
  bool fragmented_ = false;  // the NAL unit under way waits for its last fragment
  bool has_slice_ = false;
  std::uint32_t media_time_ = 0;
};

class H264Packetizer final : public PayloadPacketizer {
 public:
  explicit H264Packetizer(const Flow& flow) : PayloadPacketizer(flow) {}
  Result<void> cut(const MediaSample& sample, PacketList& packets) override;
};

}  // namespace ott
