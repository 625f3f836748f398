// Whether an RTP flow's timestamps go as its description says: compared with when its packets arrive. Nothing
// is corrected, since packets travel as they came; it is only said. No I/O and no clock.
#pragma once

#include <cstdint>
#include <optional>

#include "ott/time.h"

namespace ott {

class RtpClockWatch {
 public:
  /// How long the clock is looked at, and how far it may be off then. What a sender has kept back and sends
  /// at once is less than that twice in turn.
  static constexpr Duration kWindow = std::chrono::seconds(5);
  static constexpr double kOffMax = 0.2;
  static constexpr unsigned kWindows = 2;
  /// A step that is so much longer than the time that has passed, or goes back by so much, is a jump.
  static constexpr double kJumpSeconds = 3;

  explicit RtpClockWatch(std::uint32_t clock_rate) : clock_rate_(clock_rate) {}

  struct Seen {
    std::optional<double> jump_seconds{};  // forward, or back
    std::optional<double> rate{};          // as it really is, in Hz, if it is far from the one that is said
  };
  Seen look(std::uint32_t timestamp, MonoTime arrived);
  void reset() { begun_ = false; }

 private:
  void begin_window(std::uint32_t timestamp, MonoTime arrived);

  std::uint32_t clock_rate_;
  bool begun_ = false;
  std::uint32_t last_ = 0;
  MonoTime last_at_{};
  std::uint32_t window_ = 0;  // its first timestamp
  MonoTime window_at_{};
  unsigned windows_off_ = 0;  // in turn
};

}  // namespace ott
