// Streams whose frames are larger than the ring is at first, as a relay gets them: record by record, without
// knowing how large a frame will be.
#include <catch2/catch.hpp>

#include "child_oracle.h"
#include "records.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::at_ms;
using test::Source;
using test::TestChild;

constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::size_t kRecordBytes = kRecordHeaderBytes + kRtpBytesMax;

/// A flow as the engine makes it with its default history.
Flow make_default_flow(std::size_t first_bytes = kMiB, RingBudget& budget = test::ample_budget()) {
  StreamInfo info;
  info.id = test::kTestStream;
  Flow flow{std::move(*StreamBuffer::create(budget, first_bytes)), NodeId{}, std::move(info)};
  flow.buffer.may_grow(16 * kMiB, std::chrono::seconds(2));
  return flow;
}

std::size_t records_of(std::size_t frame_bytes) {
  return std::max<std::size_t>(1, frame_bytes / kRecordBytes);
}

/// Bytes are received ahead of the records that are committed, as on a link.
void look_ahead(Flow& flow) {
  (void)flow.room(std::min<std::size_t>(256U << 10U, flow.buffer.capacity() / 4));
}

/// A frame of that many bytes, records of full size, with something done after each record.
template <class Do>
void send_frame(Flow& flow, Source& source, std::size_t bytes, MonoTime now, Do&& after_record) {
  const std::size_t records = records_of(bytes);
  const std::uint64_t frame = ++source.last;
  for (std::size_t i = 0; i < records; ++i) {
    const auto flags =
        static_cast<std::uint8_t>((i == 0 ? kFirstOfFrame : 0) | (i + 1 == records ? kLastOfFrame : 0));
    const auto sequence = static_cast<std::uint16_t>(frame * 2'000 + i);
    look_ahead(flow);
    OTT_ASSERT(test::put(flow, test::data_record(frame, sequence, flags, kRtpBytesMax), now));
    after_record();
  }
}

void read_all(TestChild& child) {
  while (child.send() != 0) continue;
}

TEST_CASE("a stream may begin with frames larger than its ring, and each child gets them all") {
  const std::size_t bytes = GENERATE(300U << 10U, kMiB, 5 * kMiB, 16 * kMiB);
  const std::size_t first_ring = GENERATE(256U << 10U, kMiB);
  CAPTURE(bytes, first_ring);
  Flow flow = make_default_flow(first_ring);
  Source source;
  TestChild at_once(flow, LinkId{1});
  TestChild a_frame_late(flow, LinkId{2});
  at_once.start(0, at_ms(0));
  a_frame_late.start(0, at_ms(0));
  std::uint64_t frames_at_once = 0;
  for (int i = 0; i < 6; ++i) {
    const MonoTime now = at_ms(i * 1'000);
    at_once.now = a_frame_late.now = now;
    send_frame(flow, source, bytes, now, [&] {
      read_all(at_once);
      // Its bytes are checked frame by frame, to keep few of them.
      if (at_once.frames > frames_at_once) {
        frames_at_once = at_once.frames;
        REQUIRE(test::missing_without_a_word(at_once.received, frames_at_once, frames_at_once).empty());
        at_once.received.clear();
      }
    });
    REQUIRE(flow.buffer.newest_complete()->number.value == source.last);
    if (i > 0) {
      // The second child reads the frame before this one only now.
      a_frame_late.send(records_of(bytes) * kRecordBytes);
      a_frame_late.received.clear();
    }
  }
  CHECK(at_once.frames == 6);
  CHECK(at_once.feed().frames_skipped() == 0);
  CHECK(a_frame_late.frames == 5);
  CHECK(a_frame_late.feed().frames_skipped() == 0);
  CHECK(flow.buffer.capacity() <= kFramesRingBytesMax);
}

TEST_CASE("while a large frame is on its way in, whoever joins gets the newest complete one") {
  const std::size_t bytes = GENERATE(300U << 10U, 5 * kMiB, 16 * kMiB);
  Flow flow = make_default_flow();
  Source source;
  send_frame(flow, source, bytes, at_ms(0), [] {});
  for (std::uint64_t i = 1; i < 5; ++i) {
    const std::uint64_t before = source.last;
    send_frame(flow, source, bytes, at_ms(static_cast<std::int64_t>(i) * 1'000), [&] {
      const auto* newest = flow.buffer.newest_complete();
      REQUIRE(newest != nullptr);
      REQUIRE(newest->number.value >= before);
      REQUIRE(newest->start >= flow.buffer.tail());
    });
    TestChild child(flow, LinkId{i});
    child.start(0, at_ms(0));
    child.send(kRecordBytes);
    CHECK(child.text() == std::to_string(source.last) + "+");
    flow.remove_child(LinkId{i});
  }
}

TEST_CASE("a child that does not read skips large frames whole, and then goes on") {
  Flow flow = make_default_flow();
  Source source;
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  send_frame(flow, source, 5 * kMiB, at_ms(0), [] {});
  const std::size_t half = kRecordBytes * (records_of(5 * kMiB) / 2) + 100;
  child.send(half);
  for (int i = 1; i <= 12; ++i) send_frame(flow, source, 5 * kMiB, at_ms(i * 1'000), [] {});
  read_all(child);
  CHECK(child.feed().frames_skipped() > 0);
  CHECK(test::missing_without_a_word(child.received, 1, 13).empty());
  CHECK(child.text().find('?') == std::string::npos);
}

TEST_CASE("small frames go on after a huge one, and no ring grows for them") {
  Flow flow = make_default_flow();
  Source source;
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  send_frame(flow, source, kRecordBytes, at_ms(0), [] {});
  send_frame(flow, source, 16 * kMiB, at_ms(10), [&] { read_all(child); });
  const std::size_t after_it = flow.buffer.capacity();
  child.received.clear();
  const std::uint64_t frames = child.frames;
  for (int i = 0; i < 4'000; ++i) {
    send_frame(flow, source, kRecordBytes, at_ms(1'000 + i * 40), [&] { read_all(child); });
    child.received.clear();
  }
  CHECK(child.frames == frames + 4'000);
  CHECK(child.feed().frames_skipped() == 0);
  CHECK(flow.buffer.capacity() == after_it);
}

TEST_CASE("when the budget has no room for large frames, the small ones still get through") {
  RingBudget budget(2 * kMiB);
  Flow flow = make_default_flow(kMiB, budget);
  Source source;
  TestChild child(flow, LinkId{1});
  child.start(0, at_ms(0));
  for (int i = 0; i < 4; ++i) {
    send_frame(flow, source, 5 * kMiB, at_ms(i * 100), [&] { read_all(child); });
    send_frame(flow, source, kRecordBytes, at_ms(i * 100), [&] { read_all(child); });
  }
  CHECK(budget.growths_refused() > 0);
  CHECK(flow.buffer.newest_complete()->number == FrameNumber{8});
  CHECK(test::missing_without_a_word(child.received, 1, 8).empty());
}

TEST_CASE("a ring does not grow with every frame, but doubles") {
  Flow flow = make_default_flow();
  Source source;
  std::size_t growths = 0;
  std::size_t capacity = flow.buffer.capacity();
  for (int i = 0; i < 20; ++i) {
    send_frame(flow, source, 4 * kMiB, at_ms(i * 5'000), [&] {
      if (flow.buffer.capacity() == capacity) return;
      ++growths;
      CHECK(flow.buffer.capacity() == 2 * capacity);
      capacity = flow.buffer.capacity();
    });
  }
  CHECK(growths == 4);  // three frames of 4 MiB in 16 MiB
}

}  // namespace
}  // namespace ott
