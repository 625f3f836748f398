#include "ott/count.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

TEST_CASE("a counter stays at its highest value") {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  std::uint64_t count = 5;
  add_to_count(count, 7);
  CHECK(count == 12);
  add_to_count(count, kMax - 12);
  CHECK(count == kMax);
  add_to_count(count, 1);
  CHECK(count == kMax);
  add_to_count(count, kMax);
  CHECK(count == kMax);
}

}  // namespace
}  // namespace ott
