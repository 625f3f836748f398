// A guest that measures the access nodes it knows, and goes to another one without losing a frame.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <stdexcept>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Bytes;
using test::Engine;
using test::node;

const NodeId kA = node("10.0.0.2");
const NodeId kB = node("10.0.0.3");
const NodeId kC = node("10.0.0.4");
const NodeId kOrigin = node("10.0.0.10");

const PeerLink& link_of(const Engine& engine, LinkId id) {
  for (const PeerLink& link : engine.overlay.links().all()) {
    if (link.id == id) return link;
  }
  FAIL("there is no such link");
  throw std::logic_error("unreachable");
}

StreamInfo film() {
  StreamInfo info;
  info.id = StreamId{77};
  info.name = "film";
  info.kind = "test";
  return info;
}

/// A guest of A that was told of B and C as well, with access nodes that answer after the times in `delays`.
struct Guest : Engine {
  std::map<NodeId, milliseconds> delays{
      {kA, milliseconds(10)}, {kB, milliseconds(20)}, {kC, milliseconds(30)}};
  std::map<NodeId, LinkId> attached;  // the newest link of this kind
  std::map<NodeId, LinkId> kept;
  std::uint64_t capabilities = kTakesMeasuring;
  std::uint16_t next_port = 5000;
  std::set<NodeId> refusing;  // connections
  std::set<NodeId> full;      // BYE 10 to all that measure

  explicit Guest(std::vector<NodeId> access = {kA, kB, kC}, std::uint64_t can = kTakesMeasuring)
      : Engine(config(std::move(access))), capabilities(can) {}

  static OverlayConfig config(std::vector<NodeId> access) {
    OverlayConfig config;
    config.kind = PeerKind::Guest;
    config.incarnation = 1;
    config.access = std::move(access);
    config.access_named = true;
    return config;
  }

  /// Time in which the access nodes do what they do.
  void live(Duration time) {
    for (Duration left = time; left > Duration{}; left -= milliseconds(2)) {
      pass(milliseconds(2));
      answer_connections();
      for (const auto& [id, link] : std::map(links)) look_at(id);
      for (std::size_t i = 0; i < due_.size(); ++i) {
        if (due_[i].at > now().mono) continue;
        const Due due = std::move(due_[i]);
        due_.erase(due_.begin() + static_cast<std::ptrdiff_t>(i--));
        if (!links.at(due.link).closed) receive(due.link, due.bytes);
      }
      if ((hellos_ += milliseconds(2)) < milliseconds(400)) continue;
      hellos_ = {};
      for (const NodeId& feeder : feeders) {
        if (!silent.contains(feeder)) frames_at(feeder, 1);
      }
      for (const auto& [id, link] : attached) {
        if (!links.at(link).closed && !silent.contains(id)) say(link, Heartbeat{});
      }
    }
  }
  std::set<NodeId> silent;               // they read and say nothing
  std::set<NodeId> feeders;              // they send a frame now and then
  std::map<NodeId, std::uint64_t> sent;  // the last frame of each

  template <class T>
  std::optional<T> last(LinkId link) {
    std::optional<T> found;
    for (const auto& [header, message] : seen_[link]) {
      if (header.type == T::kType) found = decode<T>(ByteSpan(message).subspan(kHeaderBytes));
    }
    return found;
  }
  [[nodiscard]] std::size_t count(LinkId link, MessageType type) {
    return static_cast<std::size_t>(
        std::ranges::count_if(seen_[link], [type](const auto& each) { return each.first.type == type; }));
  }
  [[nodiscard]] bool logged(const std::string& part) const {
    return std::ranges::any_of(log.lines,
                               [&](const auto& line) { return line.find(part) != std::string::npos; });
  }
  [[nodiscard]] bool is_open(const std::map<NodeId, LinkId>& of, const NodeId& id) const {
    return of.contains(id) && !links.at(of.at(id)).closed;
  }
  [[nodiscard]] std::set<NodeId> open_of(const std::map<NodeId, LinkId>& of) const {
    std::set<NodeId> ids;
    for (const auto& [id, link] : of) {
      if (!links.at(link).closed) ids.insert(id);
    }
    return ids;
  }

