// Wrong bytes made from right ones.
#pragma once

#include <array>
#include <vector>

#include "../../sanitized.h"
#include "nodes.h"

namespace ott::test {

// What a mutation test goes through. The sanitizers cost ten times as much, and look ten times as closely.
inline constexpr unsigned kMutationScale = kSanitized ? 10 : 1;

/// One to four changes: a bit, a byte, a number at the end of its range, bytes cut out, put in or repeated.
inline void mutate(std::vector<std::uint8_t>& bytes, Random& random) {
  static constexpr std::array<std::uint8_t, 8> kBytes = {0, 1, 2, 4, 0x7F, 0x80, 0xFE, 0xFF};
  for (unsigned changes = 1 + random.below(4); changes > 0 && !bytes.empty(); --changes) {
    const auto size = static_cast<unsigned>(bytes.size());
    const unsigned at = random.below(4) == 0 ? random.below(std::min(size, 16U)) : random.below(size);
    const auto place = bytes.begin() + at;
    const unsigned length = std::min(1 + random.below(8), size - at);
    switch (random.below(8)) {
      case 0:
        bytes.erase(place, place + length);
        break;
      case 1:
        bytes.insert(place, length, kBytes[random.below(8)]);
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        std::fill_n(place, length, kBytes[random.below(8)]);
        break;
      case 4:
        *place = static_cast<std::uint8_t>(random.below(256));
        break;
      case 5:
        *place = static_cast<std::uint8_t>(*place + (random.below(2) == 0 ? 1U : 255U));
        break;
      default:
        *place = static_cast<std::uint8_t>(*place ^ (1U << random.below(8)));
    }
  }
}

}  // namespace ott::test
