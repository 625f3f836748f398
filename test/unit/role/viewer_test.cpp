#include "role/viewer.h"

#include <catch2/catch.hpp>
#include <limits>

#include "../media/jpeg_helpers.h"
#include "../plane/records.h"
#include "media/rtp_instant.h"
#include "role/frame_counter.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::Bytes;

struct Frames : FrameSink {
  Result<void> write(ByteSpan jpeg) override {
    if (written.size() == room) return fail("enough");
    written.emplace_back(jpeg.begin(), jpeg.end());
    return {};
  }
  std::vector<Bytes> written;
  std::size_t room = 1'000'000;
};

struct NoLog : Log {
  void line(LogLevel, const std::string&) override { ++lines; }
  unsigned lines = 0;
};

/// A flow into which frames of pictures go, and the viewer at its end.
struct Watching {
  Flow flow = test::make_flow(1U << 20U);
  Frames frames;
  NoLog log;
  LimitedLog limited{log, 1};
  FrameCounter counter{&frames, {}, 0, limited};
  Viewer viewer{counter};
  std::int64_t ms = 0;
  std::uint16_t sequence = 0;
  std::uint8_t hops = 0;

  /// All packets of a picture, or but the last one.
  void picture(std::uint64_t frame, bool whole = true, std::uint64_t time_ns = 0) {
    const Bytes jpeg = test::make_jpeg({.width = 160, .height = 120, .quality = 95, .seed = 7});
    const auto image = parse_jpeg(jpeg);
    RtpJpegPacketizer packetizer(*image, kRtpPacketBytesMin);
    Bytes rtp(kRtpPacketBytesMin);
    for (bool first = true; !packetizer.done(); first = false) {
      const RtpFields fields{sequence++, static_cast<std::uint32_t>(frame), 1};
      rtp.resize(packetizer.next_bytes());
      packetizer.next(rtp, fields);
      if (packetizer.done() && !whole) return;
      Header header{MessageType::Data, 0, hops, static_cast<std::uint32_t>(24 + rtp.size())};
      header.flags = static_cast<std::uint8_t>(kSyncPoint | (first ? kFirstOfFrame : 0) |
                                               (packetizer.done() ? kLastOfFrame : 0));
      Bytes record(kRecordHeaderBytes + rtp.size());
      store_record_header(record.data(), header, make_label(test::kTestStream, 1), FrameNumber{frame},
                          time_ns);
      std::copy(rtp.begin(), rtp.end(), record.begin() + kRecordHeaderBytes);
      REQUIRE(test::put(flow, record));
    }
  }
  void skip(std::uint64_t first, std::uint64_t last) {
    REQUIRE(test::put(flow, test::skip_record(first, last)));
  }
  Result<void> read() {
    const MonoTime now = test::at_ms(ms);
    viewer.read(flow, {now, WallTime(now.time_since_epoch())});
    return counter.written();
  }
  const FrameCounts& counts() {
    REQUIRE(read());
    return counter.counts();
  }
};

TEST_CASE("what a viewer receives are the pictures, each once") {
  Watching w;
  w.hops = 3;
  for (std::uint64_t frame = 10; frame < 15; ++frame) w.picture(frame);
  CHECK(w.counts().frames_received == 5);
  CHECK(w.counts().frames_received == 5);  // nothing new
  CHECK(w.counts().frames_lost == 0);
  CHECK(w.counts().frames_skipped == 0);
  CHECK(w.counts().frames_duplicate == 0);
  CHECK(w.counts().hops == 3);
  CHECK(w.counts().bytes_received == w.flow.buffer.head().value);
  REQUIRE(w.frames.written.size() == 5);
  CHECK(test::decode(w.frames.written[0]) == test::decode(w.frames.written[4]));
  CHECK(w.log.lines == 0);
}

TEST_CASE("a frame that is missing is lost, unless a SKIP has named it") {
  Watching w;
  w.picture(1);
  w.picture(3);  // 2 is lost
  w.skip(4, 6);
  w.picture(7);
  w.skip(8, 9);
  w.skip(10, 10);
  w.picture(13);  // 11 and 12 are lost
  CHECK(w.counts().frames_received == 4);
  CHECK(w.counts().frames_lost == 3);
  CHECK(w.counts().frames_skipped == 6);
}

TEST_CASE("a frame cut short is skipped if it was named, else lost") {
  Watching w;
  w.picture(1);
  w.picture(2, false);
  w.skip(2, 4);
  w.picture(5);
  CHECK(w.counts().frames_skipped == 3);
  CHECK(w.counts().frames_lost == 0);
  w.picture(6, false);
  w.picture(7);
  CHECK(w.counts().frames_received == 3);
  CHECK(w.counts().frames_skipped == 3);
  CHECK(w.counts().frames_lost == 1);
}

