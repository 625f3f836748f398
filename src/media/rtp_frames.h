// The frames of one RTP/JPEG flow for an input's sink: packets from the network go in, access units come out.
// Put together from RtpReceiver (order) and RtpJpegDepacketizer (RFC 2435). What cannot be put together is
// refused, with why. No I/O and no clock.
#pragma once

#include <optional>
#include <string>

#include "media/input.h"
#include "media/rtcp.h"
#include "media/rtp_receiver.h"
#include "ott/rtp_jpeg.h"

namespace ott {

class RtpFrames {
 public:
  struct Flow {
    std::uint8_t payload_type = kRtpPayloadTypeJpeg;
    std::optional<PictureSize> size{};  // as signalled beside the stream
  };
  /// `name`: as errors name it, "rtsp://cam/live".
  RtpFrames(std::string name, const Flow& flow, InputSink& sink);

  /// A packet of RTP.
  void push(ByteSpan packet, Now now);
  /// A packet of RTCP, which is returned if it says that the sender ends which is followed: from then on
  /// another one is followed at once.
  std::optional<RtcpPacket> push_rtcp(ByteSpan packet);
  /// Goes on without packets that have not come in time.
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const { return receiver_.next_deadline(); }
  /// Another flow begins, or the same one anew. What was counted stays.
  void begin(const Flow& flow);

  /// Pushed to the sink.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// Of which packets came, but not all.
  [[nodiscard]] std::uint64_t frames_incomplete() const { return incomplete_; }
  /// How many senders were followed, one after the other.
  [[nodiscard]] std::uint64_t senders() const { return senders_; }
  [[nodiscard]] RtpReceiver::Counters packets() const { return past_ + receiver_.counters(); }
  /// These for statistics (Input::figures()); `refused` is what the input itself has refused of datagrams.
  [[nodiscard]] InputFigures figures(std::uint64_t refused = 0) const;

 private:
  void take(const RtpReceiver::Ordered& ordered);
  void forget_frame();

  std::string name_;
  InputSink& sink_;
  RtpReceiver receiver_;
  RtpReceiver::Counters past_;  // of receivers before this one
  RtpJpegDepacketizer depacketizer_;
  std::uint64_t frames_ = 0;
  std::uint64_t incomplete_ = 0;
  std::uint64_t senders_ = 0;
  std::uint32_t timestamp_ = 0;
  std::optional<Now> begun_;  // when the first packet of the frame under way was here
};

}  // namespace ott
