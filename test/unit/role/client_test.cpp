// The client's role as a guest, whose access node a test speaks for.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>

#include "../../sim/lab.h"
#include "../core/random_messages.h"
#include "../media/jpeg_helpers.h"
#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

using sim::Process;
using std::chrono::milliseconds;
using Bytes = std::vector<std::uint8_t>;

const NodeId kAccess = parse_node_id("10.0.0.2").value();
const NodeId kSelf = parse_node_id("192.168.9.9:5555").value();
const NodeId kOrigin = parse_node_id("10.0.0.10").value();

class GuestClient {
 public:
  Process process;

  GuestClient() {
    process.context = std::make_unique<RoleContext>(RoleContext{{}, process.log});
    process.context->stats = &process.stats;
    process.context->frames = &process.frames;
    OverlayConfig& config = process.context->options.overlay;
    config.kind = PeerKind::Guest;
    config.incarnation = 1;
    config.access = {kAccess};
    machine_ = kClientRole.create(*process.context);
    machine_->begin(now());
    REQUIRE(machine_->requests().connect.size() == 1);
    link_ = std::exchange(machine_->requests().connect, {}).front().link;
    machine_->opened(link_, kSelf, now());
    say(Speers{Greeting{PeerKind::Node, 9}, kAccess, kSelf, {}});
    say(FinalAck{Relation::Guest});
    drain();
  }

