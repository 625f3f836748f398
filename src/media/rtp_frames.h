// The frames of one RTP/JPEG flow for an input's sink: packets from the network go in, access units come out.
// Put together from RtpReceiver (order) and RtpJpegDepacketizer (RFC 2435). What cannot be put together is
// refused, with why. No I/O and no clock.
#pragma once

#include <optional>
#include <string>

#include "media/input.h"
#include "media/rtp_receiver.h"
#include "ott/rtp_jpeg.h"

namespace ott {

class RtpFrames {
 public:
  struct Flow {
    std::uint8_t payload_type = kRtpPayloadTypeJpeg;
    std::optional<PictureSize> size{};  // as signalled beside the stream
    std::string name{};                 // as errors name it: "rtsp://cam/live"
  };
  RtpFrames(Flow flow, InputSink& sink);

  /// A packet of RTP, or of RTCP: a sender's BYE lets another one follow at once.
  void push(ByteSpan packet, Now now);
  void push_rtcp(ByteSpan packet);
  /// Goes on without packets that have not come in time.
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const { return receiver_.next_deadline(); }

  [[nodiscard]] const RtpReceiver& receiver() const { return receiver_; }
  /// Pushed to the sink.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }

 private:
  void take(const RtpReceiver::Ordered& ordered);

  std::string name_;
  InputSink& sink_;
  RtpReceiver receiver_;
  RtpJpegDepacketizer depacketizer_;
  std::uint64_t frames_ = 0;
};

}  // namespace ott
