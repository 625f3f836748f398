// What this end measures of its link to one neighbour, and what its link state says of it: the round trip,
// what is lost of what is sent, and whether the link keeps up with it.
//
// What is said is damped. It changes when a measurement has differed from it by a fifth for kPatience; at
// once when the link does not keep up. A round trip counts as the least of the last kPatience, since all that
// can happen to a single one makes it longer. For that reason the first one, a handshake's, is corrected
// after kPatience if it was too long by a tenth. While the link does not keep up, one way or the other, it
// counts only if it is shorter, since then it is a queue that is measured. What is lost then is lost where
// the queue is full, and does not count either.
//
// A link does not keep up when feeds skip on it more than once. What it carries then is what it could carry,
// until it carries more. That is remembered: for a minute if the link is hardly used meanwhile, else for
// twenty, and for twice as long each time that it has proved true again (at most eight times as long). Where
// the round trip is longer even when hardly anything goes over the link, it did not keep up for that reason,
// and what it could carry is forgotten, once.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <utility>

#include "ott/machine.h"
#include "ott/message.h"

namespace ott {

/// A number as link states say it.
class DampedFact {
 public:
  [[nodiscard]] std::uint32_t said() const { return said_; }
  void say(std::uint32_t value) {
    said_ = value;
    differs_since_ = MonoTime::max();
  }
  /// Takes a measurement. It is said if it has differed by `threshold` for `patience`. True if what is said
  /// has changed.
  bool follow(std::uint32_t value, std::uint32_t threshold, Duration patience, MonoTime now);

 private:
  std::uint32_t said_ = 0;
  bool higher_ = false;
  MonoTime differs_since_ = MonoTime::max();
};

class LinkMeter {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(3);
  /// How often look() is called.
  static constexpr Duration kInterval = std::chrono::milliseconds(500);

  /// There is a connection, another one than before. `round_trip` is what its handshake took.
  void begin(Duration round_trip, MonoTime now);
  void round_trip(Duration sample, MonoTime now);
  /// The neighbour says that the link does not keep up with what it sends here, or that it does.
  void set_peer_queues(bool queues, MonoTime now);
  /// What the kernel has counted since the connection began: segments with data, and those of them that were
  /// sent again.
  void segments(std::uint64_t sent, std::uint64_t resent, MonoTime now);
  /// Counts since the connection began, each kInterval.
  struct Counts {
    std::uint64_t bytes_out = 0;
    std::uint64_t frames_skipped = 0;
    Duration blocked{};  // for how long the connection took nothing, although there was something
  };
  void look(const Counts& counts, MonoTime now);

  /// What link states say of the link.
  [[nodiscard]] LinkFacts facts() const;
  /// True if facts() has changed since the last call.
  bool take_changed() { return std::exchange(changed_, false); }

  // For people.
  [[nodiscard]] Duration smoothed() const { return smoothed_; }    // RFC 6298, section 2
  [[nodiscard]] Duration variation() const { return variation_; }  // the same
  [[nodiscard]] Duration least() const { return least_; }          // of this connection
  /// Of the segments sent lately, those sent again; < 0 while too few were sent.
  [[nodiscard]] double loss() const;
  /// The part of the last two seconds in which the connection took nothing.
  [[nodiscard]] double blocked() const { return blocked_; }
  [[nodiscard]] std::uint32_t carries_kbps() const { return carries_kbps_; }
  [[nodiscard]] bool keeps_up() const { return could_carry_kbps_ == 0; }
  /// Until when what the link could carry is remembered, if it is used as it is now.
  [[nodiscard]] MonoTime remembered_until() const;

 private:
  struct Sample {
    MonoTime at;
    Duration round_trip;
  };
  struct Look {
    MonoTime at;
    Counts counts;
  };
  void note_skip(MonoTime now);
  void say_round_trip(MonoTime now);
  void forget_queue(MonoTime now);
  void forget_limit(MonoTime now);
  [[nodiscard]] std::uint32_t kbps_since(const Look& look) const;
  [[nodiscard]] bool is_queueing(MonoTime now) const;

  std::deque<Sample> samples_;  // of the last kPatience
  MonoTime begun_{};
  bool is_first_ = false;  // what is said is the handshake's round trip
  bool peer_queues_ = false;
  std::uint32_t shorter_us_ = 0;  // what was said before a round trip became longer
  MonoTime longer_at_{};
  Duration smoothed_{};
  Duration variation_{};
  Duration least_{};
  std::uint64_t sent_before_ = 0;
  std::uint64_t resent_before_ = 0;
  double sent_ = 0;  // lately: both are halved now and then
  double resent_ = 0;
  std::deque<Look> looks_;  // of the last two seconds
  double blocked_ = 0;
  std::uint32_t carries_kbps_ = 0;

  std::uint32_t could_carry_kbps_ = 0;
  MonoTime skips_since_{};  // the first skip of several
  MonoTime skipped_at_{};   // the last one; the epoch: none yet
  MonoTime proved_at_{};    // when it did not keep up last
  MonoTime used_at_{};      // when it carried half of what it could
  MonoTime forgotten_at_{};
  unsigned trust_ = 1;  // how many times as long it is remembered

  DampedFact rtt_us_;
  DampedFact loss_;
  DampedFact could_carry_said_;
  DampedFact carries_said_;
  bool changed_ = false;
};

}  // namespace ott
