// When something that has failed is tried again: after a pause that doubles with each failure in a row, with
// jitter, lest all that lost one peer come back to it at one time. Owned by whoever tries.
#pragma once

#include <algorithm>
#include <random>

#include "ott/time.h"

namespace ott {

class Retry {
 public:
  struct Pauses {
    Duration first;
    Duration longest;
  };

  /// It has failed.
  void schedule(const Pauses& pauses, std::mt19937_64& random, Now now) {
    pause_ = pause_ == Duration{} ? pauses.first : std::min(pause_ * 2, pauses.longest);
    std::uniform_int_distribution<Duration::rep> jitter(-pause_.count() / 4, pause_.count() / 4);
    due_at_ = now.mono + pause_ + Duration(jitter(random));
  }
  /// True once, when the pause is over.
  bool take_due(Now now) {
    if (now.mono < due_at_) return false;
    due_at_ = MonoTime::max();
    return true;
  }
  /// It is being tried now, for another reason than that the pause is over.
  void cancel() { due_at_ = MonoTime::max(); }
  /// It worked: the next pause is the first again.
  void succeeded() { *this = {}; }

  [[nodiscard]] MonoTime due_at() const { return due_at_; }

 private:
  MonoTime due_at_ = MonoTime::max();
  Duration pause_{};
};

}  // namespace ott
