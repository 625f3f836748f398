// Frames of one stream to RTP packets for one receiver, or one group of receivers (RFC 3550): JPEG is cut to
// the size of a datagram (RFC 2435), packets of other formats go as they came. They are spread over the time
// between two frames where that helps, have one run of sequence numbers and timestamps whatever stream the
// frames come from, and reports beside them that let receivers align streams.
//
// Packets that came keep their numbers and timestamps for as long as the stream goes on: receivers see what
// the source's receivers see. Where frames were left out on the way here, or another stream begins, numbers
// go on without a gap.
//
// The frame under way is always finished. Those after it wait for a short time, since they may come several
// at once; when that is over, what waits is left out up to a frame at which decoding can begin. So whoever
// takes packets more slowly than frames come is given fewer frames, each whole. Of JPEG that goes as
// datagrams the newest one alone waits.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/outlet.h"
#include "ott/rtp_jpeg.h"

namespace ott {

/// A packet that we make travels whole in an Ethernet frame, in UDP and IPv6, which has the longer header.
inline constexpr std::size_t kRtpDatagramBytesMax = 1'500 - 40 - 8;
/// One that came goes on as a datagram if it travels so in IPv4, as senders fill it (ffmpeg does): over IPv6
/// the kernel makes two fragments of it.
inline constexpr std::size_t kRtpPassedBytesMax = 1'500 - 20 - 8;

/// A frame that RTP can carry. It is parsed once for all that send it; `image` is a JPEG's, points into the
/// frame, and its scan includes the EOI.
struct RtpFrame {
  FramePtr frame;
  JpegImage image;
};
using RtpFramePtr = std::shared_ptr<const RtpFrame>;

/// The error says why RTP cannot carry the frame (RFC 2435), or which of its packets is none.
Result<RtpFramePtr> make_rtp_frame(FramePtr frame);

class RtpSender {
 public:
  enum class Pace : std::uint8_t {
    AtOnce,  // over a connection: all packets of a frame are due when it is
    /// Datagrams: over half of the time between two frames, as measured, and at most kSpreadMax; and no more
    /// at once than a receiver's socket holds (kBurstBytes, then kBytesPerSecond).
    Spread,
  };
  static constexpr Duration kSpreadMax = std::chrono::milliseconds(100);
  static constexpr std::size_t kBurstBytes = std::size_t{64} << 10;
  static constexpr std::size_t kBytesPerSecond = std::size_t{4} << 20;
  /// A media time that differs by more from the time that has passed does not go on from the last one's: the
  /// source's clock has jumped, or another source has taken its place.
  static constexpr Duration kClockJump = std::chrono::seconds(10);
  /// A larger gap in the source's sequence numbers is no loss (RFC 3550, appendix A.1).
  static constexpr std::uint16_t kSequenceGapMax = 3'000;
  /// How long frames wait for a receiver that is too slow, and how many bytes of them.
  static constexpr Duration kLagMax = std::chrono::milliseconds(300);
  static constexpr std::size_t kWaitingBytesMax = std::size_t{4} << 20;
  /// How long a receiver that has joined may take to come up to live.
  static constexpr Duration kCatchUpTime = std::chrono::seconds(10);

  /// `first`: of the first packet, chosen at random (RFC 3550, section 5.1); of packets that came only the
  /// SSRC is taken from it. `cname`: RFC 3550, section 6.5.1.
  RtpSender(const MediaFormat& format, const RtpFields& first, std::string cname, Pace pace);

  void set_pace(Pace pace) { pace_ = pace; }
  /// The newest frame of all.
  void push(RtpFramePtr frame, Now now);
  /// The frames since the newest sync point, for a receiver that joins: sent as fast as it takes them.
  void push_history(const std::vector<FramePtr>& frames, Now now);
  /// The frames that follow are another stream's; their media time has nothing to do with the last one's.
  /// What waits is left out.
  void change_stream(const MediaFormat& format);
  /// Leaves out what waits, and what is left of the frame under way.
  void clear();

