// What a publisher has published, and for how long somebody watched: frames are published only then, so that
// is the time which they are counted against.
#pragma once

#include <cstdint>

#include "ott/time.h"

namespace ott::load {

class Published {
 public:
  /// To be told whenever it may have changed whether anybody watches any of the streams.
  void watched(bool by_somebody, MonoTime now) {
    if (watched_) watched_for_ += now - as_of_;
    watched_ = by_somebody;
    as_of_ = now;
  }
  /// A frame, of whichever stream.
  void frame(MonoTime now) {
    watched(watched_, now);
    if (watched_) ++frames_;
  }

  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// While somebody watched, up to the last call of the others.
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(watched_for_).count(); }

 private:
  std::uint64_t frames_ = 0;
  Duration watched_for_{};
  bool watched_ = false;
  MonoTime as_of_{};
};

}  // namespace ott::load
