#include "plane/stream_buffer.h"

#include <catch2/catch.hpp>

#include "records.h"

namespace ott {
namespace {

using test::data_record;
using test::describe;
using test::make_buffer;
using test::put;
using test::skip_record;
using test::Source;

constexpr std::uint8_t kWhole = kFirstOfFrame | kLastOfFrame;

std::string contents(const StreamBuffer& buffer) {
  return describe({buffer.at(buffer.tail()), buffer.head().value - buffer.tail().value});
}

std::uint64_t number(const StreamBuffer::Frame* frame) { return frame == nullptr ? 0 : frame->number.value; }

TEST_CASE("an empty buffer has no frames, and begins with a frame's beginning") {
  StreamBuffer buffer = make_buffer();
  CHECK(buffer.newest() == nullptr);
  CHECK(buffer.oldest() == nullptr);
  CHECK(buffer.newest_complete() == nullptr);
  CHECK(buffer.first_after(FrameNumber{0}) == nullptr);
  CHECK(buffer.frame_of(buffer.head()) == nullptr);
  CHECK(buffer.last_done() == FrameNumber{0});
  CHECK_FALSE(put(buffer, data_record(7, 1, 0, 20)));  // the middle of something
  CHECK_FALSE(put(buffer, data_record(7, 1, kLastOfFrame, 20)));
  CHECK(put(buffer, data_record(7, 1, kFirstOfFrame, 20)));
}

TEST_CASE("records are taken in order, each once") {
  StreamBuffer buffer = make_buffer();
  CHECK(put(buffer, data_record(5, 65'535, kFirstOfFrame, 20)));
  CHECK_FALSE(put(buffer, data_record(5, 65'535, kFirstOfFrame, 20)));  // again
  CHECK_FALSE(put(buffer, data_record(5, 1, 0, 20)));                   // one is missing between
  CHECK(put(buffer, data_record(5, 0, 0, 20)));                         // sequence numbers wrap
  CHECK(put(buffer, data_record(5, 1, kLastOfFrame, 20)));
  CHECK_FALSE(put(buffer, data_record(5, 2, 0, 20)));  // it was complete
  CHECK_FALSE(put(buffer, data_record(4, 0, kWhole, 20)));
  CHECK_FALSE(put(buffer, data_record(6, 2, 0, 20)));  // without its beginning
  CHECK(put(buffer, data_record(6, 2, kWhole, 20)));
  CHECK(contents(buffer) == "5+ 5~ 5. 6");
  CHECK(buffer.frames_completed() == 2);
  CHECK(buffer.bytes_committed() == 4 * 52);
}

TEST_CASE("a later frame's beginning ends the one under way") {
  StreamBuffer buffer = make_buffer();
  put(buffer, data_record(5, 1, kFirstOfFrame, 20));
  CHECK(put(buffer, data_record(9, 2, kFirstOfFrame, 20)));
  CHECK_FALSE(put(buffer, data_record(5, 2, kLastOfFrame, 20)));
  CHECK(buffer.last_done() == FrameNumber{8});
  CHECK(buffer.frames_completed() == 0);
}

TEST_CASE("a SKIP is taken if it names anything that is still to come") {
  StreamBuffer buffer = make_buffer();
  CHECK(put(buffer, skip_record(3, 6)));
  CHECK_FALSE(put(buffer, skip_record(3, 6)));
  CHECK_FALSE(put(buffer, skip_record(1, 5)));
  CHECK_FALSE(put(buffer, data_record(6, 1, kWhole, 20)));
  CHECK(put(buffer, data_record(7, 1, kFirstOfFrame, 20)));
  CHECK_FALSE(put(buffer, skip_record(4, 6)));
  CHECK(buffer.last_done() == FrameNumber{6});
  CHECK(put(buffer, skip_record(7, 7)));  // the frame under way will not be whole
  CHECK(buffer.last_done() == FrameNumber{7});
  CHECK_FALSE(put(buffer, data_record(7, 2, kLastOfFrame, 20)));
  CHECK(put(buffer, skip_record(6, 9)));
  CHECK(contents(buffer) == "3-6s 7+ 7-7s 6-9s");
}

TEST_CASE("a frame that needs one which is not here is not taken, except as the first") {
  StreamBuffer buffer = make_buffer();
  CHECK(put(buffer, data_record(5, 1, kWhole, 20, false)));
  CHECK_FALSE(put(buffer, data_record(7, 2, kWhole, 20, false)));
  CHECK(put(buffer, data_record(6, 2, kFirstOfFrame, 20, false)));
  CHECK_FALSE(put(buffer, data_record(7, 3, kWhole, 20, false)));  // the one before it is not whole
  CHECK(put(buffer, data_record(6, 3, kLastOfFrame, 20, false)));
  CHECK(put(buffer, skip_record(7, 8)));
  CHECK_FALSE(put(buffer, data_record(9, 4, kWhole, 20, false)));
  CHECK(put(buffer, data_record(10, 4, kWhole, 20)));
  CHECK(contents(buffer) == "5 6+ 6. 7-8s 10");
}

TEST_CASE("what a START names is the last frame of which nothing is to come") {
  StreamBuffer buffer = make_buffer();
  Source source;
  source.frame(buffer, 2);
  CHECK(buffer.last_done() == FrameNumber{1});
  source.part(buffer, true);
  CHECK(buffer.last_done() == FrameNumber{1});
  source.part(buffer, false);
  CHECK(buffer.last_done() == FrameNumber{1});
}

TEST_CASE("the newest complete frame is whole, whatever came after it") {
  StreamBuffer buffer = make_buffer();
  Source source;
  source.part(buffer, true);
  CHECK(number(buffer.newest()) == 1);
  CHECK(buffer.newest_complete() == nullptr);
  source.frame(buffer);  // 1 is never completed
  CHECK(number(buffer.newest_complete()) == 2);
  source.part(buffer, true);
  CHECK(number(buffer.newest_complete()) == 2);
  CHECK(number(buffer.newest()) == 3);
  SECTION("a SKIP that ends it does not make it so") {
    put(buffer, skip_record(3, 3));
    CHECK(number(buffer.newest_complete()) == 2);
    source.last = 4;
    source.part(buffer, true);
    CHECK(number(buffer.newest_complete()) == 2);
  }
  SECTION("nor does a later beginning") {
    source.part(buffer, true);
    CHECK(number(buffer.newest_complete()) == 2);
  }
}

TEST_CASE("a frame begins where the SKIP before it stands") {
  StreamBuffer buffer = make_buffer();
  Source source;
  source.frame(buffer);
  const Position skip_at = buffer.head();
  source.skip(buffer, 2);
  CHECK(number(buffer.frame_of(skip_at)) == 1);  // as long as no other has begun
  source.skip(buffer, 1);
  source.frame(buffer, 2);
  CHECK(buffer.newest()->start == skip_at);
  CHECK(number(buffer.frame_of(skip_at)) == 5);
  CHECK(buffer.record_at(skip_at).is_skip());
  CHECK(contents(buffer) == "1 2-3s 4-4s 5+ 5.");
  source.frame(buffer);
  CHECK(buffer.newest()->start.value == buffer.head().value - 132);
}

TEST_CASE("frames are found by number and by position") {
  StreamBuffer buffer = make_buffer();
  Source source;
  std::vector<Position> starts;
  for (int i = 0; i < 10; ++i) {
    if (i == 5) source.skip(buffer, 4);
    starts.push_back(buffer.head());
    source.frame(buffer, 3);
  }
  CHECK(number(buffer.first_after(FrameNumber{0})) == 1);
  CHECK(number(buffer.first_after(FrameNumber{3})) == 4);
  CHECK(number(buffer.first_after(FrameNumber{5})) == 10);
  CHECK(number(buffer.first_after(FrameNumber{8})) == 10);
  CHECK(number(buffer.first_after(FrameNumber{13})) == 14);
  CHECK(buffer.first_after(FrameNumber{14}) == nullptr);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::uint64_t expected = i < 5 ? i + 1 : i + 5;
    CHECK(number(buffer.frame_of(starts[i])) == expected);
    CHECK(number(buffer.frame_of(Position{starts[i].value + 132})) == expected);
  }
  CHECK(buffer.frame_of(buffer.head()) == nullptr);
}

TEST_CASE("the oldest frames make room, whole ones at a time") {
  StreamBuffer buffer = make_buffer(4096);
  Source source;
  for (int i = 0; i < 1000; ++i) {
    source.frame(buffer, 1 + static_cast<std::size_t>(i % 3), 100 + static_cast<std::size_t>(i % 7) * 30);
    REQUIRE(buffer.head().value - buffer.tail().value <= buffer.capacity());
    REQUIRE(buffer.oldest()->start == buffer.tail());
    REQUIRE(number(buffer.newest()) == source.last);
    const Record oldest = buffer.record_at(buffer.tail());
    REQUIRE((oldest.frame == buffer.oldest()->number && oldest.first()));
    REQUIRE(contents(buffer).find('?') == std::string::npos);
  }
  CHECK(source.last - number(buffer.oldest()) >= 4);  // no more goes than has to
}

TEST_CASE("where the tail will be is known before it moves") {
  StreamBuffer buffer = make_buffer(4096);
  Source source;
  for (int i = 0; i < 300; ++i) {
    const std::size_t bytes = 132 + static_cast<std::size_t>(i % 11) * 97;
    const Position tail_then = buffer.tail_for(bytes);
    REQUIRE(buffer.room(bytes).size() == bytes);
    REQUIRE(buffer.tail() == tail_then);
    source.frame(buffer, 1, bytes - kRecordHeaderBytes);
    REQUIRE(buffer.tail() == tail_then);
  }
}

TEST_CASE("a frame that is larger than the ring goes on, without its beginning") {
  StreamBuffer buffer = make_buffer(4096);
  Source source;
  source.frame(buffer);
  source.part(buffer, true, 1000);
  for (int i = 0; i < 20; ++i) source.part(buffer, false, 1000);
  CHECK(buffer.newest() == nullptr);
  CHECK(buffer.last_done() == FrameNumber{1});
  source.frame(buffer, 2);
  CHECK(number(buffer.oldest()) == 3);
  CHECK(number(buffer.newest_complete()) == 3);
}

TEST_CASE("a ring grows while its history is too short, and everything stays where it was") {
  StreamBuffer buffer = make_buffer(4096);
  buffer.may_grow(16'384, std::chrono::milliseconds(1'000), 0);
  std::uint64_t frame = 0;
  const auto add = [&buffer, &frame](int at_ms) {
    const test::Bytes record = data_record(frame + 1, static_cast<std::uint16_t>(frame), kWhole, 1'000);
    ++frame;
    buffer.grow_for(record.size());
    put(buffer, record, test::at_ms(at_ms));
  };
  for (int i = 0; i < 6; ++i) add(100 * i);
  CHECK(buffer.capacity() == 8'192);
  CHECK(contents(buffer) == "1 2 3 4 5 6");
  std::memset(buffer.room(2'000).data(), 0x5A, 2'000);  // of a record that is being received
  buffer.grow_for(4'000);
  CHECK(buffer.capacity() == 16'384);
  CHECK(std::count(buffer.at(buffer.head()), buffer.at(buffer.head()) + 2'000, 0x5A) == 2'000);
  CHECK(contents(buffer) == "1 2 3 4 5 6");
  for (int i = 6; i < 40; ++i) add(100 * i);
  CHECK(buffer.capacity() == 16'384);
  CHECK(buffer.oldest()->number == FrameNumber{26});
}

TEST_CASE("a ring that holds its history does not grow") {
  StreamBuffer buffer = make_buffer(8'192);
  buffer.may_grow(1U << 20U, std::chrono::milliseconds(200), 0);
  for (std::uint16_t i = 0; i < 40; ++i) {
    const test::Bytes record = data_record(i + 1U, i, kWhole, 1'000);
    buffer.grow_for(record.size());
    put(buffer, record, test::at_ms(100 * i));
  }
  CHECK(buffer.capacity() == 8'192);
}

TEST_CASE("the index grows with the frames in the ring, up to its bound") {
  StreamBuffer buffer = make_buffer(1U << 18U, 1'024);
  Source source;
  std::vector<Position> starts;
  for (std::uint64_t i = 1; i <= 1'500; ++i) {
    starts.push_back(buffer.head());
    source.frame(buffer, 1, 20);
    REQUIRE(number(buffer.oldest()) == (i <= 1'024 ? 1 : i - 1'023));
    REQUIRE(number(buffer.newest()) == i);
  }
  for (std::uint64_t i = 600; i < 1'500; ++i) REQUIRE(number(buffer.frame_of(starts[i - 1])) == i);
}

TEST_CASE("a frame far beyond the last one is a wrong number") {
  StreamBuffer buffer = make_buffer();
  CHECK(put(buffer, data_record(kFrameJumpMax * 5, 1, kWhole, 20)));  // where a stream begins is open
  const std::uint64_t last = kFrameJumpMax * 5;
  CHECK_FALSE(put(buffer, data_record(last + kFrameJumpMax + 1, 2, kWhole, 20)));
  CHECK_FALSE(put(buffer, data_record(kFrameNumberMax, 2, kWhole, 20)));
  CHECK_FALSE(put(buffer, skip_record(last + kFrameJumpMax + 1, last + kFrameJumpMax + 1)));
  CHECK(buffer.last_frame() == FrameNumber{last});
  SECTION("DATA at the bound") {
    CHECK(put(buffer, data_record(last + kFrameJumpMax, 2, kWhole, 20)));
    CHECK(buffer.last_frame() == FrameNumber{last + kFrameJumpMax});
  }
  SECTION("SKIP at the bound") {
    CHECK(put(buffer, skip_record(last + kFrameJumpMax, last + kFrameJumpMax + 7)));
    CHECK(buffer.last_frame() == FrameNumber{last + kFrameJumpMax + 7});
  }
}

TEST_CASE("the index forgets the oldest frames, and only frames") {
  StreamBuffer buffer = make_buffer(1U << 16U, 8);
  Source source;
  for (int i = 0; i < 100; ++i) source.frame(buffer);
  CHECK(number(buffer.oldest()) == 93);
  CHECK(number(buffer.newest()) == 100);
  CHECK(number(buffer.first_after(FrameNumber{3})) == 93);
  // Readers may be there still: what they read does not go away while nobody writes over it.
  CHECK(buffer.tail() == Position{0});
  CHECK(buffer.record_at(Position{0}).frame == FrameNumber{1});
  CHECK(number(buffer.frame_of(Position{0})) == 93);  // the oldest that is known
}

TEST_CASE("a frame is as old as its newest record here") {
  StreamBuffer buffer = make_buffer();
  put(buffer, data_record(1, 1, kFirstOfFrame, 20), test::at_ms(10));
  put(buffer, data_record(1, 2, kLastOfFrame, 20), test::at_ms(30));
  put(buffer, skip_record(2, 3), test::at_ms(40));
  put(buffer, data_record(4, 3, kFirstOfFrame, 20), test::at_ms(50));
  CHECK(buffer.oldest()->arrived == test::at_ms(30));
  CHECK(buffer.newest()->arrived == test::at_ms(50));
}

TEST_CASE("the newest sync point is the last complete frame at which decoding can begin") {
  StreamBuffer buffer = make_buffer();
  CHECK(buffer.newest_sync_point() == nullptr);
  CHECK(buffer.newest_begun_sync_point() == nullptr);
  Source source;
  source.gop = 4;
  source.last = 1;
  for (int i = 0; i < 3; ++i) source.frame(buffer);
  CHECK(buffer.newest_sync_point() == nullptr);
  CHECK(buffer.newest_begun_sync_point() == nullptr);
  CHECK_FALSE(buffer.all_are_sync_points());
  for (int i = 0; i < 8; ++i) source.frame(buffer);
  CHECK(number(buffer.newest_sync_point()) == 9);
  source.part(buffer, true);  // 13
  CHECK(number(buffer.newest_sync_point()) == 9);
  CHECK(number(buffer.newest_begun_sync_point()) == 13);
  CHECK(number(buffer.first_sync_point_from(FrameNumber{3})) == 5);
  CHECK(number(buffer.first_sync_point_from(FrameNumber{5})) == 5);
  CHECK(number(buffer.first_sync_point_from(FrameNumber{14})) == 0);
}

TEST_CASE("a ring grows for its newest sync point and what is behind it, within the history's bound") {
  StreamBuffer buffer = make_buffer(1U << 16U);
  buffer.may_grow(1U << 19U, std::chrono::milliseconds(100));
  Source source;
  source.gop = 100;
  int ms = 0;
  const auto frames = [&](int count) {
    for (int i = 0; i < count; ++i) {
      buffer.grow_for(kRecordHeaderBytes + 4'000);
      source.frame(buffer, 1, 4'000, test::at_ms(ms += 40));
    }
  };
  frames(99);
  CHECK(number(buffer.newest_sync_point()) == 1);
  CHECK(buffer.capacity() == 1U << 19U);
  frames(99);
  CHECK(number(buffer.newest_sync_point()) == 101);
  CHECK(buffer.capacity() == 1U << 19U);
  CHECK(buffer.sync_points_lost() == 0);
  source.gop = 1'000;
  frames(200);
  CHECK(buffer.newest_sync_point() == nullptr);
  CHECK(buffer.capacity() == 1U << 19U);
  CHECK(buffer.sync_points_lost() == 1);
}

}  // namespace
}  // namespace ott
