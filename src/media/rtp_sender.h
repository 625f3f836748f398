// Frames to RTP packets for one receiver, or one group of receivers (RFC 3550, RFC 2435): cut to the size of
// a datagram, spread over the time between two frames where that helps, with one run of sequence numbers and
// timestamps whatever stream the frames come from, and with the reports that let receivers align streams.
//
// It holds at most two frames: the one under way, which is always finished, and the newest one after it. So
// whoever takes packets more slowly than frames come is given fewer frames, each whole.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/outlet.h"
#include "ott/rtp_jpeg.h"

namespace ott {

/// An RTP packet that travels whole in an Ethernet frame, in UDP and IPv6, which has the longer header.
inline constexpr std::size_t kRtpDatagramBytesMax = 1'500 - 40 - 8;

/// A frame that RTP can carry. It is parsed once for all that send it; `image` points into the frame, and its
/// scan includes the EOI.
struct RtpFrame {
  FramePtr frame;
  JpegImage image;
};
using RtpFramePtr = std::shared_ptr<const RtpFrame>;

/// The error says why RTP cannot carry the frame (RFC 2435).
Result<RtpFramePtr> make_rtp_frame(FramePtr frame);

class RtpSender {
 public:
  enum class Pace : std::uint8_t {
    AtOnce,  // all packets of a frame are due when it is
    Spread,  // over half of the time between two frames, as measured, and at most kSpreadMax
  };
  static constexpr Duration kSpreadMax = std::chrono::milliseconds(100);
  /// A media time that differs by more from the time that has passed does not go on from the last one's: the
  /// source's clock has jumped, or another source has taken its place.
  static constexpr Duration kClockJump = std::chrono::seconds(10);

  /// `first`: of the first packet, chosen at random (RFC 3550, section 5.1). `cname`: RFC 3550,
  /// section 6.5.1.
  RtpSender(const RtpFields& first, std::string cname, Pace pace);

  void set_pace(Pace pace) { pace_ = pace; }
  /// The newest frame of all. One that waits and has not been begun is left out.
  void push(RtpFramePtr frame, Now now);
  /// The frames that follow are another stream's; their media time has nothing to do with the last one's.
  void change_stream() { continues_ = false; }
  /// Leaves out the frame that waits, and what is left of the one under way.
  void clear();

  /// The next packet, if one is due; empty if none is. Valid until the next call.
  ByteSpan next(Now now);
  /// When next() has a packet; max: not before another frame is pushed.
  [[nodiscard]] MonoTime next_deadline() const;

  /// What the first packet of the next frame will carry, if no frame is under way or waits.
  [[nodiscard]] const RtpFields& fields() const { return fields_; }
  [[nodiscard]] std::uint32_t ssrc() const { return fields_.ssrc; }

  /// A compound packet to be sent each kReportInterval: a sender report, once a frame was sent, and the
  /// CNAME. It says at which time of the origin's clock a frame with such a timestamp was taken, so streams
  /// of one origin can be aligned.
  [[nodiscard]] std::vector<std::uint8_t> report(Now now) const;
  /// The last one of all: it says that no packet follows.
  [[nodiscard]] std::vector<std::uint8_t> bye(Now now) const;
  static constexpr Duration kReportInterval = std::chrono::seconds(5);

  /// The frame under way; null between two.
  [[nodiscard]] const RtpFramePtr& current() const { return current_; }
  [[nodiscard]] std::uint64_t frames_sent() const { return frames_sent_; }
  [[nodiscard]] std::uint64_t frames_skipped() const { return frames_skipped_; }

 private:
  void begin(RtpFramePtr frame, Now now);
  void set_timestamp(const Frame& frame);
  [[nodiscard]] MonoTime due() const;

  RtpFields fields_;
  std::string cname_;
  Pace pace_;

  RtpFramePtr current_;
  std::optional<RtpJpegPacketizer> packets_;  // of current_
  MonoTime began_{};
  Duration spread_{};  // of current_
  std::size_t packet_number_ = 0;
  RtpFramePtr waiting_;
  std::vector<std::uint8_t> packet_;

  std::optional<MonoTime> last_pushed_;
  Duration interval_{};  // between two frames, smoothed; 0: not known yet
  bool continues_ = true;

  struct Sent {  // the last frame that was begun
    std::uint32_t media_time = 0;
    WallTime source_time{};
    MonoTime arrived{};
  };
  std::optional<Sent> last_;
  std::uint64_t frames_sent_ = 0;
  std::uint64_t frames_skipped_ = 0;
  std::uint32_t packets_sent_ = 0;
  std::uint32_t octets_sent_ = 0;
};

}  // namespace ott
