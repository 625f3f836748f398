// When something that has failed is tried again: after a pause that doubles with each failure in a row, with
// jitter, so that processes that lost the same peer do not all return to it at once.
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

  /// An attempt has failed.
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
  /// It is being tried now, before the pause is over.
  void cancel() { due_at_ = MonoTime::max(); }
  /// An attempt has succeeded: the next pause is the first again.
  void succeeded() { *this = {}; }

  [[nodiscard]] MonoTime due_at() const { return due_at_; }

 private:
  MonoTime due_at_ = MonoTime::max();
  Duration pause_{};
};

}  // namespace ott
