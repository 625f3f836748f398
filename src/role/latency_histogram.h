// Counts of durations in buckets of 3 % width, from a microsecond to hours, in constant memory.
#pragma once

#include <array>
#include <cstdint>

#include "ott/duration_histogram.h"

namespace ott {

class LatencyHistogram {
 public:
  void add(Duration latency);
  /// The smallest duration that at least `fraction` of all are not above, to the bucket's width, in ms.
  [[nodiscard]] double quantile_ms(double fraction) const;
  [[nodiscard]] double max_ms() const { return std::chrono::duration<double, std::milli>(max_).count(); }
  /// The same in fewer buckets, to the width of these.
  [[nodiscard]] DurationHistogram in_few_buckets() const;

 private:
  static constexpr unsigned kStepsPerOctave = 32;
  static constexpr std::size_t kBuckets = 34UL * kStepsPerOctave;
  static std::size_t bucket(std::uint64_t microseconds);
  static std::uint64_t upper_bound(std::size_t bucket);

  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
  Duration max_{};
  double sum_s_ = 0;
};

}  // namespace ott
