#include "role/latency_histogram.h"

#include <algorithm>
#include <bit>

namespace ott {

// Below 2 * kStepsPerOctave a bucket is one microsecond; above, each octave has kStepsPerOctave of them.
std::size_t LatencyHistogram::bucket(std::uint64_t microseconds) {
  if (microseconds < kStepsPerOctave) return microseconds;
  const auto octave = static_cast<unsigned>(std::bit_width(microseconds / kStepsPerOctave)) - 1;
  const std::size_t index = octave * kStepsPerOctave + (microseconds >> octave);
  return std::min<std::size_t>(index, kBuckets - 1);
}

std::uint64_t LatencyHistogram::upper_bound(std::size_t bucket) {
  if (bucket < 2UL * kStepsPerOctave) return bucket;
  const std::size_t octave = bucket / kStepsPerOctave - 1;
  return ((bucket - octave * kStepsPerOctave + 1) << octave) - 1;
}

void LatencyHistogram::add(Duration latency) {
  const Duration positive = std::max(latency, Duration{});
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(positive).count();
  ++counts_[bucket(static_cast<std::uint64_t>(us))];
  ++total_;
  max_ = std::max(max_, positive);
  sum_s_ += std::chrono::duration<double>(positive).count();
}

double LatencyHistogram::quantile_ms(double fraction) const {
  if (total_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total_) + 0.999999);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(static_cast<double>(upper_bound(i)) / 1000.0, max_ms());
  }
  return max_ms();
}

DurationHistogram LatencyHistogram::in_few_buckets() const {
  DurationHistogram::Counts counts{};
  for (std::size_t i = 0; i < kBuckets; ++i)
    counts[DurationHistogram::bucket(std::chrono::microseconds(upper_bound(i)))] += counts_[i];
  return {counts, sum_s_};
}

}  // namespace ott