  template <class T>
  void say(const T& message) {
    Bytes bytes;
    encode(bytes, message);
    receive(bytes);
  }
  /// Four seconds go by.
  void live_on() {
    for (int i = 0; i < 8; ++i) {
      pass(milliseconds(500));
      say(Heartbeat{});
    }
    drain();
  }
  void lists(const std::vector<StreamInfo>& streams) {
    say(Streams{streams, std::vector<NodeId>(streams.size(), kOrigin)});
    drain();
  }
  /// The stream comes from here on, from the frame after `last`; START is answered.
  void brings(const StreamInfo& stream) {
    TrackerMessage m;
    m.tracker = Tracker::along({{{kSelf, 1, true}}});
    m.tracker.visited = {kOrigin, kAccess};
    m.label = make_label(stream.id, 1);
    m.origin = kOrigin;
    m.stream = stream;
    m.expects_start = true;
    say(m);
    const std::vector<Start> starts = drain();
    REQUIRE(starts.size() == 1);
    say(Started{stream.id, starts.front().number, starts.front().last});
  }
  void frame(const StreamInfo& stream, std::uint64_t number, bool whole = true) {
    const Bytes jpeg = test::make_jpeg({.width = 160, .height = 120, .quality = 95, .seed = 7});
    const auto image = parse_jpeg(jpeg);
    RtpJpegPacketizer packetizer(*image, kRtpPacketBytesMin);
    for (bool first = true; !packetizer.done(); first = false) {
      Bytes record(kRecordHeaderBytes + packetizer.next_bytes());
      packetizer.next(MutableByteSpan(record).subspan(kRecordHeaderBytes),
                      RtpFields{sequence_++, static_cast<std::uint32_t>(number), 1});
      if (packetizer.done() && !whole) return;
      Header header{MessageType::Data, 0, 0, static_cast<std::uint32_t>(record.size() - kHeaderBytes)};
      header.flags = static_cast<std::uint8_t>((first ? kFirstOfFrame : 0) |
                                               (packetizer.done() ? kLastOfFrame : 0) | kSyncPoint);
      store_record_header(record.data(), header, make_label(stream.id, 1), FrameNumber{number}, 1);
      receive(record);
    }
  }
  /// A record that is whole, of a frame that is none.
  void no_picture(const StreamInfo& stream, std::uint64_t number) {
    receive(test::record_bytes(make_label(stream.id, 1), number, kRecordFlags, 1, sequence_++, 100));
  }
  void pass(Duration time) {
    for (const MonoTime end = mono_ + time; mono_ < end;) {
      mono_ += milliseconds(50);
      say(Heartbeat{});
      machine_->tick(now());
      drain();
    }
  }
  void report() { machine_->signal(Signal::Report, now()); }
  std::uint64_t count(const char* name) {
    process.stats.lines.clear();
    pass(milliseconds(1'100));
    REQUIRE_FALSE(process.stats.lines.empty());
    return process.stat(name);
  }

 private:
  [[nodiscard]] Now now() const { return {mono_, WallTime(mono_.time_since_epoch())}; }
  void receive(ByteSpan bytes) {
    while (!bytes.empty()) {
      const MutableByteSpan room = machine_->recv_slice(link_);
      REQUIRE_FALSE(room.empty());
      const std::size_t size = std::min(room.size(), bytes.size());
      std::copy_n(bytes.begin(), size, room.begin());
      bytes = bytes.subspan(size);
      machine_->recv_advance(link_, size, now());
      REQUIRE(machine_->requests().close.empty());
    }
  }
  /// Takes what is sent to the access node, and returns the STARTs among it.
  std::vector<Start> drain() {
    Bytes sent;
    while (true) {
      const ByteSpan slice = machine_->send_slice(link_, now());
      if (slice.empty()) break;
      sent.insert(sent.end(), slice.begin(), slice.end());
      machine_->send_advance(link_, slice.size(), now());
    }
    machine_->requests().send.clear();
    std::vector<Start> starts;
    for (ByteSpan rest(sent); !rest.empty();) {
      const Framed framed = next_message(rest, kBodyBytesMax);
      REQUIRE(framed.kind == Framed::Kind::Whole);
      const ByteSpan body = rest.subspan(kHeaderBytes, framed.header.length);
      if (framed.header.type == MessageType::Start) starts.push_back(*decode<Start>(body));
      rest = rest.subspan(framed.header.total());
    }
    return starts;
  }

  std::unique_ptr<Machine> machine_;
  LinkId link_;
  MonoTime mono_{std::chrono::hours(1)};
  std::uint16_t sequence_ = 0;
};

StreamInfo stream(std::uint64_t id, const std::string& name) {
  StreamInfo info;
  info.id = StreamId{id};
  info.name = name;
  return info;
}

TEST_CASE("a guest's stream that leaves the list for another and returns under its id plays on") {
  const StreamInfo first = stream(5, "first");
  const StreamInfo other = stream(6, "other");
  const bool other_plays = GENERATE(false, true);
  const std::uint64_t next = GENERATE(3U, 41U, 1'000U);
  CAPTURE(other_plays, next);
  GuestClient guest;
  guest.lists({first});
  guest.brings(first);
  for (std::uint64_t number = 1; number <= 40; ++number) guest.frame(first, number, number % 10 != 9);
  REQUIRE(guest.process.frames.frames.size() == 36);

  guest.lists({other});
  CHECK_FALSE(guest.process.log.has("watching 'other'"));  // the first may just be out of reach
  guest.live_on();
  CHECK(guest.process.log.has("watching 'other'"));
  if (other_plays) {
    guest.brings(other);
    guest.frame(other, 500);
  }
  guest.lists({first});
  guest.live_on();
  guest.brings(first);
  for (std::uint64_t number = next; number < next + 20; ++number) guest.frame(first, number);

  const std::size_t expected = 36 + (other_plays ? 1 : 0);
  CHECK(guest.process.frames.frames.size() >= expected + (next == 3 ? 0 : 20));
  CHECK(guest.count("frames_lost") < 1'000);
  CHECK(guest.count("frames_skipped") < 1'000);
}

TEST_CASE("what an access node says to its guest is logged a few times, and then counted") {
  GuestClient guest;
  guest.process.log.lines.clear();
  for (std::uint64_t number = 1; number <= 5'000; ++number)
    guest.say(Message{Tracker::everywhere(), kOrigin, number, std::string(kTextBytesMax, 'x')});
  CHECK(guest.process.log.lines.size() <= 60);
  for (const std::string& line : guest.process.log.lines) CHECK(line.size() < 500);
}

TEST_CASE("records that hold no picture are logged a few times, and then counted") {
  const StreamInfo first = stream(5, "first");
  GuestClient guest;
  guest.lists({first});
  guest.brings(first);
  guest.process.log.lines.clear();
  for (std::uint64_t number = 1; number <= 5'000; ++number) guest.no_picture(first, number);
  CHECK(guest.process.log.has("frame 1: "));
  CHECK(guest.process.log.lines.size() <= 60);
}

TEST_CASE("streams that come and go all the time are logged a few times, and then counted") {
  GuestClient guest;
  guest.process.log.lines.clear();
  for (std::uint64_t i = 0; i < 2'000; ++i) guest.lists({stream(5 + i % 2, std::string(kNameBytesMax, 'n'))});
  CHECK(guest.process.log.has("watching"));
  CHECK(guest.process.log.lines.size() <= 60);
  for (const std::string& line : guest.process.log.lines) CHECK(line.size() < 500);
}

TEST_CASE("statistics and the report say of each limit how often it was reached") {
  GuestClient guest;
  guest.count("frames_received");
  for (const LimitCounterName& limit : kLimitCounters) {
    CAPTURE(limit.name);
    CHECK(guest.process.stats.lines.back().find(fmt::format("\"{}\":0", limit.name)) != std::string::npos);
  }
  for (std::uint64_t number = 1; number <= 5'000; ++number)
    guest.say(Message{Tracker::everywhere(), kOrigin, number, "text"});
  guest.count("frames_received");
  const Limits limits;
  const std::string dropped = std::to_string(5'000 - limits.messages_per_link_s * limits.burst_s);
  CHECK(guest.process.stats.lines.back().find("\"messages_dropped\":" + dropped) != std::string::npos);
  guest.report();
  CHECK(guest.process.log.has("limits reached: messages_dropped " + dropped));
}

}  // namespace
}  // namespace ott
