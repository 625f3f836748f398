// Counts of durations in a few buckets, cheap enough for what happens in each round of the loop. The buckets
// are those of /metrics.
#pragma once

#include <array>
#include <cstdint>

#include "ott/time.h"

namespace ott {

class DurationHistogram {
 public:
  /// What the durations in each bucket are not above. One more bucket has all that are longer.
  static constexpr std::array<Duration, 16> kBounds = {
      std::chrono::microseconds(100), std::chrono::microseconds(250),  std::chrono::microseconds(500),
      std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
      std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
      std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
      std::chrono::seconds(1),        std::chrono::milliseconds(2500), std::chrono::seconds(5),
      std::chrono::seconds(10),
  };
  using Counts = std::array<std::uint64_t, kBounds.size() + 1>;

  DurationHistogram() = default;
  DurationHistogram(const Counts& counts, double sum_s) : counts_(counts), sum_s_(sum_s) {}

  /// The bucket of a duration.
  [[nodiscard]] static constexpr std::size_t bucket(Duration duration) {
    std::size_t i = 0;
    while (i < kBounds.size() && duration > kBounds[i]) ++i;
    return i;
  }
  void add(Duration duration) {
    ++counts_[bucket(duration)];
    sum_s_ += std::chrono::duration<double>(duration).count();
  }

  /// How many there were in each bucket.
  [[nodiscard]] const Counts& counts() const { return counts_; }
  /// Of all durations, in seconds.
  [[nodiscard]] double sum_s() const { return sum_s_; }

 private:
  Counts counts_{};
  double sum_s_ = 0;
};

}  // namespace ott
