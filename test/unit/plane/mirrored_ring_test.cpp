#include "plane/mirrored_ring.h"

#include <catch2/catch.hpp>
#include <cstring>

namespace ott {
namespace {

TEST_CASE("capacity is whole pages, and at least what was asked for") {
  for (const std::size_t wanted :
       {std::size_t{1}, std::size_t{4096}, std::size_t{4097}, std::size_t{100'000}}) {
    const auto ring = MirroredRing::create(wanted);
    REQUIRE(ring);
    CHECK(ring->capacity() >= wanted);
    CHECK(ring->capacity() % 4096 == 0);
  }
}

TEST_CASE("what is written across the end is read at the beginning, and the other way round") {
  const auto ring = MirroredRing::create(4096);
  REQUIRE(ring);
  const Position near_end{ring->capacity() - 3};
  std::memcpy(ring->at(near_end), "abcdef", 6);
  CHECK(std::memcmp(ring->at(Position{0}), "def", 3) == 0);
  std::memcpy(ring->at(Position{0}), "DEF", 3);
  CHECK(std::memcmp(ring->at(near_end), "abcDEF", 6) == 0);
  CHECK(ring->at(near_end)[5] == 'F');
}

TEST_CASE("capacity bytes are contiguous from every position, however large") {
  const auto ring = MirroredRing::create(8192);
  REQUIRE(ring);
  const std::size_t capacity = ring->capacity();
  for (const std::uint64_t begin :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{capacity - 1}, ~std::uint64_t{0} - 2 * capacity}) {
    for (std::size_t i = 0; i < capacity; ++i) {
      *ring->at(Position{begin + i}) = static_cast<std::uint8_t>(i * 7 + begin);
    }
    const std::uint8_t* run = ring->at(Position{begin});
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < capacity; ++i) wrong += run[i] != static_cast<std::uint8_t>(i * 7 + begin);
    CHECK(wrong == 0);
  }
}

TEST_CASE("a ring that grows keeps what it holds, wherever it lies") {
  constexpr std::size_t kSmall = 8192;
  for (const std::size_t large : {std::size_t{16384}, std::size_t{20480}, std::size_t{65536}}) {
    for (std::uint64_t begin = 0; begin < 4 * large; begin += 1024) {
      auto ring = MirroredRing::create(kSmall);
      REQUIRE(ring);
      const std::uint64_t bytes = begin % 3 == 0 ? kSmall : 1500;
      for (std::uint64_t i = begin; i < begin + bytes; ++i)
        *ring->at(Position{i}) = static_cast<std::uint8_t>(i * 7);
      REQUIRE(ring->grow(large, Position{begin}, Position{begin + bytes}));
      REQUIRE(ring->capacity() == large);
      std::size_t wrong = 0;
      for (std::uint64_t i = begin; i < begin + bytes; ++i) {
        wrong += *ring->at(Position{i}) != static_cast<std::uint8_t>(i * 7);
      }
      CAPTURE(large, begin);
      CHECK(wrong == 0);
      *ring->at(Position{begin + large - 1}) = 99;
      CHECK(ring->at(Position{begin})[large - 1] == 99);
    }
  }
}

TEST_CASE("a ring that moves takes its memory along") {
  auto first = MirroredRing::create(4096);
  auto second = MirroredRing::create(8192);
  REQUIRE((first && second));
  *first->at(Position{5}) = 55;
  MirroredRing moved = std::move(*first);
  CHECK(*moved.at(Position{5}) == 55);
  moved = std::move(*second);
  CHECK(moved.capacity() == 8192);
  CHECK(*moved.at(Position{5}) == 0);
}

}  // namespace
}  // namespace ott
