// When to warn of something that may happen many times a second: as soon as it happens, then at most each ten
// seconds, with how often it has happened since. So the first one is said in full, and then how many more.
#pragma once

#include <cstdint>
#include <utility>

#include "ott/time.h"

namespace ott {

class RepeatedWarning {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(10);

  /// `count`: how often it has happened in all. Returns how often it has happened since the last warning, if
  /// it is time for one, else 0.
  std::uint64_t due(std::uint64_t count, Now now) {
    if (count == said_ || now.mono < next_at_) return 0;
    next_at_ = now.mono + kInterval;
    return count - std::exchange(said_, count);
  }

  /// When due() is to be asked again at the latest.
  [[nodiscard]] MonoTime next_deadline(std::uint64_t count) const {
    return count == said_ ? MonoTime::max() : next_at_;
  }

 private:
  std::uint64_t said_ = 0;
  MonoTime next_at_{};
};

}  // namespace ott