TEST_CASE("ranges that overlap are counted once") {
  Watching w;
  w.picture(1);
  w.skip(2, 5);
  w.skip(4, 7);
  w.picture(9);  // 8 is lost
  CHECK(w.counts().frames_skipped == 6);
  CHECK(w.counts().frames_lost == 1);
}

TEST_CASE("what was before the first frame was never ours") {
  Watching w;
  w.skip(1, 99);
  w.picture(100);
  CHECK(w.counts().frames_skipped == 0);
  CHECK(w.counts().frames_lost == 0);
  CHECK(w.counts().frames_received == 1);
}

TEST_CASE("a record that is no JPEG is said so, and its frame is lost") {
  Watching w;
  w.picture(1);
  test::put(w.flow, test::data_record(2, 1, kFirstOfFrame | kLastOfFrame, 50));
  w.picture(3);
  CHECK(w.counts().frames_received == 2);
  CHECK(w.counts().frames_lost == 1);
  CHECK(w.log.lines == 1);
}

TEST_CASE("latency is from the source's clock to here, whatever that clock says") {
  Watching w;
  w.ms = 5'000;
  w.picture(1, true, 4'990'000'000);
  CHECK(w.counts().latency.max_ms() == Approx(10));
  w.picture(2, true, 6'000'000'000);  // its clock is ahead
  CHECK(w.counts().latency.quantile_ms(0.5) == 0);
  for (const std::uint64_t time : {kSourceTimeMax, std::uint64_t{0}}) {
    w.picture(w.counts().frames_received + 1, true, time);
  }
  CHECK(w.counts().frames_received == 4);
}

TEST_CASE("the longest time between two frames is kept") {
  Watching w;
  for (const std::int64_t ms : {100, 140, 440, 480}) {
    w.ms = ms;
    w.picture(static_cast<std::uint64_t>(ms));
    REQUIRE(w.read());
  }
  CHECK(w.counter.counts().gap_max == milliseconds(300));
}

TEST_CASE("a counter stops at the frames that are wanted, and at a sink that takes no more") {
  Watching w;
  FrameCounter three(&w.frames, {}, 3, w.limited);
  Viewer viewer(three);
  for (std::uint64_t frame = 1; frame <= 5; ++frame) w.picture(frame);
  viewer.read(w.flow, {});
  CHECK(three.counts().frames_received == 3);
  CHECK(w.frames.written.size() == 3);
  w.frames.room = 4;
  CHECK_FALSE(w.read());
  CHECK(w.frames.written.size() == 4);
}

TEST_CASE("a viewer that joins begins at the newest complete frame") {
  Watching w;
  for (std::uint64_t frame = 1; frame <= 4; ++frame) w.picture(frame);
  w.picture(5, false);
  w.viewer.join(w.flow);
  CHECK(w.counts().frames_received == 1);
  CHECK(w.counts().frames_lost == 0);
  w.picture(6);
  CHECK(w.counts().frames_received == 2);
}

TEST_CASE("a buffer that begins anew brings what is missing, and nothing again") {
  Watching w;
  for (std::uint64_t frame = 1; frame <= 4; ++frame) w.picture(frame);
  w.picture(5, false);
  REQUIRE(w.read());
  w.flow.buffer = test::make_buffer(1U << 20U);
  ++w.flow.buffer_number;
  SECTION("frames") {
    for (std::uint64_t frame = 2; frame <= 6; ++frame) w.picture(frame);
    CHECK(w.counts().frames_skipped == 0);
    CHECK(w.counts().frames_received == 6);
    CHECK(w.log.lines == 0);
  }
  SECTION("and the rest of a SKIP that begins with what is known") {
    w.picture(2);
    w.skip(3, 8);
    w.picture(9);
    CHECK(w.counts().frames_skipped == 4);
    CHECK(w.counts().frames_received == 5);
  }
  CHECK(w.counts().frames_lost == 0);
  CHECK(w.counts().frames_duplicate == 0);
}

TEST_CASE("frames that the ring forgot before they were read are lost") {
  Watching w;
  w.picture(1);
  REQUIRE(w.read());
  for (std::uint64_t frame = 2; frame <= 300; ++frame) w.picture(frame);
  const FrameCounts& counts = w.counts();
  CHECK(counts.frames_received + counts.frames_lost == 300);
  CHECK(counts.frames_lost > 0);
  CHECK(counts.frames_skipped == 0);
}

/// Takes frames as they come.
struct Taken : FrameTaker {
  void on_frame(const FramePtr& frame) override { frames.push_back(frame); }
  void on_skip(FrameNumber first, FrameNumber last) override { skips.emplace_back(first.value, last.value); }
  void on_broken(const std::string& why, Now) override { broken.push_back(why); }
  std::vector<FramePtr> frames;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> skips;
  std::vector<std::string> broken;
};

/// A flow of another format than JPEG.
struct PacketsFlow {
  PacketsFlow() { flow.info.format = {MediaKind::Video, "H264", 90'000, 0, 96, ""}; }

  void record(std::uint64_t frame, unsigned flags, const Bytes& rtp) {
    Header header{MessageType::Data, static_cast<std::uint8_t>(flags), 0,
                  static_cast<std::uint32_t>(kRecordHeaderBytes - kHeaderBytes + rtp.size())};
    Bytes record(kRecordHeaderBytes + rtp.size());
    store_record_header(record.data(), header, make_label(test::kTestStream, 1), FrameNumber{frame}, 5);
    std::copy(rtp.begin(), rtp.end(), record.begin() + kRecordHeaderBytes);
    REQUIRE(test::put(flow, record));
  }
  static Bytes packet(std::uint16_t sequence, std::uint32_t timestamp, std::size_t bytes) {
    Bytes rtp(12 + bytes, static_cast<std::uint8_t>(sequence));
    RtpHeader header;
    header.payload_type = 96;
    header.sequence = sequence;
    header.timestamp = timestamp;
    write_rtp_header(header, rtp);
    return rtp;
  }
  void read() { viewer.read(flow, {test::at_ms(0), WallTime{}}); }

  Flow flow = test::make_flow(1U << 20U);
  Taken taken;
  Viewer viewer{taken};
};

TEST_CASE("frames of other formats are their packets, as they came, and say where decoding can begin") {
  PacketsFlow w;
  const Bytes a = PacketsFlow::packet(7, 900, 100);
  const Bytes b = PacketsFlow::packet(8, 900, 20);
  const Bytes c = PacketsFlow::packet(9, 1800, 3);
  Bytes with_instant(a.size() + kRtpInstantBytes);
  const WallTime instant{std::chrono::seconds(1'700'000'000)};
  add_rtp_instant(a, instant, with_instant);
  w.record(1, kFirstOfFrame | kSyncPoint, with_instant);
  w.record(1, kLastOfFrame | kSyncPoint, b);
  w.record(2, kFirstOfFrame | kLastOfFrame, c);
  w.read();
  REQUIRE(w.taken.frames.size() == 2);
  const Frame& first = *w.taken.frames[0];
  CHECK_FALSE(first.is_jpeg());
  REQUIRE(first.packet_ends.size() == 2);
  CHECK(Bytes(first.packet(0).begin(), first.packet(0).end()) == a);
  CHECK(Bytes(first.packet(1).begin(), first.packet(1).end()) == b);
  CHECK(first.sync_point);
  CHECK(first.media_time == 900);
  CHECK(first.instant == instant);
  const Frame& second = *w.taken.frames[1];
  CHECK_FALSE(second.sync_point);
  CHECK_FALSE(second.instant);
  CHECK(second.media_time == 1800);
}

TEST_CASE(
    "a frame that is cut off by a SKIP is not handed on, nor what is left of one without its beginning") {
  PacketsFlow w;
  w.record(1, kFirstOfFrame, PacketsFlow::packet(1, 0, 9));
  REQUIRE(test::put(w.flow, test::skip_record(1, 3)));
  w.record(4, kFirstOfFrame | kLastOfFrame | kSyncPoint, PacketsFlow::packet(5, 90, 9));
  w.read();
  REQUIRE(w.taken.frames.size() == 1);
  CHECK(w.taken.frames[0]->number.value == 4);
  CHECK(w.taken.skips == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 3}});
  CHECK(w.taken.broken.empty());
}

TEST_CASE("a viewer that joins begins at the newest frame where decoding can begin") {
  PacketsFlow w;
  for (std::uint16_t frame = 1; frame <= 9; ++frame) {
    const unsigned sync = frame == 1 || frame == 6 ? kSyncPoint : 0;
    w.record(frame, kFirstOfFrame | kLastOfFrame | sync, PacketsFlow::packet(frame, frame * 90U, 9));
  }
  w.viewer.join(w.flow);
  w.read();
  REQUIRE(w.taken.frames.size() == 4);
  CHECK(w.taken.frames.front()->number.value == 6);
  CHECK(w.taken.frames.front()->sync_point);
}

}  // namespace
}  // namespace ott
