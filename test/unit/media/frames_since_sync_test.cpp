#include "media/frames_since_sync.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

FramePtr frame(std::uint64_t number, bool sync_point, std::size_t bytes = 10, std::uint32_t stream = 1) {
  auto made = std::make_shared<Frame>();
  made->stream = StreamId(stream);
  made->number = FrameNumber(number);
  made->sync_point = sync_point;
  made->bytes.resize(bytes);
  return made;
}

std::vector<std::uint64_t> numbers_of(const FramesSinceSync& kept) {
  std::vector<std::uint64_t> numbers;
  for (const FramePtr& frame : kept.frames()) numbers.push_back(frame->number.value);
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST_CASE("the frames since the newest sync point are kept", "[frames_since_sync]") {
  FramesSinceSync kept;
  kept.push(frame(1, false));
  CHECK(kept.frames().empty());
  kept.push(frame(2, true));
  kept.push(frame(3, false));
  kept.push(frame(4, false));
  CHECK(numbers_of(kept) == Numbers{2, 3, 4});
  kept.push(frame(5, true));
  CHECK(numbers_of(kept) == Numbers{5});
  kept.clear();
  CHECK(kept.frames().empty());
}

TEST_CASE("what cannot be decoded is not kept", "[frames_since_sync]") {
  FramesSinceSync kept;
  kept.push(frame(1, true));
  SECTION("frames after one that is missing") { kept.push(frame(3, false)); }
  SECTION("frames of another stream") { kept.push(frame(2, false, 10, 2)); }
  CHECK(kept.frames().empty());
  kept.push(frame(4, false));
  CHECK(kept.frames().empty());
  kept.push(frame(5, true));
  CHECK(numbers_of(kept) == Numbers{5});
}

TEST_CASE("frames that are too many or too large are not kept", "[frames_since_sync]") {
  FramesSinceSync kept;
  kept.push(frame(1, true));
  SECTION("in bytes") {
    kept.push(frame(2, false, FramesSinceSync::kBytesMax / 2));
    CHECK(numbers_of(kept) == Numbers{1, 2});
    kept.push(frame(3, false, FramesSinceSync::kBytesMax / 2));
  }
  SECTION("in number") {
    for (std::uint64_t i = 2; i <= FramesSinceSync::kFramesMax; ++i) kept.push(frame(i, false));
    CHECK(kept.frames().size() == FramesSinceSync::kFramesMax);
    kept.push(frame(FramesSinceSync::kFramesMax + 1, false));
  }
  CHECK(kept.frames().empty());
}

}  // namespace
}  // namespace ott