  void list_at(const NodeId& at, bool has = true) {
    Streams message;
    if (has) message = {{film()}, {kOrigin}};
    say(attached.at(at), message);
  }
  void watch() { overlay.watch({kOrigin, film()}, true, now()); }
  /// The tree comes by this access node, and START is answered. Returns the frame that it named.
  FrameNumber begin_at(const NodeId& at) {
    const LinkId link = attached.at(at);
    TrackerMessage tree;
    tree.tracker = Tracker::along({{{link_of(*this, link).you, 1, true}}});
    tree.tracker.visited = {at};
    tree.label = make_label(film().id, 1);
    tree.origin = kOrigin;
    tree.stream = film();
    tree.expects_start = true;
    say(link, tree);
    live(milliseconds(2));
    const auto start = last<Start>(link);
    REQUIRE(start);
    say(link, Started{film().id, start->number, start->last});
    sent[at] = start->last.value;
    return start->last;
  }
  void frames_at(const NodeId& at, int count) {
    for (; count > 0; --count) {
      const std::uint64_t n = ++sent[at];
      const auto sequence = static_cast<std::uint16_t>(n);
      if (links.at(attached.at(at)).closed) return;
      receive(attached.at(at),
              test::record_bytes(make_label(film().id, 1), n, kRecordFlags, 1, sequence, 40));
    }
  }
  [[nodiscard]] std::uint64_t last_frame() {
    const Flow* flow = overlay.flow(film().id);
    return flow == nullptr ? 0 : flow->buffer.last_done().value;
  }
  [[nodiscard]] std::uint64_t frames_here() {
    std::uint64_t frames = 0;
    for (const auto& link : overlay.links().all()) frames += link.frames_in;
    return frames;
  }
  void attach_and_watch() {
    live(milliseconds(300));
    REQUIRE(is_open(attached, kA));
    list_at(kA);
    watch();
    live(milliseconds(20));
    CHECK(begin_at(kA) == FrameNumber{0});
    frames_at(kA, 10);
    REQUIRE(last_frame() == 10);
    feeders = {kA};
  }
  /// A becomes slow, and the guest attaches to B as well.
  void begin_to_move() {
    attach_and_watch();
    live(seconds(12));
    delays[kA] = milliseconds(58);
    for (int i = 0; i < 200 && !is_open(attached, kB); ++i) live(milliseconds(100));
    REQUIRE(is_open(attached, kB));
    REQUIRE(is_open(attached, kA));
    feeders.clear();
  }

 private:
  struct Due {
    MonoTime at;
    LinkId link;
    Bytes bytes;
  };

  template <class T>
  void later(LinkId link, const T& message) {
    Bytes bytes;
    encode(bytes, message);
    due_.push_back({now().mono + delays.at(links.at(link).peer), link, std::move(bytes)});
  }
  void answer_connections() {
    for (const Requests::Connect& request : std::exchange(connecting, {})) {
      if (silent.contains(request.to)) continue;
      if (refusing.contains(request.to)) {
        overlay.closed(request.link, "Connection refused", now());
        continue;
      }
      links[request.link].peer = request.to;
      overlay.opened(request.link, node("192.168.9.9:" + std::to_string(++next_port)), now());
    }
  }
  void look_at(LinkId id) {
    const NodeId peer = links.at(id).peer;
    each_sent(id, [&](const Header& header, const Bytes& message) {
      seen_[id].emplace_back(header, message);
      if (silent.contains(peer)) return;
      const ByteSpan body = ByteSpan(message).subspan(kHeaderBytes);
      if (header.type == MessageType::Ack) {
        Greeting greeting{PeerKind::Node, 9};
        greeting.capabilities = capabilities;
        later(id, Speers{greeting, peer, node("192.168.9.9:" + std::to_string(next_port)), {}});
      } else if (header.type == MessageType::FinalAck) {
        const Relation relation = decode<FinalAck>(body)->relation;
        const bool measures = relation == Relation::Control;
        if (measures && full.contains(peer)) return later(id, Bye{ByeReason::NoRoom, "full"});
        (measures ? kept : attached)[peer] = id;
        later(id, FinalAck{relation});
      } else if (header.type == MessageType::Heartbeat) {
        const auto heartbeat = decode<Heartbeat>(body);
        if (!heartbeat->reply && heartbeat->time != 0) later(id, Heartbeat{true, heartbeat->time});
      }
    });
  }

  std::vector<Due> due_;
  std::map<LinkId, std::vector<std::pair<Header, Bytes>>> seen_;
  Duration hellos_{};
};

