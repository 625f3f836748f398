// When the frames of a recording are shown. A stream has two clocks: the source's media clock, which is even
// but may jump, wrap, or be another source's from one frame to the next; and the wall clock of its origin,
// which is uneven and may be set. Times follow the media clock as long as it agrees with the wall clock, and
// the wall clock as long as it agrees with ours.
#pragma once

#include <optional>

#include "media/outlet.h"

namespace ott {

class FrameClock {
 public:
  /// The media clock is believed that is no further from the wall clock.
  static constexpr Duration kApartMax = std::chrono::milliseconds(500);
  /// The wall clock is believed that has not gone on so much more than ours. Frames of an origin's history
  /// come faster than they were made.
  static constexpr Duration kAheadMax = std::chrono::seconds(60);

  /// The time of the next frame, in their order, since the first. It rises from each frame to the next.
  Duration time_of(const Frame& frame);

 private:
  struct Last {
    std::uint32_t media_time;
    WallTime source_time;
    MonoTime arrived;
  };

  std::optional<Last> last_;
  Duration media_{};  // since the first frame, by the media clock where it is believed
  Duration real_{};   // by the others
  Duration time_{};
};

}  // namespace ott
