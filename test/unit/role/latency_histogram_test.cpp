#include "role/latency_histogram.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

namespace ott {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST_CASE("an empty histogram says zero") {
  const LatencyHistogram histogram;
  CHECK(histogram.quantile_ms(0.5) == 0);
  CHECK(histogram.max_ms() == 0);
}

TEST_CASE("a single value is every quantile, to 3.2 percent and never above the largest") {
  for (std::int64_t us = 0; us < 20'000'000'000; us += us / 27 + 1) {
    LatencyHistogram histogram;
    const microseconds value(us);
    histogram.add(value);
    const double ms = std::chrono::duration<double, std::milli>(value).count();
    CAPTURE(ms);
    REQUIRE(histogram.max_ms() == Approx(ms));
    for (const double fraction : {0.001, 0.5, 0.99, 1.0}) {
      REQUIRE(histogram.quantile_ms(fraction) <= ms + 1e-9);
      REQUIRE(histogram.quantile_ms(fraction) >= ms * (1 - 1.0 / 32) - 1e-9);
    }
  }
}

TEST_CASE("quantiles are those of the sorted values, to the width of a bucket") {
  const unsigned seed = GENERATE(range(1U, 11U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::lognormal_distribution<double> distribution(8.0 + seed, 1.5);  // microseconds
  LatencyHistogram histogram;
  std::vector<double> sorted;
  for (int i = 0; i < 10'000; ++i) {
    const auto value = microseconds(static_cast<std::int64_t>(distribution(random)));
    histogram.add(value);
    sorted.push_back(std::chrono::duration<double, std::milli>(value).count());
  }
  std::sort(sorted.begin(), sorted.end());
  for (const double fraction : {0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(fraction * 10'000 - 1e-6)) - 1;
    CAPTURE(fraction, sorted[rank]);
    CHECK(histogram.quantile_ms(fraction) == Approx(sorted[rank]).epsilon(0.032).margin(0.001));
  }
  CHECK(histogram.quantile_ms(1.0) <= histogram.max_ms());
}

TEST_CASE("clocks that disagree make no negative latency, and none beyond the last bucket") {
  LatencyHistogram histogram;
  histogram.add(milliseconds(-5));
  CHECK(histogram.quantile_ms(1.0) == 0);
  histogram.add(Duration::max());
  histogram.add(Duration::min());
  CHECK(histogram.max_ms() == Approx(9.22e12).epsilon(0.01));
  CHECK(histogram.quantile_ms(0.5) == 0);
  CHECK(histogram.quantile_ms(1.0) > 3'600'000);
}

}  // namespace
}  // namespace ott
