#include "plane/ring_budget.h"

#include <catch2/catch.hpp>
#include <vector>

#include "records.h"

namespace ott {
namespace {

using Need = RingBudget::Need;
using std::chrono::milliseconds;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

TEST_CASE("a budget is the sum of its shares, and gets back what they had") {
  RingBudget budget(8 * kMiB);
  {
    auto one = budget.reserve(3 * kMiB);
    auto two = budget.reserve(kMiB);
    REQUIRE((one && two));
    CHECK(budget.bytes_taken() == 4 * kMiB);
    CHECK(one->grow(4 * kMiB, Need::History));
    CHECK(budget.bytes_taken() == 5 * kMiB);
    two->shrink(0);
    CHECK(budget.bytes_taken() == 4 * kMiB);
    const RingBudget::Share moved = std::move(*one);
    CHECK(budget.bytes_taken() == 4 * kMiB);
  }
  CHECK(budget.bytes_taken() == 0);
  CHECK(budget.growths_refused() == 0);
}

TEST_CASE("past the budget a new ring is refused, and the error says how to raise it") {
  RingBudget budget(8 * kMiB);
  auto first = StreamBuffer::create(budget, 7 * kMiB);
  REQUIRE(first);
  const auto second = StreamBuffer::create(budget, 2 * kMiB);
  REQUIRE_FALSE(second);
  CHECK(second.error().message ==
        "no room for another stream's ring: 7 of 8 MiB are taken; --memory raises it");
  CHECK(StreamBuffer::create(budget, kMiB));
  first = StreamBuffer::create(test::ample_budget(), 4096);  // gives its share back
  CHECK(budget.bytes_taken() == 0);
  CHECK(StreamBuffer::create(budget, 8 * kMiB));
}

TEST_CASE("history takes three quarters at most, and the frames themselves all") {
  RingBudget budget(8 * kMiB);
  auto share = budget.reserve(kMiB);
  REQUIRE(share);
  CHECK_FALSE(budget.scarce());
  CHECK(share->grow(6 * kMiB, Need::History));
  CHECK(budget.scarce());
  CHECK_FALSE(share->grow(6 * kMiB + 1, Need::History));
  CHECK(share->bytes() == 6 * kMiB);
  CHECK(share->grow(8 * kMiB, Need::Frames));
  CHECK_FALSE(share->grow(8 * kMiB + 1, Need::Frames));
  CHECK(budget.growths_refused() == 2);
}

TEST_CASE("a ring that may not grow goes on with a shorter history, and that is counted") {
  RingBudget budget(96U << 10U);
  auto buffer = StreamBuffer::create(budget, 64U << 10U);
  REQUIRE(buffer);
  buffer->may_grow(kMiB, milliseconds(60'000), 0);
  test::Source source;
  for (int i = 0; i < 200; ++i) {
    buffer->grow_for(1'132);
    source.frame(*buffer, 1, 1'000, test::at_ms(i));
  }
  CHECK(buffer->capacity() == 64U << 10U);
  CHECK(budget.bytes_taken() == 64U << 10U);
  CHECK(budget.growths_refused() > 0);
  CHECK(budget.growths_refused() < 200);
  CHECK(buffer->newest_complete()->number == FrameNumber{200});
}

TEST_CASE("a ring's growth is taken from the budget, and given back with the buffer") {
  RingBudget budget(4 * kMiB);
  {
    auto buffer = StreamBuffer::create(budget, 64U << 10U);
    REQUIRE(buffer);
    buffer->may_grow(kMiB, milliseconds(60'000), 0);
    test::Source source;
    for (int i = 0; i < 1'000; ++i) {
      buffer->grow_for(1'132);
      source.frame(*buffer, 1, 1'000, test::at_ms(i));
    }
    CHECK(buffer->capacity() == kMiB);
    CHECK(budget.bytes_taken() == kMiB);
  }
  CHECK(budget.bytes_taken() == 0);
}

}  // namespace
}  // namespace ott
