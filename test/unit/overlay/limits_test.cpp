// Past each limit on what peers can make a process keep, send and compute: what happens then, and its
// counter. Those of connections are in handshakes_test, of ids in admission_test, of link states in
// hostile_states_test, of frame numbers in hostile_flow_test, of parents in starving_parent_test.
#include "overlay/limits.h"

#include <catch2/catch.hpp>

#include "hostile_relay.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Bytes;
using test::Engine;
using test::HostileRelay;
using test::links_of;
using test::node;

NodeId guest_address(std::size_t number) {
  NodeId id = node("192.168.0.1:5555");
  id.address.bytes[14] = static_cast<std::uint8_t>(number >> 8U);
  id.address.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

/// One of many that are not there.
NodeId invented(std::size_t number) {
  NodeId id = node("172.16.0.0");
  id.address.bytes[14] = static_cast<std::uint8_t>(number >> 8U);
  id.address.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

Watch watch_of(StreamId stream, const NodeId& who, const NodeId& to, std::uint32_t viewers = 1) {
  Watch m;
  m.tracker = Tracker::along({{{to, 1, true}}});
  m.stream = stream;
  m.watcher = who;
  m.incarnation = 1;
  m.viewers = viewers;
  m.wants_tracker = viewers > 0;
  return m;
}

std::size_t log_bytes(const Engine& engine) {
  std::size_t bytes = 0;
  for (const std::string& line : engine.log.lines) bytes += line.size() + 1;
  return bytes;
}

/// A relay that knows `reporters` nodes behind 10.0.0.3, each with so many links and streams.
void invent(HostileRelay& relay, std::size_t reporters, std::size_t links, std::size_t streams) {
  std::vector<Adjacency> from_three = {{node("10.0.0.2"), 1}, {HostileRelay::here(), 1}};
  for (std::size_t i = 0; i < reporters; ++i) from_three.push_back({invented(i), 1});
  relay.say(relay.three, links_of(node("10.0.0.3"), 2, from_three));
  std::vector<Adjacency> of_each = {{node("10.0.0.3"), 1}};
  NodeId neighbour = node("11.0.0.0");
  for (std::size_t i = 1; i < links; ++i) {
    neighbour.address.bytes[14] = static_cast<std::uint8_t>(i >> 8U);
    neighbour.address.bytes[15] = static_cast<std::uint8_t>(i);
    of_each.push_back({neighbour, 1});
  }
  for (std::size_t i = 0; i < reporters; ++i) {
    std::vector<StreamInfo> infos(streams);
    for (std::size_t j = 0; j < streams; ++j) {
      infos[j].id = StreamId{1'000 + i * streams + j};
      infos[j].name.assign(kNameBytesMax, 'n');
      infos[j].kind.assign(kNameBytesMax, 'k');
    }
    relay.say(relay.three, links_of(invented(i), 1, of_each, infos));
  }
  REQUIRE(relay.overlay.link_states().all().size() == reporters + 4);
  relay.live_on(milliseconds(100));
}

// ---- what waits for a peer -------------------------------------------------------------------------------

TEST_CASE("a neighbour that reads nothing is closed when more waits for it than may") {
  OverlayConfig config = Engine::relay();
  config.limits.outbox_bytes = 20'000;
  HostileRelay relay(config);
  for (std::uint64_t i = 0; i < 30 && !relay.links.at(relay.three).closed; ++i) {
    relay.say(relay.two, Message{Tracker::everywhere(), node("10.0.0.2"), i, std::string(1'000, 'x')});
    relay.drain(relay.boot);
    for (const PeerLink& link : relay.overlay.links().all()) CHECK(link.outbox.size() <= 20'000);
  }
  CHECK(relay.links.at(relay.three).closed);
  CHECK(relay.bye(relay.three) == ByeReason::Silent);
  CHECK(relay.overlay.counters().links_unread == 1);
  CHECK(relay.honest_links_are_there());
}

TEST_CASE("a guest that asks for what is in vain and reads nothing is closed soon") {
  OverlayConfig config = Engine::relay();
  config.limits.guest_outbox_bytes = 2'000;
  HostileRelay relay(config);
  const LinkId guest = relay.guest("192.168.9.9:5555");
  for (unsigned i = 0; i < 40 && !relay.links.at(guest).closed; ++i)
    relay.say(guest, watch_of(StreamId{77 + i}, node("192.168.9.9:5555"), HostileRelay::here()));
  CHECK(relay.links.at(guest).closed);
  CHECK(relay.bye(guest) == ByeReason::Silent);
  CHECK(relay.overlay.counters().links_unread == 1);
}

TEST_CASE("a link that comes up when ten megabytes of link states are known gets them in steps") {
  constexpr std::size_t kReporters = 110;
  HostileRelay relay;
  invent(relay, kReporters, kStateLinksMax, 0);
  relay.lose(relay.two);
  const LinkId two = relay.accept(node("10.0.0.2"));
  relay.say(two, test::ack(PeerKind::Node, 3, node("10.0.0.2")));
  relay.say(two, FinalAck{Relation::Neighbour});
  std::size_t states = 0;
  std::size_t bytes = 0;
  std::size_t answered_after = 0;
  for (unsigned step = 0; step < 10'000; ++step) {
    if (step == 10) relay.say(two, Heartbeat{false, 9});
    for (const PeerLink& link : relay.overlay.links().all()) REQUIRE(link.outbox.size() < 200'000);
    const std::size_t sent = relay.drain(two, 20'000);
    bytes += sent;
    relay.each_drained(two, [&](const Header& header, const Bytes& message) {
      if (header.type == MessageType::Links) ++states;
      if (header.type != MessageType::Heartbeat || answered_after != 0) return;
      const auto hello = decode<Heartbeat>(ByteSpan(message).subspan(kHeaderBytes));
      if (hello->reply && hello->time == 9) answered_after = bytes;
    });
    if (sent == 0) break;
  }
  CHECK(states >= kReporters);
  CHECK(bytes > 8'000'000);
  CHECK(answered_after > 0);
  CHECK(answered_after < 10 * 20'000 + 200'000);
  CHECK_FALSE(relay.links.at(two).closed);
}

// ---- streams ---------------------------------------------------------------------------------------------

TEST_CASE("a guest hears of the streams there are, however many are invented") {
  constexpr std::size_t kReporters = 320;  // 20,480 streams
  HostileRelay relay;
  invent(relay, kReporters, 1, kStateStreamsMax);
  const LinkId guest = relay.accept(node("192.168.9.9:5555"));
  relay.say(guest, test::ack(PeerKind::Guest, 1, node("192.168.9.9:5555")));
  relay.say(guest, FinalAck{Relation::Guest});
  const std::vector<Streams> told = relay.sent<Streams>(guest);
  REQUIRE_FALSE(told.empty());
  CHECK(told.back().streams.size() == kStreamsMax);
  CHECK(told.back().streams.front().id == relay.live.id);
  CHECK(relay.say(guest, watch_of(relay.live.id, node("192.168.9.9:5555"), HostileRelay::here())));
  CHECK(relay.sent<Watch>(relay.boot).size() == 1);
}

TEST_CASE("a guest hears of as many streams as a message holds, however long their descriptions are") {
  HostileRelay relay;
  std::vector<StreamInfo> streams(kStateStreamsMax);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    streams[i].id = StreamId{10'000 + i};
    streams[i].name = std::string(kNameBytesMax, 'n');
    streams[i].kind = std::string(kNameBytesMax, 'k');
    streams[i].format = {MediaKind::Video,
                         std::string(kEncodingBytesMax, 'e'),
                         90'000,
                         0,
                         96,
                         std::string(kFormatParametersBytesMax, 'p')};
  }
  constexpr std::size_t kReporters = 8;
  std::vector<Adjacency> from_three = {{node("10.0.0.2"), 1}, {HostileRelay::here(), 1}};
  for (std::size_t i = 0; i < kReporters; ++i) from_three.push_back({invented(i), 1});
  relay.say(relay.three, links_of(node("10.0.0.3"), 2, from_three));
  for (std::size_t i = 0; i < kReporters; ++i) {
    for (StreamInfo& stream : streams) stream.id.value += kStateStreamsMax;
    relay.say(relay.three, links_of(invented(i), 1, {{node("10.0.0.3"), 1}}, streams));
  }
  const LinkId guest = relay.accept(node("192.168.9.9:5555"));
  relay.say(guest, test::ack(PeerKind::Guest, 1, node("192.168.9.9:5555")));
  relay.say(guest, FinalAck{Relation::Guest});
  const std::vector<Streams> told = relay.sent<Streams>(guest);
  REQUIRE_FALSE(told.empty());
  CHECK(told.back().streams.size() > 200);
  CHECK(told.back().streams.size() < kReporters * kStateStreamsMax);
  std::vector<std::uint8_t> bytes;
  encode(bytes, told.back());
  CHECK(bytes.size() - kHeaderBytes <= kBodyBytesMax);
  CHECK(bytes.size() > kBodyBytesMax - 20'000);
}

TEST_CASE("the longest link state that there is fits into a message") {
  Links links;
  links.tracker = Tracker::everywhere();
  links.state.reporter = node("10.0.0.3");
  links.state.incarnation = links.state.number = 1;
  for (std::size_t i = 0; i < kStateLinksMax; ++i) links.state.links.push_back({invented(i), 1});
  StreamInfo stream;
  stream.id = StreamId{1};
  stream.name = stream.kind = std::string(kNameBytesMax, 'n');
  stream.format.encoding = std::string(kEncodingBytesMax, 'e');
  stream.format.parameters = std::string(kFormatParametersBytesMax, 'p');
  links.state.streams.assign(kStateStreamsMax, stream);
  std::vector<std::uint8_t> bytes;
  encode(bytes, links);
  CHECK(bytes.size() < kBodyBytesMax / 2);  // the rest is for the nodes that the flood has visited
}

TEST_CASE("a guest watches so many streams and no more") {
  OverlayConfig config = Engine::relay();
  config.limits.watches_per_guest = 2;
  HostileRelay relay(config);
  std::vector<StreamInfo> streams(3);
  for (std::size_t i = 0; i < streams.size(); ++i) streams[i].id = StreamId{100 + i};
  relay.say(relay.boot,
            links_of(node("10.0.0.10"), 2, {{HostileRelay::here(), 1}}, streams, PeerKind::Bootstrap));
  relay.live_on(milliseconds(100));
  const LinkId guest = relay.guest("192.168.9.9:5555");
  const auto watch = [&](std::size_t i, std::uint32_t viewers) {
    relay.say(guest, watch_of(streams[i].id, node("192.168.9.9:5555"), HostileRelay::here(), viewers));
    return relay.sent<Refused>(guest);
  };
  CHECK(watch(0, 1).empty());
  CHECK(watch(1, 1).empty());
  CHECK(watch(1, 1).empty());
  const std::vector<Refused> refused = watch(2, 1);
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().reason == RefusedReason::NoRoom);
  CHECK(refused.front().stream == streams[2].id);
  CHECK(relay.overlay.counters().watches_refused == 1);
  watch(0, 0);
  CHECK(watch(2, 1).empty());
}

/// The TRACKER of a stream that somebody behind 10.0.0.3 has, by here to 10.0.0.2.
TrackerMessage invented_tree(const HostileRelay& relay, std::size_t reporter, StreamId stream) {
  TrackerMessage m = relay.tree(node("10.0.0.3"), 1);
  m.tracker.visited = {invented(reporter), node("10.0.0.3")};
  m.origin = invented(reporter);
  m.stream.id = stream;
  m.label = make_label(stream, 1);
  return m;
}

TEST_CASE("past the limit of streams that pass through, a TRACKER is answered with STOP") {
  OverlayConfig config = Engine::relay();
  config.limits.flows = 8;
  HostileRelay relay(config);
  relay.begin_stream();
  invent(relay, 1, 1, 20);
  relay.sent<Stop>(relay.three);
  for (std::uint64_t i = 0; i < 20; ++i) {
    relay.say(relay.three, invented_tree(relay, 0, StreamId{1'000 + i}));
    CHECK(relay.overlay.flows().all().size() <= 8);
  }
  CHECK(relay.sent<Stop>(relay.three).size() == 13);
  CHECK(relay.overlay.counters().flows_refused == 13);
  relay.frames_sent(relay.two);
  relay.next_frame();
  CHECK(relay.frames_sent(relay.two) == std::vector{relay.frame});
}

TEST_CASE("a guest hears that there is no room for the stream that it wants") {
  OverlayConfig config = Engine::relay();
  config.limits.flows = 1;
  HostileRelay relay(config);
  relay.begin_stream();
  invent(relay, 1, 1, 1);
  const LinkId guest = relay.guest("192.168.9.9:5555");
  Watch watch;
  watch.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  watch.stream = StreamId{1'000};
  watch.watcher = node("192.168.9.9:5555");
  watch.viewers = 1;
  relay.say(guest, watch);
  CHECK(relay.sent<Refused>(guest).empty());
  relay.say(relay.three, invented_tree(relay, 0, StreamId{1'000}));
  const std::vector<Refused> refused = relay.sent<Refused>(guest);
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().reason == RefusedReason::NoRoom);
  CHECK(refused.front().stream == StreamId{1'000});
}

TEST_CASE("however many streams are fed at once, their rings stay within the memory there is for them") {
  OverlayConfig config = Engine::relay();
  config.memory_bytes = std::size_t{8} << 20U;
  config.ring_bytes = OverlayConfig{}.ring_bytes;
  HostileRelay relay(config);
  relay.begin_stream();
  invent(relay, 4, 1, 50);
  const auto ring_bytes = [&relay] {
    std::size_t bytes = 0;
    for (const auto& [id, flow] : relay.overlay.flows().all()) bytes += flow->buffer.capacity();
    return bytes;
  };
  std::uint64_t frame = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const StreamId stream{1'000 + i};
    relay.say(relay.three, invented_tree(relay, i / 50, stream));
    relay.say(relay.two, Start{stream, FrameNumber{0}, 1});
    for (const Start& start : relay.sent<Start>(relay.three))
      relay.say(relay.three, Started{start.stream, start.number, start.last});
    for (unsigned record = 0; record < 40; ++record) {
      ++frame;
      relay.receive(relay.three, test::record_bytes(make_label(stream, 1), frame, kRecordFlags, 1,
                                                    static_cast<std::uint16_t>(frame), kRtpBytesMax));
    }
    REQUIRE(ring_bytes() <= config.memory_bytes);
  }
  CHECK(relay.overlay.flows().all().size() > 4);
  CHECK(relay.overlay.counters().flows_refused > 100);
  relay.frames_sent(relay.two);
  relay.next_frame();
  CHECK(relay.frames_sent(relay.two) == std::vector{relay.frame});
}

// ---- requests --------------------------------------------------------------------------------------------

/// An origin with a watcher for a neighbour.
struct WatchedOrigin : Engine {
  LinkId twenty;
  StreamId stream;
  WatchedOrigin() : Engine(bootstrapper()), twenty(accept(node("10.0.0.20"))) {
    shake_hands(twenty, PeerKind::Node, 1);
    StreamInfo info;
    info.name = "film";
    stream = overlay.origin().add_stream(info).value();
    say(twenty, links_of(node("10.0.0.20"), 1, {{node("10.0.0.10"), 1}}));
    pass(milliseconds(50));
    count_sent(twenty, MessageType::Tracker);
  }
  void watch(const NodeId& who, std::uint32_t viewers) {
    say(twenty, watch_of(stream, who, node("10.0.0.10"), viewers));
  }
};

TEST_CASE("a watcher that comes and goes all the time costs its origin a bounded number of trees") {
  WatchedOrigin origin;
  const Limits limits;
  std::size_t trees = 0;
  for (unsigned i = 1; i <= 1'000; ++i) {  // 500 changes a second
    origin.watch(node("10.0.0.20"), i % 2);
    origin.stand_still(milliseconds(2));
    if (i % 2 == 0) origin.say(origin.twenty, Stop{origin.overlay.flow(origin.stream)->label});
    trees += origin.count_sent(origin.twenty, MessageType::Tracker);
  }
  CHECK(trees > 0);
  CHECK(trees <= limits.trees_per_s * (2 + limits.burst_s));
  CHECK(origin.overlay.counters().trees_deferred > 0);
  // And what it wants in the end it gets.
  origin.watch(node("10.0.0.20"), 1);
  origin.pass(milliseconds(100));
  CHECK(origin.overlay.flow(origin.stream)->child(origin.twenty) != nullptr);
}

TEST_CASE("an origin that forgets its frames measures its rate all the same") {
  WatchedOrigin origin;
  Flow& flow = *origin.overlay.flow(origin.stream);
  std::uint64_t frame = 0;
  const auto rate_after_a_second = [&] {
    for (int i = 0; i < 20; ++i) {
      const OwnRecord record{FrameNumber{++frame}, true, true, 1'000};
      origin.overlay.write_record(flow, record, origin.now(),
                                  [](MutableByteSpan rtp) { std::ranges::fill(rtp, std::uint8_t{0}); });
      origin.pass(milliseconds(50));
    }
    return origin.overlay.origin().figures()[0].bits_per_second;
  };
  rate_after_a_second();
  CHECK(rate_after_a_second() == Approx(20 * 1'032 * 8).epsilon(0.1));
  origin.overlay.forget_frames(flow, origin.now());
  CHECK(rate_after_a_second() == Approx(20 * 1'032 * 8).epsilon(0.1));
}

TEST_CASE("guests that come and go all the time are not told of one by one") {
  HostileRelay relay;
  std::vector<LinkId> guests;
  for (std::size_t i = 0; i < 30; ++i) {
    guests.push_back(relay.accept(guest_address(i)));
    relay.shake_hands(guests.back(), PeerKind::Guest, 1, Relation::Guest);
  }
  TrackerMessage tree = relay.tree(node("10.0.0.10"), 7);
  tree.tracker.path.entries = {{HostileRelay::here(), 1, true}};
  std::size_t told = 0;
  for (unsigned i = 0; i < 40; ++i) {  // first and last viewer, ten times a second
    const std::size_t first = i % guests.size();
    relay.say(guests[first], watch_of(relay.live.id, guest_address(first), HostileRelay::here()));
    if (i == 0) relay.say(relay.boot, tree);
    relay.live_on(milliseconds(50));
    relay.say(guests[first], watch_of(relay.live.id, guest_address(first), HostileRelay::here(), 0));
    relay.live_on(milliseconds(50));
    told += relay.sent<Watch>(relay.boot).size();
  }
  CHECK(told > 0);
  CHECK(told <= 5);  // in four seconds
  relay.live_on(milliseconds(500));
  const std::vector<Watch> last = relay.sent<Watch>(relay.boot);
  REQUIRE_FALSE(last.empty());
  CHECK(last.back().viewers == 0);
}

TEST_CASE("watchers that are invented are not kept") {
  WatchedOrigin origin;
  origin.watch(node("10.0.0.20"), 1);
  for (std::size_t i = 0; i < 20'000; ++i) origin.watch(invented(i), 1);
  origin.pass(milliseconds(100));
  CHECK(origin.overlay.origin().watchers() == std::vector{node("10.0.0.20")});
  CHECK(origin.overlay.counters().watches_refused == 20'000);
}

TEST_CASE("PING and MESSAGE of ever new senders go on at a bounded rate, and so does what is said of them") {
  const bool pings = GENERATE(true, false);
  HostileRelay relay;
  const Limits limits;
  relay.log.lines.clear();
  PathTree path;
  path.entries = {{HostileRelay::here(), 2, true}, {node("10.0.0.2"), 1, true}};
  std::size_t arrived = 0;
  for (std::size_t i = 0; i < 10'000; ++i) {
    if (pings) {
      relay.say(relay.three, Ping{Tracker::along(path), invented(i), i, 1});
    } else {
      relay.say(relay.three, Message{Tracker::everywhere(), invented(i), i, std::string(1'000, 'x')});
    }
    arrived += relay.overlay.take_messages().size() + relay.overlay.take_pings().size();
  }
  const std::size_t most = limits.messages_per_link_s * limits.burst_s;
  CHECK(relay.count_sent(relay.two, pings ? MessageType::Ping : MessageType::Message) == most);
  CHECK(arrived == most);
  CHECK(relay.overlay.counters().messages_dropped == 10'000 - most);
  CHECK(log_bytes(relay) < 10'000);
  CHECK(relay.honest_links_are_there());
}

// ---- the log ---------------------------------------------------------------------------------------------

TEST_CASE("what peers say at their end is logged shortened, a few times, and then counted") {
  const ByeReason reason = GENERATE(ByeReason::Protocol, ByeReason::Leaving, ByeReason::NoRoom);
  HostileRelay relay;
  relay.log.lines.clear();
  for (std::size_t i = 0; i < 3'000; ++i) {
    const LinkId guest = relay.accept(guest_address(i));
    relay.shake_hands(guest, PeerKind::Guest, 1, Relation::Guest);
    relay.say(guest, Bye{reason, std::string(kTextBytesMax, 'x')});
    relay.lose(guest);
  }
  for (const std::string& line : relay.log.lines) CHECK(line.size() < 500);
  CHECK(log_bytes(relay) < 60'000);
  relay.log.lines.clear();
  relay.live_on(seconds(11));
  CHECK(std::ranges::any_of(relay.log.lines, [](const std::string& line) {
    return line.find("(2950 more like this)") != std::string::npos;
  }));
  CHECK(log_bytes(relay) < 5'000);
}

TEST_CASE("lines of one kind do not take the turn of another") {
  HostileRelay relay;
  relay.log.lines.clear();
  for (unsigned i = 0; i < 200; ++i) relay.overlay.peer_log().info("one kind");
  relay.overlay.peer_log().info("another");
  CHECK(relay.log.lines.size() == 51);
  CHECK(relay.log.lines.back() == "another");
}

}  // namespace
}  // namespace ott
