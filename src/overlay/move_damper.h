// How long one stays where one is after a move that measurements have caused: a moment at first, and each
// time for twice as long while the moves follow each other. So nobody oscillates between two ways each of
// which becomes worse once it is used.
#pragma once

#include <algorithm>

#include "ott/time.h"

namespace ott {

/// The next of pauses that double; the first one again if the last one ended longer than the longest ago.
inline Duration next_pause(Duration pause, MonoTime ended_at, Duration first, Duration longest,
                           MonoTime now) {
  if (pause == Duration{} || now - ended_at >= longest) return first;
  return std::min(2 * pause, longest);
}

class MoveDamper {
 public:
  static constexpr Duration kLongest = std::chrono::minutes(5);

  explicit MoveDamper(Duration first) : first_(first) {}

  void moved(MonoTime now) {
    pause_ = next_pause(pause_, ends_at_, first_, kLongest, now);
    ends_at_ = now + pause_;
  }
  /// When one may move again.
  [[nodiscard]] MonoTime ends_at() const { return ends_at_; }

 private:
  Duration first_;
  Duration pause_{};
  MonoTime ends_at_{};
};

}  // namespace ott