  /// The next packet, if one is due; empty if none is. Valid until the next call.
  ByteSpan next(Now now);
  /// When next() has a packet; max: not before another frame is pushed.
  [[nodiscard]] MonoTime next_deadline() const;

  /// What the first packet of the next frame will carry, if no frame is under way or waits. Nothing while
  /// that is not known: packets that came bring their own.
  [[nodiscard]] std::optional<RtpFields> fields() const;
  /// True once a frame was begun: then there is something to report.
  [[nodiscard]] bool has_begun() const { return last_.has_value(); }
  [[nodiscard]] std::uint32_t ssrc() const { return fields_.ssrc; }

  /// A compound packet to be sent each kReportInterval: a sender report, once a frame was sent, and the
  /// CNAME. It says at which instant a frame with such a timestamp was taken (Frame::instant, or else when
  /// the origin had it), so streams of one source can be aligned.
  [[nodiscard]] std::vector<std::uint8_t> report(Now now) const;
  /// The last one of all: it says that no packet follows.
  [[nodiscard]] std::vector<std::uint8_t> bye(Now now) const;
  static constexpr Duration kReportInterval = std::chrono::seconds(5);

  /// The frame under way and those that wait.
  template <class Call>
  void each_held(Call call) const {
    if (current_ != nullptr) call(*current_->frame);
    for (const Waiting& one : waiting_) call(*one.frame->frame);
  }
  [[nodiscard]] std::uint64_t frames_sent() const { return frames_sent_; }
  [[nodiscard]] std::uint64_t frames_skipped() const { return frames_skipped_; }
  /// Packets that came and do not travel whole in a datagram: left out.
  [[nodiscard]] std::uint64_t packets_too_large() const { return packets_too_large_; }

 private:
  struct Waiting {
    RtpFramePtr frame;
    MonoTime since{};
  };
  struct Sent {  // the last frame that was begun
    FrameNumber number;
    std::uint32_t media_time = 0;
    std::uint16_t last_sequence = 0;  // of packets that came
    WallTime source_time{};
    MonoTime arrived{};
  };

  void measure_interval(Now now);
  void bound_waiting(Now now);
  void leave_out_waiting(std::size_t count);
  void begin(RtpFramePtr frame, Now now);
  void set_sequence(const Frame& frame);
  void set_timestamp(const Frame& frame);
  [[nodiscard]] std::size_t packet_count() const;
  [[nodiscard]] bool is_done() const;
  ByteSpan make_packet();
  void pace_after(std::size_t bytes, Now now);
  [[nodiscard]] MonoTime due() const;
  [[nodiscard]] WallTime taken_at(const Sent& frame) const;

  RtpFields fields_;
  std::uint32_t clock_rate_;
  Pace pace_;
  bool is_jpeg_;
  bool awaits_sync_point_ = true;
  bool continues_ = true;
  std::string cname_;

  RtpFramePtr current_;
  std::optional<RtpJpegPacketizer> packets_;  // of current_, if it is a JPEG
  MonoTime began_{};
  Duration spread_{};  // of current_
  std::size_t packet_number_ = 0;
  MonoTime paced_until_ = MonoTime::min();  // what was sent takes so long at kBytesPerSecond
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  MonoTime catching_up_until_{};
  std::vector<std::uint8_t> packet_;

  std::optional<MonoTime> last_pushed_;
  Duration interval_{};  // between two frames, smoothed; 0: not known yet

  std::optional<Sent> last_;
  struct Instant {
    std::uint32_t media_time = 0;
    WallTime wall{};
  };
  std::optional<Instant> instant_;  // the last one that a frame brought
  std::uint64_t frames_sent_ = 0;
  std::uint64_t frames_skipped_ = 0;
  std::uint64_t packets_too_large_ = 0;
  std::uint32_t timestamp_offset_ = 0;  // of ours from the source's
  std::uint32_t packets_sent_ = 0;
  std::uint32_t octets_sent_ = 0;
};

}  // namespace ott
