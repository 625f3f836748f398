// The receiving end of one RTP flow (RFC 3550): packets go in as the network gives them and come out once
// each and in order, as far as they come in time. No I/O and no clock.
//
// Packets that arrive in order pass through without a copy. One that is ahead waits for those before it, for
// a time and in a number that are bounded; then those are lost. Which packets belong to the flow is decided
// as in appendix A.1: a sequence number far from the last one, or another SSRC, must be followed by its
// successor to be believed. A sender that has begun anew is followed from its first packet on. While a sender
// goes on, another one at the same port is ignored.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ott/rtp.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

/// Tells RTCP from RTP at a port that has both (RFC 5761, section 4).
[[nodiscard]] constexpr bool is_rtcp(ByteSpan packet) {
  return packet.size() >= 2 && packet[1] >= 192 && packet[1] <= 223;
}

class RtpReceiver {
 public:
  static constexpr Duration kWaitMax = std::chrono::milliseconds(50);
  static constexpr std::size_t kWaitingMax = 1'024;                      // packets, and
  static constexpr std::size_t kWaitingBytesMax = std::size_t{2} << 20;  // their bytes
  /// A sender that has been silent so long is given up for another one.
  static constexpr Duration kSilence = std::chrono::milliseconds(200);

  struct Counters {
    std::uint64_t packets = 0;  // handed out
    std::uint64_t lost = 0;     // not here when it was time to go on
    std::uint64_t late = 0;     // here after that
    std::uint64_t duplicates = 0;
    std::uint64_t malformed = 0;   // no RTP
    std::uint64_t wrong_type = 0;  // of another payload type
    std::uint64_t strange = 0;     // of another sender, or a few that nothing followed
    std::uint64_t restarts = 0;    // how often another sender, or the same one anew, was followed

    [[nodiscard]] Counters operator+(const Counters& other) const {
      return {packets + other.packets,       lost + other.lost,           late + other.late,
              duplicates + other.duplicates, malformed + other.malformed, wrong_type + other.wrong_type,
              strange + other.strange,       restarts + other.restarts};
    }
  };

  struct Ordered {
    ByteSpan packet;
    Now arrived;
    /// The first one of a sender: what was known of the one before does not hold for it.
    bool first = false;
  };

  /// `clock_rate`: of its timestamps, in Hz, for the jitter.
  explicit RtpReceiver(std::uint8_t payload_type, std::uint32_t clock_rate = 90'000)
      : payload_type_(payload_type), clock_rate_(clock_rate) {}

  /// REQUIRES: next() has been called until it returned nothing, and is before the packet's bytes are gone.
  void push(ByteSpan packet, Now now);
  /// The next packet in order; valid until the next call of next() or push(), or as long as what was pushed.
  std::optional<Ordered> next(MonoTime now);
  /// When next() has something although nothing is pushed.
  [[nodiscard]] MonoTime next_deadline() const;
  /// A sender has said that it ends (RTCP BYE, RFC 3550 section 6.6). True if it is the one that is followed
  /// and nothing has said so before; another is followed at once then.
  bool on_bye(std::uint32_t ssrc);

  [[nodiscard]] std::uint8_t payload_type() const { return payload_type_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// For receiver reports (RFC 3550, section 6.4.1); nothing before the first packet.
  [[nodiscard]] std::optional<std::uint32_t> ssrc() const;
  [[nodiscard]] std::uint32_t highest_sequence() const {
    return static_cast<std::uint32_t>(source_.highest - kFirst);
  }
  [[nodiscard]] std::uint32_t jitter() const { return static_cast<std::uint32_t>(source_.jitter); }

 private:
  struct Waiting {
    std::vector<std::uint8_t> bytes;
    Now arrived;
  };
  static constexpr std::size_t kHistory = 2 * kWaitingMax;
  static constexpr std::int64_t kFirst = 1 << 16;  // no number is below 0, with what comes before the first
  /// A sender. Sequence numbers are extended to 64 bits (appendix A.1: cycles above them).
  struct Source {
    bool known = false;
    std::uint32_t ssrc = 0;
    std::int64_t next = 0;     // to be handed out
    std::int64_t highest = 0;  // that has come
    MonoTime heard{};          // when something new of it came
    bool ended = false;        // BYE
    bool proven = false;       // two packets in sequence have come
    std::map<std::int64_t, Waiting> waiting;
    std::size_t waiting_bytes = 0;
    std::bitset<kHistory> came;            // of the numbers before `next`
    std::optional<std::uint32_t> transit;  // appendix A.8
    double jitter = 0;                     // in units of the RTP clock

    [[nodiscard]] std::int64_t extend(std::uint16_t sequence) const;
    void begin(std::uint32_t its_ssrc, std::uint16_t sequence);
    /// False if it is there already.
    bool hold(std::int64_t number, ByteSpan packet, Now now);
    std::vector<std::uint8_t> take_first();
    [[nodiscard]] bool full() const {
      return waiting.size() > kWaitingMax || waiting_bytes > kWaitingBytesMax;
    }
    /// Goes on to `number`; what is before it has not come.
    void skip_to(std::int64_t number);
    void measure(const RtpHeader& header, std::uint32_t clock_rate, Now now);
  };

  /// A packet without a predecessor.
  struct Unproven {
    std::uint32_t ssrc = 0;
    std::uint16_t sequence = 0;
    Waiting packet;  // empty: there is none
  };
  static constexpr std::size_t kUnprovenMax = 16;

  void take(const RtpHeader& header, ByteSpan packet, Now now);
  void take_old(std::int64_t number, const RtpHeader& header, ByteSpan packet, Now now);
  void consider(const RtpHeader& header, ByteSpan packet, Now now);
  bool prove(const RtpHeader& header, ByteSpan packet, Now now);
  [[nodiscard]] bool may_follow(MonoTime now) const;
  Ordered hand_out(ByteSpan packet, Now arrived);

  std::uint8_t payload_type_;
  std::uint32_t clock_rate_;
  Source source_;
  Source candidate_;  // of which two packets in sequence have come; it may take the place of source_
  std::array<Unproven, kUnprovenMax> unproven_;
  std::size_t oldest_unproven_ = 0;
  bool first_ = false;             // the next packet to be handed out is the first one of source_
  std::optional<Ordered> direct_;  // pushed in order
  std::vector<std::uint8_t> out_;  // the one that next() has returned last, if it had waited
  Counters counters_;
};

}  // namespace ott
