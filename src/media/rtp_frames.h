// The frames of one RTP/JPEG flow for an input's sink: packets from the network go in, JPEGs come out. Put
// together by RtpJpegDepacketizer (RFC 2435). What cannot be put together is refused, with why. No I/O and no
// clock.
#pragma once

#include <optional>
#include <string>

#include "media/rtp_flow.h"
#include "ott/rtp_jpeg.h"

namespace ott {

class RtpFrames final : public RtpFlow {
 public:
  struct Flow {
    std::uint8_t payload_type = kRtpPayloadTypeJpeg;
    std::optional<PictureSize> size{};  // as signalled beside the stream
    std::size_t part = 0;
  };
  RtpFrames(std::string name, const Flow& flow, InputSink& sink);

 private:
  void take(const RtpReceiver::Ordered& ordered) override;
  void forget() override;

  RtpJpegDepacketizer depacketizer_;
  std::uint32_t timestamp_ = 0;
  std::optional<Now> begun_;  // when the first packet of the frame under way was here
};

}  // namespace ott