TEST_CASE("a guest keeps connections to the two nearest others, and measures them") {
  Guest guest({kA, kB, kC, node("10.0.0.5")});
  guest.delays[node("10.0.0.5")] = milliseconds(40);
  guest.live(seconds(12));
  CHECK(guest.open_of(guest.attached) == std::set{kA});
  CHECK(guest.open_of(guest.kept) == std::set{kB, kC});
  for (const PeerLink& link : guest.overlay.links().all()) {
    CHECK(std::abs((link.rtt - guest.delays.at(link.remote)) / milliseconds(1)) <= 4);
    CHECK(link.what_peer_is() == (link.remote == kA ? "access node" : "measured"));
  }
  for (const auto& [id, link] : guest.kept) {
    const std::size_t probes = guest.count(link, MessageType::Heartbeat);
    CHECK(probes >= 2);
    CHECK(probes <= 4);
    CHECK(guest.count(link, MessageType::Watch) == 0);
  }
  guest.live(seconds(60));
  CHECK_FALSE(guest.logged("moved"));
}

TEST_CASE("a guest with one access node, or with such that do not know of it, keeps none") {
  Guest alone({kA});
  alone.live(seconds(6));
  CHECK(alone.overlay.links().all().size() == 1);
  Guest before({kA, kB, kC}, 0);
  before.live(seconds(30));
  CHECK(before.open_of(before.attached) == std::set{kA});
  CHECK(before.overlay.links().all().size() == 1);
}

TEST_CASE(
    "a guest moves to an access node that has become clearly nearer, and back only for the same reason") {
  Guest guest;
  guest.attach_and_watch();
  guest.live(seconds(12));
  guest.delays[kA] = milliseconds(58);
  guest.live(seconds(8));
  CHECK_FALSE(guest.is_open(guest.attached, kB));  // two slow answers are not enough
  for (int i = 0; i < 90 && !guest.is_open(guest.attached, kB); ++i) guest.live(milliseconds(100));
  REQUIRE(guest.is_open(guest.attached, kB));
  guest.feeders.clear();
  guest.list_at(kB);
  guest.live(milliseconds(50));
  const auto watch = guest.last<Watch>(guest.attached[kB]);
  REQUIRE(watch);
  CHECK(watch->viewers == 1);
  CHECK(guest.is_open(guest.attached, kA));
  REQUIRE(guest.overlay.say("hello", {}, guest.now()));
  guest.frames_at(kA, 5);
  const std::uint64_t last = guest.last_frame();
  CHECK(guest.begin_at(kB).value == last);
  CHECK(guest.count(guest.attached[kB], MessageType::Message) == 1);
  CHECK(guest.count(guest.attached[kA], MessageType::Message) == 0);
  guest.frames_at(kA, 5);
  CHECK(guest.last_frame() == last + 5);
  CHECK(guest.count(guest.attached[kA], MessageType::Stop) == 0);
  guest.frames_at(kB, 6);
  CHECK(guest.last_frame() == last + 6);
  CHECK(guest.frames_here() == last + 6);  // each once
  guest.live(milliseconds(10));
  CHECK(guest.count(guest.attached[kA], MessageType::Stop) == 1);
  CHECK_FALSE(guest.is_open(guest.attached, kA));
  CHECK(guest.logged("moved from 10.0.0.2 to 10.0.0.3: 2"));
  CHECK(guest.logged(" ms instead of "));
  guest.feeders = {kB};
  guest.live(seconds(20));
  CHECK(guest.open_of(guest.kept) == std::set{kA, kC});

  guest.delays[kA] = milliseconds(18);  // no such difference
  guest.live(seconds(60));
  CHECK_FALSE(guest.is_open(guest.attached, kA));
  guest.delays[kA] = milliseconds(8);
  for (int i = 0; i < 200 && !guest.is_open(guest.attached, kA); ++i) guest.live(milliseconds(100));
  CHECK(guest.is_open(guest.attached, kA));
}

TEST_CASE("a late answer now and then moves nobody") {
  Guest guest;
  guest.attach_and_watch();
  for (int i = 0; i < 20; ++i) {
    guest.delays[kA] = milliseconds(i % 3 == 0 ? 10 : 200);
    guest.live(seconds(5));
  }
  CHECK_FALSE(guest.is_open(guest.attached, kB));
  CHECK(guest.is_open(guest.attached, kA));
}

