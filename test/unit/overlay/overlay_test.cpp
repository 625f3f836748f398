// One process's engine, and peers that break the rules or come to their edges.
#include "overlay/overlay.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "../core/random_messages.h"
#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Bytes;
using test::Engine;
using test::node;

/// A relay with the bootstrapper and two neighbours.
struct Relay : Engine {
  LinkId boot, two, three;
  Relay()
      : Engine(relay()), boot(register_with_bootstrapper()), two(join("10.0.0.2")), three(join("10.0.0.3")) {
    for (const LinkId link : {boot, two, three}) count_sent(link, MessageType::Heartbeat);
  }
  LinkId join(std::string_view peer) {
    const LinkId link = accept(node(peer));
    shake_hands(link, PeerKind::Node, node(peer).address.bytes[15]);
    return link;
  }
  bool all_there() { return !links[boot].closed && !links[two].closed && !links[three].closed; }
};

/// Why the last message says that the link is closed; 0 if it does not.
ByeReason bye(Engine& engine, LinkId link) {
  ByeReason reason{};
  engine.each_sent(link, [&reason](const Header& header, const Bytes& message) {
    const bool bye = header.type == MessageType::Bye;
    reason = bye ? decode<Bye>(ByteSpan(message).subspan(kHeaderBytes))->reason : ByeReason{};
  });
  return reason;
}

TEST_CASE("a message that is no message closes the link that it came by, and no other") {
  const Bytes bytes = GENERATE(Bytes{'G', 'E', 'T', ' ', '/'}, Bytes{2, 99},
                               Bytes{2, 13, 0, 0, 0, 0, 0, 1, 0}, Bytes{2, 5, 0, 0, 0, 0x10, 0, 1},
                               Bytes{2, 6, 0, 0, 0, 0, 0, 1, 0}, Bytes{2, 8, 1, 0, 0, 0, 0, 16});
  Relay relay;
  CHECK_FALSE(relay.receive(relay.two, bytes));
  CHECK(relay.links[relay.two].closed);
  CHECK((!relay.links[relay.boot].closed && !relay.links[relay.three].closed));
  CHECK_FALSE(relay.overlay.requests().exit);
  CHECK(std::count_if(relay.log.lines.begin(), relay.log.lines.end(), [](const std::string& line) {
          return line.find("10.0.0.2: closing: ") != std::string::npos;
        }) == 1);
}

TEST_CASE("a stranger is told why before the end") {
  Relay relay;
  const auto reason_for = [&relay](const Bytes& bytes) {
    const LinkId link = relay.accept(node("192.168.9.9:5555"));
    relay.receive(link, bytes);
    return bye(relay, link);
  };
  const auto said = []<class T>(const T& message) {
    Bytes bytes;
    encode(bytes, message);
    return bytes;
  };
  CHECK(reason_for(said(test::ack(PeerKind::Node, 1, node("10.0.0.99")))) == ByeReason::NotNeighbour);
  CHECK(reason_for(said(Heartbeat{})) == ByeReason::Protocol);
  CHECK(reason_for(said(FinalAck{})) == ByeReason::Protocol);
  CHECK(reason_for(said(test::ack(PeerKind::Node, 5, node("10.0.0.2")))) == ByeReason::WrongAddress);
  Bytes long_body(kHeaderBytes);
  store_header(long_body.data(), {MessageType::Ack, 0, 0, kBodyBytesMaxUnauthenticated + 1});
  CHECK(reason_for(long_body) == ByeReason::Protocol);
  CHECK(reason_for(test::record_bytes(Label{1}, 1, 3, 0, 0, 20)) == ByeReason::Protocol);
  CHECK(relay.all_there());
}

TEST_CASE("a guest may watch and say something, and nothing else") {
  Relay relay;
  const auto guest_says = [&relay]<class T>(const T& message) {
    const LinkId link = relay.accept(node("192.168.9.9:5555"));
    relay.shake_hands(link, PeerKind::Guest, 1, Relation::Guest);
    const bool stays = relay.say(link, message);
    relay.lose(link);
    return stays;
  };
  const Tracker path = Tracker::along({{{node("10.0.0.20"), 1, true}}});
  CHECK(guest_says(Watch{path, StreamId{5}, node("192.168.9.9:5555"), 1, 1, true}));
  CHECK(guest_says(Start{StreamId{5}, FrameNumber{1}}));
  CHECK(guest_says(Stop{make_label(StreamId{5}, 1)}));
  CHECK(guest_says(Heartbeat{}));
  CHECK(guest_says(Message{Tracker::everywhere(), node("10.0.0.2"), 1, "I am two"}));
  CHECK_FALSE(guest_says(test::links_of(node("10.0.0.2"), 99)));
  CHECK_FALSE(guest_says(Ping{path, node("10.0.0.2"), 1, 1}));
  CHECK_FALSE(guest_says(Streams{}));
  CHECK_FALSE(guest_says(test::ack(PeerKind::Node, 1, node("10.0.0.2"))));
  CHECK(relay.all_there());
}

