// The time line of one part of a source: its RTP timestamps without wraps, and their place on the clock that
// all its parts have in common. That clock is the source's own (Frame::instant), or the origin's where the
// source has none: a part has a PartClock for each.
#pragma once

#include <cstdint>
#include <optional>

#include "media/outlet.h"
#include "ott/time.h"

namespace ott {

class PartClock {
 public:
  /// Instants may differ by so much from what timestamps say before they are believed instead.
  static constexpr Duration kDriftMax = std::chrono::milliseconds(15);
  /// A timestamp that is so far from when its frame came is of another time line.
  static constexpr Duration kJumpMax = std::chrono::seconds(5);

  enum class By : std::uint8_t { Instant, SourceTime };

  /// REQUIRES: clock_rate > 0.
  PartClock(By by, std::uint32_t clock_rate) : by_(by), clock_rate_(clock_rate) {}

  /// Looks at each frame, before anything is asked of its timestamp. False if its time line is a new one: the
  /// parts have to be aligned anew.
  bool look(const Frame& frame);
  /// False until a frame has said the common clock's time.
  [[nodiscard]] bool is_set() const { return is_set_; }
  /// When a sample was taken, by the common clock. REQUIRES: is_set().
  [[nodiscard]] WallTime time_of(std::uint32_t media_time) const;
  /// The same in units of the clock rate, from such a beginning on.
  [[nodiscard]] std::int64_t ticks_of(std::uint32_t media_time, WallTime zero) const;

 private:
  [[nodiscard]] Duration since_anchor(std::uint32_t media_time) const;

  By by_;
  std::uint32_t clock_rate_;
  bool is_set_ = false;
  std::uint32_t last_ = 0;       // timestamp
  std::int64_t last_ticks_ = 0;  // since the anchor
  WallTime anchor_{};            // of the common clock
  WallTime anchor_source_{};     // when the frame of the anchor came to the origin
  Duration corrected_{};         // by instants since then
};

}  // namespace ott
