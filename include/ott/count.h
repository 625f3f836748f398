// Counters that stay at their highest value and do not wrap, since numbers that a peer names are added to
// them.
#pragma once

#include <cstdint>
#include <limits>

namespace ott {

constexpr void add_to_count(std::uint64_t& count, std::uint64_t more) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  count = more > kMax - count ? kMax : count + more;
}

}  // namespace ott
