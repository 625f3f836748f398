// Several streams on one link: what is sent first, and what waits.
#include <array>
#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::Engine;
using test::links_of;
using test::node;

/// An origin whose neighbour 10.0.0.20 watches a stream of video and one of audio.
struct SharedLink : Engine {
  LinkId twenty;
  StreamId video, audio;
  std::uint64_t frame = 0;

  SharedLink() : Engine(Engine::bootstrapper()), twenty(accept(node("10.0.0.20"))) {
    shake_hands(twenty, PeerKind::Node, 1);
    say(twenty, links_of(node("10.0.0.20"), 1, {{node("10.0.0.10"), 1}}));
    video = begin("cam/video", MediaKind::Video);
    audio = begin("cam/audio", MediaKind::Audio);
    drain(twenty);
    CHECK(given().empty());
  }
  StreamId begin(const std::string& name, MediaKind media) {
    StreamInfo info;
    info.name = name;
    info.format.media = media;
    const StreamId stream = overlay.origin().add_stream(info).value();
    Watch watch;
    watch.tracker = Tracker::along({{{node("10.0.0.10"), 1, true}}});
    watch.stream = stream;
    watch.watcher = node("10.0.0.20");
    watch.incarnation = 1;
    watch.viewers = 1;
    watch.wants_tracker = true;
    say(twenty, watch);
    pass(milliseconds(100));
    say(twenty, Start{stream, FrameNumber{0}, 1});
    return stream;
  }
  void publish(StreamId stream, std::size_t rtp_bytes, bool sync_point = true) {
    Flow& flow = *overlay.flow(stream);
    const OwnRecord record{FrameNumber{flow.buffer.last_frame().value + 1}, true, true, rtp_bytes,
                           sync_point};
    overlay.write_record(flow, record, now(),
                         [](MutableByteSpan rtp) { std::ranges::fill(rtp, std::uint8_t{0}); });
    overlay.published(flow);
  }
  /// Which streams the next send has pieces of, and of how many bytes; not sent yet.
  std::vector<std::pair<StreamId, std::size_t>> given() {
    std::array<ByteSpan, 8> pieces;
    const std::size_t count = overlay.send_slices(twenty, now(), pieces);
    std::vector<std::pair<StreamId, std::size_t>> found;
    for (std::size_t i = 0; i < count; ++i) {
      const Framed framed = next_message(pieces[i], kBodyBytesMax);
      const auto record =
          is_record(framed.header.type) ? parse_record(framed.header, pieces[i]) : std::nullopt;
      found.emplace_back(record ? stream_of(record->label) : StreamId{0}, pieces[i].size());
    }
    return found;
  }
};

using Given = std::vector<std::pair<StreamId, std::size_t>>;

TEST_CASE("audio goes before video, in one send") {
  SharedLink link;
  link.publish(link.video, 1'000);
  link.publish(link.video, 1'000);
  link.publish(link.audio, 100);
  CHECK(link.given() == Given{{link.audio, 132}, {link.video, 2 * 1'032}});
  SECTION("all of it") {
    CHECK_FALSE(link.overlay.send_advance(link.twenty, 132 + 2 * 1'032, link.now()));
    CHECK(link.given().empty());
  }
  SECTION("a record that was begun ends first") {
    CHECK(link.overlay.send_advance(link.twenty, 132 + 1'032 + 500, link.now()));
    link.publish(link.audio, 100);
    std::array<ByteSpan, 8> pieces;
    REQUIRE(link.overlay.send_slices(link.twenty, link.now(), pieces) == 1);
    CHECK(pieces[0].size() == 532);
    CHECK(link.overlay.send_advance(link.twenty, 532, link.now()));
    CHECK(link.given() == Given{{link.audio, 132}});
  }
  SECTION("as far as it was taken") {
    CHECK(link.overlay.send_advance(link.twenty, 132, link.now()));
    CHECK(link.given() == Given{{link.video, 2 * 1'032}});
  }
}

TEST_CASE("video beside audio waits while too much is under way") {
  SharedLink link;
  link.publish(link.video, 1'000);
  link.publish(link.audio, 100);
  Flight flight;
  flight.least_round_trip = flight.round_trip = milliseconds(1);
  flight.bytes = FlightBound::kFirstBytes;
  link.overlay.set_flight(link.twenty, flight, link.now());
  CHECK(link.given() == Given{{link.audio, 132}});
  CHECK_FALSE(link.overlay.send_advance(link.twenty, 132, link.now()));
  CHECK(link.overlay.held_until() == link.now().mono + FlightBound::kLookAgain);
  const std::size_t bound = FlightBound::kFirstBytes;  // nothing is acknowledged yet by which it could grow
  SECTION("whole records are given") {
    for (int i = 0; i < 3; ++i) link.publish(link.video, 1'000);
    flight.bytes = bound - 2'500;
    link.overlay.set_flight(link.twenty, flight, link.now());
    CHECK(link.given() == Given{{link.video, 2 * 1'032}});
  }
  SECTION("one that takes more room than there is waits") {
    flight.bytes = bound - 1;
    link.overlay.set_flight(link.twenty, flight, link.now());
    CHECK(link.given().empty());
  }
  SECTION("one that takes more room than there ever is goes when little is under way") {
    link.publish(link.video, kRtpBytesMax);
    flight.bytes = 0;
    link.overlay.set_flight(link.twenty, flight, link.now());
    CHECK(link.given() == Given{{link.video, 1'032}});
    CHECK(link.overlay.send_advance(link.twenty, 1'032, link.now()));
    CHECK(link.given() == Given{{link.video, kRecordHeaderBytes + kRtpBytesMax}});
  }
}

TEST_CASE("audio is left out earlier than video") {
  SharedLink link;
  link.overlay.set_blocked(link.twenty, true, link.now());
  for (int i = 0; i < 2; ++i) link.publish(link.audio, 100);
  for (int i = 0; i < 2; ++i) link.publish(link.video, 100);
  for (int i = 0; i < 3; ++i) link.pass(milliseconds(30));
  link.overlay.set_blocked(link.twenty, false, link.now());
  link.drain(link.twenty);
  CHECK(link.overlay.flow(link.audio)->child(link.twenty)->feed.frames_skipped() == 1);
  CHECK(link.overlay.flow(link.video)->child(link.twenty)->feed.frames_skipped() == 0);
}

}  // namespace
}  // namespace ott
