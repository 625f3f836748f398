// H.264 over RTP (RFC 6184): single NAL units, STAP-A and FU-A, which is packetization-mode 0 and 1. The
// interleaved mode is refused. Used through media_sample.h.
#pragma once

#include "media/h264_config.h"
#include "media/rtp_nal.h"

namespace ott {

class H264Depacketizer final : public NalDepacketizer {
 public:
  explicit H264Depacketizer(const MediaFormat& format);
  [[nodiscard]] const CodecConfig* config() const override {
    return sets_.config() ? &*sets_.config() : nullptr;
  }

 private:
  void on_nal(ByteSpan nal) override { sets_.take(nal); }

  H264ParameterSets sets_;
};

class H264Packetizer final : public NalPacketizer {
 public:
  explicit H264Packetizer(const Flow& flow);
};

}  // namespace ott