TEST_CASE(
    "when its access node leaves, is silent or is lost, a guest goes to the nearest other one at once") {
  Guest guest;
  guest.attach_and_watch();
  guest.live(seconds(6));
  guest.delays[kC] = milliseconds(9);
  guest.live(seconds(11));
  SECTION("it leaves") {
    guest.say(guest.attached[kA], Bye{ByeReason::Leaving, "leaving"});
    guest.live(milliseconds(30));
    CHECK(guest.logged("moved from 10.0.0.2 to 10.0.0.4: the former leaves"));
  }
  SECTION("it is lost") {
    guest.lose(guest.attached[kA]);
    guest.live(milliseconds(30));
    CHECK(guest.logged("moved from 10.0.0.2 to 10.0.0.4: the connection to the former is lost"));
  }
  SECTION("it is silent") {
    guest.silent.insert(kA);
    guest.live(milliseconds(1'950));
    CHECK(guest.logged("moved from 10.0.0.2 to 10.0.0.4: the former is silent"));
  }
  REQUIRE(guest.is_open(guest.attached, kC));
  const std::uint64_t last = guest.last_frame();
  CHECK(guest.begin_at(kC).value == last);
  guest.frames_at(kC, 10);
  CHECK(guest.last_frame() == last + 10);
}

TEST_CASE("if the nearest other one refuses, the next one is tried, and all in the end") {
  Guest guest;
  guest.attach_and_watch();
  guest.live(seconds(12));
  guest.refusing = {kB};
  guest.lose(guest.attached[kA]);
  guest.live(milliseconds(100));
  CHECK(guest.is_open(guest.attached, kC));
  guest.refusing = {kB, kC};
  guest.lose(guest.kept[kB]);
  guest.lose(guest.attached[kC]);
  guest.live(milliseconds(500));
  CHECK(guest.is_open(guest.attached, kA));
}

TEST_CASE("an access node that gives nothing of a live stream is left, and then avoided") {
  Guest guest;
  guest.attach_and_watch();
  guest.live(seconds(6));
  guest.feeders.clear();
  const std::uint64_t last = guest.last_frame();
  guest.live(milliseconds(2'000));
  CHECK_FALSE(guest.is_open(guest.attached, kB));
  guest.live(milliseconds(1'800));
  REQUIRE(guest.is_open(guest.attached, kB));
  guest.list_at(kB);
  CHECK(guest.begin_at(kB).value == last);
  SECTION("the other one does") {
    guest.frames_at(kB, 10);
    guest.feeders = {kB};
    guest.live(milliseconds(10));
    CHECK(guest.logged("moved from 10.0.0.2 to 10.0.0.3: the former gives nothing of 'film'"));
    CHECK_FALSE(guest.is_open(guest.attached, kA));
    CHECK(guest.last_frame() == last + 10);
    guest.live(seconds(8));  // near as it is
    CHECK_FALSE(guest.is_open(guest.attached, kA));
  }
  SECTION("nobody does: it tries them all, and then rarely") {
    guest.live(seconds(120));
    std::size_t moves = 0;
    for (const std::string& line : guest.log.lines)
      moves += line.find("attached to") != std::string::npos ? 1 : 0;
    CHECK(moves >= 4);
    CHECK(moves <= 14);
  }
  SECTION("while it is stalled, or listed no more, that says nothing of the access node") {
    guest.frames_at(kB, 10);
    guest.live(milliseconds(10));
    StreamInfo stalled = film();
    stalled.state = StreamState::Stalled;
    guest.say(guest.attached[kB], GENERATE(true, false) ? Streams{{stalled}, {kOrigin}} : Streams{});
    guest.live(seconds(5));  // later the other one is nearer again
    CHECK(guest.is_open(guest.attached, kB));
  }
}

TEST_CASE("a guest stays where it is if the other one cannot give what it watches") {
  Guest guest;
  guest.begin_to_move();
  const std::uint64_t last = guest.last_frame();
  SECTION("it does not list the stream") {
    guest.list_at(kB, false);
    guest.live(milliseconds(10));
    CHECK(guest.logged("stays with 10.0.0.2, not 10.0.0.3: it does not have 'film'"));
  }
  SECTION("it does not begin it") {
    guest.list_at(kB);
    guest.live(milliseconds(2'800));
    CHECK(guest.is_open(guest.attached, kA));
    guest.live(milliseconds(300));
    CHECK(guest.logged("stays with 10.0.0.2, not 10.0.0.3: it does not give all that is watched"));
  }
  SECTION("it begins, and is lost before it has sent anything") {
    guest.list_at(kB);
    guest.begin_at(kB);
    guest.lose(guest.attached[kB]);
    guest.live(milliseconds(10));
    const auto start = guest.last<Start>(guest.attached[kA]);
    REQUIRE(start);
    CHECK(start->last.value == last);
    guest.say(guest.attached[kA], Started{film().id, start->number, start->last});
  }
  CHECK_FALSE(guest.is_open(guest.attached, kB));
  guest.frames_at(kA, 5);
  CHECK(guest.last_frame() == last + 5);
  CHECK(guest.overlay.streams().size() == 1);
}

TEST_CASE("a stream without frames does not keep a guest between two access nodes") {
  Guest guest;
  guest.begin_to_move();
  guest.list_at(kB);
  guest.begin_at(kB);
  guest.live(milliseconds(3'200));
  CHECK_FALSE(guest.is_open(guest.attached, kA));
}

TEST_CASE("a node without room for one that measures is called again rarely, and another one measured") {
  Guest guest;
  guest.full = {kB};
  guest.live(seconds(60));
  CHECK(guest.open_of(guest.attached) == std::set{kA});
  CHECK(guest.open_of(guest.kept) == std::set{kC});
  std::size_t calls = 0;
  for (const auto& [id, link] : guest.links) calls += link.peer == kB ? 1 : 0;
  CHECK(calls <= 6);
  guest.full.clear();
  guest.live(seconds(60));
  CHECK(guest.open_of(guest.kept) == std::set{kB, kC});
}

// ---- at the access node ----------------------------------------------------------------------------------

TEST_CASE("a connection that only measures costs its access node an answer, and nothing else") {
  Engine relay(Engine::relay());
  const LinkId boot = relay.register_with_bootstrapper();
  relay.say(boot, test::links_of(kOrigin, 1, {{node("10.0.0.20"), 1}}, {film()}, PeerKind::Bootstrap));
  const LinkId link = relay.accept(node("192.168.9.9:5555"));
  relay.say(link, test::ack(PeerKind::Guest, 1, node("192.168.9.9:5555")));
  const auto speers = relay.last_sent<Speers>(link);
  REQUIRE(speers);
  CHECK((speers->greeting.capabilities & kTakesMeasuring) != 0);
  relay.say(link, FinalAck{Relation::Control});
  const auto confirmed = relay.last_sent<FinalAck>(link);
  REQUIRE(confirmed);
  CHECK(confirmed->relation == Relation::Control);
  CHECK(relay.overlay.links().guests() == 1);
  for (int i = 0; i < 300; ++i) {
    relay.pass(milliseconds(100));
    relay.say(boot, Heartbeat{});
  }
  CHECK(relay.drain(link) == 0);
  relay.say(link, Heartbeat{false, 5});
  CHECK(relay.count_sent(link, MessageType::Heartbeat) == 1);
  CHECK(link_of(relay, link).what_peer_is() == "measured");

  SECTION("it is no guest's") {
    CHECK_FALSE(relay.say(link, Watch{Tracker::along({{{node("10.0.0.20"), 1, true}}}), film().id,
                                      node("192.168.9.9:5555"), 1, 1, true}));
    CHECK(relay.overlay.links().guests() == 0);
  }
  SECTION("a long message is none") {
    CHECK_FALSE(relay.receive(link, test::Bytes{2, 200, 0, 0, 0, 0, 0x10, 1}));
  }
  SECTION("silence ends it after a minute") {
    for (int i = 0; i < 610; ++i) {
      relay.pass(milliseconds(100));
      relay.say(boot, Heartbeat{});
    }
    CHECK(relay.bye(link) == ByeReason::Silent);
    CHECK(relay.overlay.links().guests() == 0);
  }
  SECTION("it hears when the node leaves") {
    const LinkId child = relay.accept(node("10.0.0.2"));
    relay.shake_hands(child, PeerKind::Node, 5);
    relay.overlay.leave(0, "");
    CHECK(relay.bye(link) == ByeReason::Leaving);
  }
}

TEST_CASE("connections that measure count among a node's guests") {
  OverlayConfig config = Engine::relay();
  config.limits.guests = 2;
  Engine relay(config);
  relay.register_with_bootstrapper();
  const auto connect = [&relay](int n, Relation relation) {
    const NodeId from = node("192.168.9.9:" + std::to_string(5'000 + n));
    const LinkId link = relay.accept(from);
    relay.say(link, test::ack(PeerKind::Guest, 1, from));
    relay.say(link, FinalAck{relation});
    return link;
  };
  const LinkId first = connect(1, Relation::Control);
  connect(2, Relation::Guest);
  CHECK(relay.bye(connect(3, Relation::Guest)) == ByeReason::NoRoom);
  CHECK(relay.bye(connect(4, Relation::Control)) == ByeReason::NoRoom);
  CHECK(relay.overlay.counters().guests_refused == 2);
  relay.lose(first);
  CHECK(relay.bye(connect(5, Relation::Guest)) == ByeReason{});
  CHECK(relay.overlay.links().guests() == 2);
}

}  // namespace
}  // namespace ott