TEST_CASE("a flooded message goes to every other neighbour, once") {
  Relay relay;
  const Message message{Tracker::everywhere(), node("10.0.0.1"), 4, "hello"};
  relay.say(relay.two, message);
  relay.say(relay.three, message);
  CHECK(relay.count_sent(relay.two, MessageType::Message) == 0);
  CHECK(relay.count_sent(relay.three, MessageType::Message) == 1);
  CHECK(relay.count_sent(relay.boot, MessageType::Message) == 1);
  REQUIRE(relay.overlay.take_messages().size() == 1);
}

TEST_CASE("a link state goes on in whatever pieces its link takes, and ends with its lifetime") {
  Relay relay;
  std::vector<Adjacency> many;
  NodeId neighbour = node("11.0.0.0");
  for (std::uint32_t i = 0; i < kStateLinksMax; ++i) {
    store_be<std::uint32_t>(neighbour.address.bytes.data() + 12, 0x0B000000U + i);
    many.push_back({neighbour, 1});
  }
  for (std::uint32_t i = 0; i < 50; ++i) {
    CHECK(relay.say(relay.two, test::links_of(node("12.0.0." + std::to_string(i)), 1, many)));
  }
  // No more of it is queued than one chunk and the state that passes it.
  CHECK(relay.overlay.links().all().size() == 3);
  for (const PeerLink& link : relay.overlay.links().all()) CHECK(link.outbox.size() < 200'000);
  CHECK(relay.count_sent(relay.three, MessageType::Links) == 50);
  many.push_back({node("13.0.0.0"), 1});
  CHECK_FALSE(relay.say(relay.two, test::links_of(node("12.0.1.0"), 1, many)));
}

TEST_CASE("a relay that has children and no parent asks the origin for its place") {
  Relay relay;
  StreamInfo info;
  info.id = StreamId{77};
  relay.say(relay.boot, test::links_of(node("10.0.0.10"), 1, {{node("10.0.0.20"), 1}}, {info},
                                       PeerKind::Bootstrap, 7'777));
  PathTree path;
  path.entries = {{node("10.0.0.20"), 2, false}, {node("10.0.0.3"), 1, true}};
  Tracker tracker = Tracker::along(path);
  tracker.visited = {node("10.0.0.10"), node("10.0.0.2")};
  relay.say(relay.two, TrackerMessage{tracker, make_label(info.id, 1), node("10.0.0.10"), info, true});
  REQUIRE(relay.count_sent(relay.three, MessageType::Tracker) == 1);
  relay.lose(relay.two);
  std::vector<Watch> asked;
  const auto pass = [&relay, &asked](int times) {
    for (int i = 0; i < times; ++i) {
      relay.pass(milliseconds(100));
      relay.say(relay.boot, Heartbeat{});
      relay.say(relay.three, Heartbeat{});
      relay.each_sent(relay.boot, [&asked](const Header& header, const Bytes& message) {
        if (header.type == MessageType::Watch)
          asked.push_back(*decode<Watch>(ByteSpan(message).subspan(kHeaderBytes)));
      });
    }
  };
  pass(4);
  CHECK(asked.empty());  // a new tree is on its way as a rule
  pass(2);
  REQUIRE(asked.size() == 1);
  CHECK((asked[0].stream == info.id && asked[0].viewers == 0 && asked[0].wants_tracker));
  tracker.visited = {node("10.0.0.10")};
  relay.say(relay.boot, TrackerMessage{tracker, make_label(info.id, 2), node("10.0.0.10"), info, true});
  pass(10);
  CHECK(asked.size() == 1);
}

TEST_CASE("a child whose link comes back before the origin has looked gets its tree again") {
  Engine origin(Engine::bootstrapper());
  const auto join = [&origin] {
    const LinkId link = origin.accept(node("10.0.0.20:4000"));
    origin.say(link, test::ack(PeerKind::Node, 5, node("10.0.0.20")));
    origin.say(link, FinalAck{Relation::Neighbour});
    origin.say(link, test::links_of(node("10.0.0.20"), 1 + link.value, {{node("10.0.0.10"), 1}}, {},
                                    PeerKind::Node, 5));
    return link;
  };
  StreamInfo info;
  info.name = "film";
  info.id = origin.overlay.origin().add_stream(info).value();
  LinkId link = join();
  origin.say(link,
             Watch{Tracker::along({{{node("10.0.0.10"), 1, true}}}), info.id, node("10.0.0.20"), 5, 1, true});
  origin.pass(milliseconds(10));
  CHECK(origin.count_sent(link, MessageType::Tracker) == 1);
  origin.lose(link);
  link = join();
  origin.pass(milliseconds(10));
  CHECK(origin.count_sent(link, MessageType::Tracker) == 1);
}

TEST_CASE("a node that was forgotten less of than it knows goes on from there, and says so at once") {
  // Its own number was lost; and its clock was set back, or set forward.
  const std::uint64_t incarnation = GENERATE(1'001U, 9'999U, 1U);
  const std::uint64_t number = 50;
  Relay relay;
  relay.say(relay.two, test::links_of(node("10.0.0.20"), number, {}, {}, PeerKind::Node, incarnation));
  std::optional<Links> said;
  relay.each_sent(relay.three, [&said](const Header& header, const Bytes& message) {
    if (header.type == MessageType::Links) said = decode<Links>(ByteSpan(message).subspan(kHeaderBytes));
  });
  REQUIRE(said);
  CHECK(said->state.reporter == node("10.0.0.20"));
  CHECK(said->state.incarnation == 1'001);
  CHECK(said->state.number > number);
  CHECK(said->state.links.size() == 3);
}

TEST_CASE("a peer that says nothing is closed, and one that speaks is not") {
  Relay relay;
  for (int i = 0; i < 10; ++i) {
    relay.pass(milliseconds(60));
    relay.say(relay.two, Heartbeat{});
    relay.say(relay.boot, Heartbeat{});
  }
  CHECK(relay.links[relay.three].closed);
  CHECK_FALSE(relay.links[relay.two].closed);
  CHECK_FALSE(relay.links[relay.boot].closed);
}

TEST_CASE("a peer that begins a handshake and does not end it is closed") {
  Relay relay;
  const LinkId link = relay.accept(node("192.168.9.9:5555"));
  relay.say(link, test::ack(PeerKind::Guest, 1, node("192.168.9.9:5555")));
  for (int i = 0; i < 55 && !relay.links[link].closed; ++i) relay.pass(milliseconds(100));
  CHECK(relay.links[link].closed);
}

/// A stream that the bootstrapper sends through the relay to 10.0.0.3.
struct Carrying : Relay {
  static constexpr StreamId kStream{77};
  std::uint16_t sequence = 0;

  explicit Carrying(FrameNumber last = {}) {
    PathTree path;
    path.entries = {{node("10.0.0.20"), 2, false}, {node("10.0.0.3"), 1, true}};
    StreamInfo info;
    info.id = kStream;
    REQUIRE(say(boot, test::links_of(node("10.0.0.10"), 1, {{node("10.0.0.20"), 1}}, {info},
                                     PeerKind::Bootstrap, 7'777)));
    REQUIRE(
        say(boot, TrackerMessage{from_boot(path), make_label(kStream, 1), node("10.0.0.10"), info, true}));
    REQUIRE(count_sent(three, MessageType::Tracker) == 1);
    REQUIRE(say(three, Start{kStream, last}));
    const Start start = take_start();
    CHECK(start.last == last);
    REQUIRE(say(boot, Started{kStream, start.number, start.last}));
  }
  static Tracker from_boot(const PathTree& path) {
    Tracker tracker = Tracker::along(path);
    tracker.visited = {node("10.0.0.10")};
    return tracker;
  }
  /// The one that was sent to the bootstrapper.
  Start take_start() {
    std::vector<Start> starts;
    each_sent(boot, [&starts](const Header& header, const Bytes& message) {
      if (header.type == MessageType::Start)
        starts.push_back(*decode<Start>(ByteSpan(message).subspan(kHeaderBytes)));
    });
    REQUIRE(starts.size() == 1);
    return starts.front();
  }
  Bytes frame(std::uint64_t number, std::size_t rtp_bytes = 1'000, bool sync_point = true) {
    const unsigned flags = kFirstOfFrame | kLastOfFrame | (sync_point ? kSyncPoint : 0U);
    return test::record_bytes(make_label(kStream, 1), number, static_cast<std::uint8_t>(flags), 1, sequence++,
                              rtp_bytes);
  }
  /// Pictures that need those before them, back to each hundredth.
  void receive_pictures(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t number = first; number <= last; ++number)
      receive(boot, frame(number, 1'000, number % 100 == 0));
  }
  /// A new tree, in which 10.0.0.2 is a child, too.
  void add_two() {
    PathTree path;
    path.entries = {{node("10.0.0.20"), 3, false}, {node("10.0.0.2"), 1, true}, {node("10.0.0.3"), 1, true}};
    StreamInfo info;
    info.id = kStream;
    say(boot, TrackerMessage{from_boot(path), make_label(kStream, 2), node("10.0.0.10"), info, false});
  }
  /// The first and the last frame of the records that were sent, and whether none between them is missing.
  std::string sent(LinkId link) {
    std::vector<std::uint64_t> numbers;
    each_sent(link, [&numbers](const Header& header, const Bytes& message) {
      if (is_record(header.type)) numbers.push_back(parse_record(header, message)->frame.value);
    });
    if (numbers.empty()) return "nothing";
    const bool all = numbers.back() - numbers.front() + 1 == numbers.size();
    return fmt::format("{} to {}{}", numbers.front(), numbers.back(), all ? "" : ", not all");
  }
};

TEST_CASE("records and messages that share a read, or are cut anywhere, all arrive") {
  const std::size_t piece = GENERATE(1U, 7U, 33U, 36U, 500U, 100'000U);
  Carrying relay;
  Bytes run;
  std::size_t pings = 0;
  for (std::uint64_t number = 1; number <= 60; ++number) {
    const Bytes record = relay.frame(number, 12 + 17 * number);
    run.insert(run.end(), record.begin(), record.end());
    if (number % 3 != 0) continue;
    PathTree path;
    path.entries = {{node("10.0.0.20"), 2, false}, {node("10.0.0.3"), 1, true}};
    encode(run, Ping{Tracker::along(path), node("10.0.0.10"), ++pings, 0});
  }
  REQUIRE(relay.receive(relay.boot, run, piece));
  std::uint64_t frames = 0;
  std::size_t pings_out = 0;
  relay.each_sent(relay.three, [&](const Header& header, const Bytes& message) {
    if (header.type == MessageType::Ping) ++pings_out;
    if (header.type != MessageType::Data) return;
    const auto record = parse_record(header, message);
    CHECK(record->frame.value == ++frames);
    CHECK(header.hops == 1);
    CHECK(record->rtp.size() == 12 + 17 * frames);
  });
  CHECK(frames == 60);
  CHECK(pings_out == pings);
  CHECK(relay.all_there());
}

TEST_CASE("a START that comes in the middle of a record does not break the link") {
  Carrying relay;
  for (std::uint64_t number = 1; number <= 5; ++number) relay.receive(relay.boot, relay.frame(number));
  relay.drain(relay.three, 1'500);
  relay.say(relay.three, Start{Carrying::kStream, FrameNumber{3}});
  std::vector<std::uint64_t> numbers;
  relay.each_sent(relay.three, [&numbers](const Header& header, const Bytes& message) {
    if (header.type == MessageType::Data) numbers.push_back(parse_record(header, message)->frame.value);
  });
  CHECK(numbers == std::vector<std::uint64_t>{1, 2, 4, 5});
}

TEST_CASE("a child with an older need has the flow begin anew, and the others miss and repeat nothing") {
  Carrying relay;
  for (std::uint64_t number = 101; number <= 110; ++number) relay.receive(relay.boot, relay.frame(number));
  std::vector<std::uint64_t> got_three;
  const auto read = [](Engine& engine, LinkId link, std::vector<std::uint64_t>& numbers) {
    engine.each_sent(link, [&numbers](const Header& header, const Bytes& message) {
      if (is_record(header.type)) numbers.push_back(parse_record(header, message)->frame.value);
    });
  };
  read(relay, relay.three, got_three);

  relay.add_two();
  relay.say(relay.two, Start{Carrying::kStream, FrameNumber{97}, 1});
  const Start start = relay.take_start();
  CHECK(start.last == FrameNumber{97});
  relay.receive(relay.boot, relay.frame(111));  // was on its way, and comes again
  relay.say(relay.boot, Started{Carrying::kStream, start.number, start.last});
  for (std::uint64_t number = 98; number <= 112; ++number) relay.receive(relay.boot, relay.frame(number));
  std::vector<std::uint64_t> got_two;
  read(relay, relay.two, got_two);
  read(relay, relay.three, got_three);
  CHECK(got_two ==
        std::vector<std::uint64_t>{98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112});
  CHECK(got_three == std::vector<std::uint64_t>{101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112});
}

TEST_CASE("who joins at a relay whose flow began between two sync points gets the one before it") {
  Carrying relay{FrameNumber{120}};
  relay.receive_pictures(121, 130);
  CHECK(relay.sent(relay.three) == "121 to 130");
  relay.add_two();
  relay.say(relay.two, Start{Carrying::kStream, FrameNumber{0}, 1});
  const Start start = relay.take_start();
  CHECK(start.last == FrameNumber{130});
  CHECK(start.joins);
  relay.say(relay.boot, Started{Carrying::kStream, start.number, start.last});
  relay.receive_pictures(100, 135);
  CHECK(relay.sent(relay.two) == "100 to 135");
  CHECK(relay.sent(relay.three) == "131 to 135");
  relay.say(relay.two, Start{Carrying::kStream, FrameNumber{0}, 2});  // and this does not begin it once more
  CHECK(relay.count_sent(relay.boot, MessageType::Start) == 0);
  CHECK(relay.sent(relay.two) == "100 to 135");
}

TEST_CASE("a relay that waits for a sync point asks for what a child that lacks nothing needs") {
  Carrying relay;
  relay.receive_pictures(100, 110);
  relay.sent(relay.three);
  relay.receive(relay.boot, test::record_bytes(make_label(Carrying::kStream, 1), 111, 0, 120, 0, 0));
  CHECK(relay.sent(relay.three) == "111 to 111");
  relay.add_two();
  relay.say(relay.two, Start{Carrying::kStream, FrameNumber{118}, 1});
  const Start start = relay.take_start();
  CHECK(start.last == FrameNumber{118});
  CHECK_FALSE(start.joins);
  relay.say(relay.boot, Started{Carrying::kStream, start.number, start.last});
  relay.receive_pictures(119, 125);
  CHECK(relay.sent(relay.two) == "119 to 125");
  CHECK(relay.count_sent(relay.three, MessageType::Data) == 0);
  relay.receive_pictures(126, 202);
  CHECK(relay.sent(relay.two) == "126 to 202");
  CHECK(relay.count_sent(relay.three, MessageType::Data) == 3);
}

TEST_CASE("a flow that begins anew does not wait for a child that never asks") {
  Carrying relay;
  for (std::uint64_t number = 101; number <= 110; ++number) relay.receive(relay.boot, relay.frame(number));
  relay.add_two();
  relay.say(relay.three, Start{Carrying::kStream, FrameNumber{97}, 1});  // and 10.0.0.2 says nothing
  for (int i = 0; i < 20; ++i) {
    relay.pass(milliseconds(60));
    for (const LinkId link : {relay.boot, relay.two, relay.three}) relay.say(link, Heartbeat{});
  }
  CHECK(relay.count_sent(relay.boot, MessageType::Start) == 1);
}

TEST_CASE("a child that has all that comes for it already hears that we are there") {
  Carrying relay;
  relay.receive(relay.boot, relay.frame(1));
  relay.say(relay.three, Start{Carrying::kStream, FrameNumber{45}, 1});
  relay.count_sent(relay.three, MessageType::Data);
  milliseconds quiet{0};
  milliseconds longest{0};
  for (std::uint64_t number = 2; number <= 44; ++number) {
    relay.receive(relay.boot, relay.frame(number));
    relay.pass(milliseconds(20));
    for (const LinkId link : {relay.two, relay.three}) relay.say(link, Heartbeat{});
    quiet = relay.drain(relay.three) > 0 ? milliseconds(0) : quiet + milliseconds(20);
    longest = std::max(longest, quiet);
  }
  CHECK(relay.count_sent(relay.three, MessageType::Data) == 0);
  CHECK(longest <= milliseconds(260));
}

TEST_CASE("a link of a guest that nothing comes for is quiet for one and a half of its intervals at most") {
  const auto step = GENERATE(milliseconds(10), milliseconds(27), milliseconds(95));
  CAPTURE(step.count());
  Relay relay;
  const LinkId guest = relay.accept(node("192.168.9.9:5555"));
  relay.shake_hands(guest, PeerKind::Guest, 1, Relation::Guest);
  relay.drain(guest);
  milliseconds quiet{0};
  milliseconds longest{0};
  std::size_t sent = 0;
  for (int i = 1; i * step < seconds(20); ++i) {
    relay.pass(step);
    for (const LinkId link : {relay.boot, relay.two, relay.three}) relay.say(link, Heartbeat{});
    if (i % 41 == 0) relay.say(guest, Heartbeat{false, 1});  // answered, at all sorts of times between beats
    quiet += step;
    longest = std::max(longest, quiet);
    if (relay.count_sent(guest, MessageType::Heartbeat) == 0) continue;
    ++sent;
    quiet = milliseconds(0);
  }
  CHECK(longest <= milliseconds(750));
  CHECK(sent <= 100);
}

TEST_CASE("a process with an id that is taken is refused for as long as the other may be quiet") {
  Engine bootstrapper(Engine::bootstrapper());
  const auto join = [&bootstrapper](std::uint64_t incarnation) {
    const LinkId link = bootstrapper.accept(node("10.0.0.3:4000"));
    bootstrapper.say(link, test::ack(PeerKind::Node, incarnation, node("10.0.0.3")));
    return link;
  };
  const LinkId first = join(5);
  bootstrapper.say(first, FinalAck{Relation::Control});
  const auto pass = [&bootstrapper](int times) {
    for (int i = 0; i < times; ++i) bootstrapper.pass(milliseconds(50));
  };
  pass(50);
  CHECK(bye(bootstrapper, join(6)) == ByeReason::Duplicate);
  CHECK_FALSE(bootstrapper.links[first].closed);
  pass(20);
  CHECK(bootstrapper.links[first].closed);
  const LinkId second = join(7);
  CHECK_FALSE(bootstrapper.links[second].closed);
}

TEST_CASE("a guest whose only answer is gone again waits for the others, and does not spin") {
  OverlayConfig config;
  config.kind = PeerKind::Guest;
  config.incarnation = 1;
  config.access = {node("10.0.0.2"), node("10.0.0.3")};
  Engine guest(config);
  REQUIRE(guest.connecting.size() == 2);
  std::vector<LinkId> links;
  for (const Requests::Connect& request : std::exchange(guest.connecting, {})) {
    guest.links[request.link].peer = request.to;
    guest.overlay.opened(request.link, node("192.168.9.9:5555"), guest.now());
    guest.drain(request.link);
    links.push_back(request.link);
  }
  const auto answer = [&guest](LinkId link) {
    guest.say(link,
              Speers{Greeting{PeerKind::Node, 9}, guest.links[link].peer, node("192.168.9.9:5555"), {}});
  };
  answer(links[0]);
  guest.lose(links[0]);
  guest.pass(milliseconds(500));
  CHECK(guest.overlay.next_deadline() > guest.now().mono);
  answer(links[1]);
  guest.pass(milliseconds(500));
  CHECK(guest.count_sent(links[1], MessageType::FinalAck) == 1);
}

TEST_CASE("a child that stands still is no danger to its parent, however small the frames and however long") {
  Carrying relay;
  relay.drain(relay.three, 20);
  for (std::uint64_t number = 1; number <= 10'000; ++number)
    relay.receive(relay.boot, relay.frame(number, 12));
  relay.drain(relay.three, 20);
  for (std::uint64_t number = 10'001; number <= 20'000; ++number) {
    relay.receive(relay.boot, relay.frame(number, 12));
  }
  std::uint64_t newest = 0;
  std::uint64_t skipped = 0;
  relay.each_sent(relay.three, [&](const Header& header, const Bytes& message) {
    if (!is_record(header.type)) return;
    const auto record = parse_record(header, message);
    CHECK(record->frame.value == newest + 1);
    newest = record->is_skip() ? record->last_skipped().value : record->frame.value;
    if (record->is_skip()) skipped += newest - record->frame.value + 1;
  });
  CHECK(newest == 20'000);
  CHECK(skipped > 10'000);
  CHECK(relay.all_there());
}

}  // namespace
}  // namespace ott
