// H.265 over RTP (RFC 7798): single NAL units, aggregation packets and fragmentation units. PACI packets, and
// the decoding order numbers of sprop-max-don-diff, are refused. Used through media_sample.h.
#pragma once

#include "media/h265_config.h"
#include "media/rtp_nal.h"

namespace ott {

class H265Depacketizer final : public NalDepacketizer {
 public:
  explicit H265Depacketizer(const MediaFormat& format);
  [[nodiscard]] const CodecConfig* config() const override {
    return sets_.config() ? &*sets_.config() : nullptr;
  }

 private:
  void on_nal(ByteSpan nal) override { sets_.take(nal); }

  H265ParameterSets sets_;
};

class H265Packetizer final : public NalPacketizer {
 public:
  explicit H265Packetizer(const Flow& flow);
};

}  // namespace ott
