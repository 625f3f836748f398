// One RTP flow from the network, as an input has it: packets of RTP and RTCP go in, access units come out to
// the input's sink. What all formats have in common: order (RtpReceiver), the sender's reports, by which the
// parts of a source are aligned, and what is wrong with the flow, which is said once and then counted. How
// packets become units is the format's: RtpFrames for JPEG, PacketFrames for all others. No I/O and no clock.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/input.h"
#include "media/rtcp.h"
#include "media/rtp_part.h"
#include "media/rtp_receiver.h"
#include "ott/repeated_warning.h"
#include "ott/rtp_jpeg.h"

namespace ott {

class RtpFlow {
 public:
  virtual ~RtpFlow() = default;
  RtpFlow(const RtpFlow&) = delete;
  RtpFlow& operator=(const RtpFlow&) = delete;

  /// A packet of RTP.
  void push(ByteSpan packet, Now now);
  /// A packet of RTCP, which is returned if it says that the sender ends which is followed: from then on
  /// another one is followed at once.
  std::optional<RtcpPacket> push_rtcp(ByteSpan packet);
  /// Goes on without packets that have not come in time.
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  /// The flow begins anew. What was counted stays.
  void begin_anew();

  /// Pushed to the sink.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// Of which packets came, but not all.
  [[nodiscard]] std::uint64_t frames_incomplete() const { return incomplete_; }
  /// How many senders were followed, one after the other.
  [[nodiscard]] std::uint64_t senders() const { return senders_; }
  [[nodiscard]] RtpReceiver::Counters packets() const { return past_ + receiver_.counters(); }
  /// These for statistics (Input::figures()); `refused` is what the input itself has refused of datagrams.
  [[nodiscard]] virtual InputFigures figures(std::uint64_t refused = 0) const;
  /// What is wrong with the flow and is to be said now, a sentence each, for the log; mostly none.
  std::vector<std::string> take_warnings(Now now);

 protected:
  /// `name`: as errors name it, "rtsp://cam/live".
  RtpFlow(std::string name, std::uint8_t payload_type, std::uint32_t clock_rate, std::size_t part,
          InputSink& sink);

  virtual void take(const RtpReceiver::Ordered& ordered) = 0;
  /// A sender is followed from here on, or the flow begins anew: nothing of before belongs to what comes.
  virtual void forget() = 0;
  virtual void on_time(Now /*now*/) {}
  [[nodiscard]] virtual MonoTime own_deadline() const { return MonoTime::max(); }

  /// When a unit of this timestamp was taken, by the sender's reports (RFC 3550, section 6.4.1); nothing
  /// before the first one.
  [[nodiscard]] std::optional<WallTime> instant_of(std::uint32_t timestamp) const;
  void push_unit(AccessUnit unit);
  void refuse(const std::string& why, Now now) { sink_.refuse_of(part_, name_ + ": " + why, now); }

  enum class Fault : std::uint8_t { Sequence, Time, ClockRate, Loss, Unknown, Payload };
  static constexpr std::size_t kFaults = 6;
  void found(Fault fault, std::string what);

  const std::string name_;
  std::uint64_t incomplete_ = 0;

 private:
  struct Found {
    std::uint64_t count = 0;
    std::string what;  // the last one
    RepeatedWarning warning;
  };
  struct SenderClock {
    std::uint32_t ssrc = 0;
    std::uint64_t ntp = 0;
    std::uint32_t timestamp = 0;
  };

  static constexpr std::size_t kClocksMax = 4;

  void keep(const SenderClock& clock);

  const std::uint32_t clock_rate_;
  const std::size_t part_;
  InputSink& sink_;
  RtpReceiver receiver_;
  RtpReceiver::Counters past_;       // of receivers before this one
  std::vector<SenderClock> clocks_;  // by the last reports of so many senders
  std::uint64_t frames_ = 0;
  std::uint64_t senders_ = 0;
  std::array<Found, kFaults> faults_;
};

/// For one part of a source, the `index`th.
std::unique_ptr<RtpFlow> make_rtp_flow(std::string name, const RtpPart& part, std::size_t index,
                                       InputSink& sink);

}  // namespace ott
