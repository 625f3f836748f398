// What a guest thinks of one access node: how long its round trip is, whether it answers, and whether it may
// be attached to. No I/O, no clock.
//
// Late answers move nobody: for the node that a guest is attached to, the least of the last round trips
// counts, and for another one the greatest of them. So another one is better only when all of the last
// probes have found it so, by more than they vary.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "ott/time.h"

namespace ott {

class AccessStanding {
 public:
  static constexpr std::size_t kSamples = 3;

  /// A probe of it was answered.
  void answered(Duration round_trip, Now now);
  /// Its former round trips say nothing any more: the node has been away.
  void forget_round_trips() { count_ = 0; }
  /// It gave nothing, or refused: it is avoided, each time for twice as long.
  void failed(Now now);

  /// The least and the greatest of the last kSamples round trips. None before the first.
  [[nodiscard]] std::optional<Duration> least() const;
  [[nodiscard]] std::optional<Duration> greatest() const;
  /// All the samples that comparing takes are there, and the last one is not old.
  [[nodiscard]] bool is_measured(Now now) const;
  [[nodiscard]] bool is_avoided(Now now) const { return now.mono < avoided_until_; }
  [[nodiscard]] MonoTime avoided_until() const { return avoided_until_; }

  /// True if it is worth to move here from `own`: better by more than the margin.
  [[nodiscard]] bool is_clearly_better_than(const AccessStanding& own, Now now) const;

 private:
  [[nodiscard]] std::span<const Duration> last() const { return {last_.data(), std::min(count_, kSamples)}; }

  std::array<Duration, kSamples> last_{};  // a ring
  std::size_t count_ = 0;                  // of all samples so far
  MonoTime answered_at_{};
  MonoTime avoided_until_{};
  Duration avoided_for_{};
};

}  // namespace ott
