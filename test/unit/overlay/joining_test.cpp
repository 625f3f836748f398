// A node that finds its neighbours itself, among peers that a test speaks for.
#include <catch2/catch.hpp>

#include "engine.h"

namespace ott::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

OverlayConfig joiner(std::vector<NodeId> at = {}) {
  OverlayConfig config;
  config.id = node("10.0.0.20");
  config.join = JoinConfig{std::move(at), false, 3, 8};
  config.incarnation = 1'001;
  config.ring_bytes = 1U << 17U;
  return config;
}

Greeting greeting_of(std::uint64_t incarnation) {
  return {PeerKind::Node, incarnation, 100, kFindsNeighbours};
}

/// A node that connects and wants to be a neighbour. Its link, whatever became of it.
LinkId join(Engine& engine, const NodeId& id, const NodeId& from, std::uint64_t incarnation = 5) {
  const LinkId link = engine.accept(from);
  if (engine.say(link, Ack{greeting_of(incarnation), {id}})) engine.say(link, FinalAck{Relation::Neighbour});
  return link;
}
LinkId join(Engine& engine, unsigned number) {
  NodeId from = node(number);
  from.port = 40'000;
  return join(engine, node(number), from, number);
}

std::size_t neighbours(const Engine& engine) { return engine.overlay.links().neighbours().size(); }

TEST_CASE("a node calls those that it was told, and links with the first that answers") {
  Engine engine(joiner({node("10.0.0.1"), node("10.0.0.2")}));
  engine.pass(milliseconds(100));
  REQUIRE(engine.connecting.size() == 2);
  const NodeId called = engine.connecting.back().to;
  const LinkId link = engine.open(node("10.0.0.20:4000"));
  const auto ack = engine.last_sent<Ack>(link);
  REQUIRE(ack);
  CHECK(ack->ids == std::vector{node("10.0.0.20")});
  CHECK((ack->greeting.capabilities & kFindsNeighbours) != 0);
  engine.say(link, Speers{greeting_of(9), called, node("10.0.0.20"), {{node("10.0.0.7"), 1, ""}}});
  const auto final_ack = engine.last_sent<FinalAck>(link);
  REQUIRE(final_ack);
  CHECK(final_ack->relation == Relation::Neighbour);
  engine.say(link, FinalAck{Relation::Neighbour});
  CHECK(neighbours(engine) == 1);
  const auto links = engine.last_sent<Links>(link);
  REQUIRE(links);
  CHECK(links->state.takes_neighbours);
}

TEST_CASE("nobody there is said once, and tried again with growing pauses, for good") {
  Engine engine(joiner({node("10.0.0.1")}));
  std::size_t tries = 0;
  for (int i = 0; i < 600; ++i) {
    tries += engine.connecting.size();
    engine.refuse_connections();
    engine.pass(milliseconds(100));
  }
  CHECK(tries > 10);
  CHECK(tries < 40);
  const auto said = std::ranges::count_if(engine.log.lines, [](const std::string& line) {
    return line.find("no neighbour at 10.0.0.1") != std::string::npos;
  });
  CHECK(said == 1);
  CHECK(join(engine, 3).value != 0);
  CHECK(neighbours(engine) == 1);
}

TEST_CASE("it takes neighbours up to its degree, and tells others whom else there is") {
  Engine engine(joiner());
  for (unsigned i = 1; i <= 8; ++i) join(engine, i);
  CHECK(neighbours(engine) == 8);
  const LinkId ninth = join(engine, 9);
  CHECK(engine.bye(ninth) == ByeReason::NoRoom);
  CHECK(neighbours(engine) == 8);
  CHECK(engine.overlay.counters().joins_refused == 1);
}

TEST_CASE("a flood of joins is refused beyond a rate, and neighbours stay") {
  Engine engine(joiner());
  const LinkId friendly = join(engine, 1);
  std::size_t refused = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    const LinkId link = engine.accept(node(1'000 + i));
    engine.say(link, Ack{greeting_of(i), {node(1'000 + i)}});
    refused += engine.links.at(link).closed ? 1 : 0;
    if (i % 1'000 != 0) continue;
    engine.say(friendly, Heartbeat{});
    engine.pass(milliseconds(100));
  }
  CHECK(refused > 9'000);
  CHECK(engine.overlay.counters().joins_refused > 9'000);
  CHECK(neighbours(engine) == 1);
  CHECK_FALSE(engine.links.at(friendly).closed);
}

TEST_CASE("an id of another address is called by the address and port that are seen") {
  Engine engine(joiner());
  const LinkId link = engine.accept(node("203.0.113.9:41000"));
  engine.say(link, Ack{greeting_of(4), {node("192.168.0.7")}});
  const auto speers = engine.last_sent<Speers>(link);
  REQUIRE(speers);
  CHECK(speers->you == node("203.0.113.9:41000"));
  engine.say(link, FinalAck{Relation::Neighbour});
  CHECK(engine.overlay.links().neighbours() == std::vector{node("203.0.113.9:41000")});
}

TEST_CASE("behind an address translation it takes the name that others give it, and takes nobody") {
  OverlayConfig config = joiner({node("10.0.0.1")});
  config.id.reset();
  Engine engine(config);
  engine.pass(milliseconds(100));
  const LinkId link = engine.open(node("192.168.0.7:4000"));
  CHECK(engine.listening == std::vector{node("192.168.0.7")});
  engine.say(link, Speers{greeting_of(9), node("10.0.0.1"), node("203.0.113.9:41000"), {}});
  engine.say(link, FinalAck{Relation::Neighbour});
  CHECK(engine.overlay.self() == node("203.0.113.9:41000"));
  CHECK(neighbours(engine) == 1);
  const auto links = engine.last_sent<Links>(link);
  REQUIRE(links);
  CHECK(links->state.reporter == node("203.0.113.9:41000"));
  CHECK_FALSE(links->state.takes_neighbours);
}

TEST_CASE("what is not called as it is told to be does not link") {
  Engine engine(joiner({node("10.0.0.1")}));
  engine.pass(milliseconds(100));
  const LinkId link = engine.open(node("10.0.0.20:4000"));
  engine.say(link, Speers{greeting_of(9), node("10.0.0.1"), node("10.0.0.99:123"), {}});
  CHECK(engine.links.at(link).closed);
  CHECK(engine.overlay.self() == node("10.0.0.20"));
}

TEST_CASE("another overlay is left alone, by either side") {
  Engine engine(joiner({node("10.0.0.1")}));
  const LinkId in = engine.accept(node("10.0.0.3:4000"));
  engine.say(in, Ack{greeting_of(4), {node("10.0.0.3")}, "other"});
  CHECK(engine.bye(in) == ByeReason::OtherOverlay);
  engine.pass(milliseconds(100));
  const LinkId out = engine.open(node("10.0.0.20:4000"));
  engine.say(out, Speers{greeting_of(9), node("10.0.0.1"), node("10.0.0.20"), {}, {}, "other"});
  CHECK(engine.bye(out) == ByeReason::OtherOverlay);
  CHECK(neighbours(engine) == 0);
}

TEST_CASE("nodes that do not exist are called a few times, and no more") {
  Engine engine(joiner({node("10.0.0.1")}));
  engine.pass(milliseconds(100));
  const LinkId link = engine.open(node("10.0.0.20:4000"));
  std::vector<Peer> invented;
  for (unsigned i = 0; i < 2'000; ++i) invented.push_back({node(5'000 + i), 1, ""});
  engine.say(link, Speers{greeting_of(9), node("10.0.0.1"), node("10.0.0.20"), invented});
  engine.say(link, FinalAck{Relation::Neighbour});
  std::map<NodeId, std::size_t> calls;
  for (int i = 0; i < 6'000; ++i) {
    for (const auto& request : engine.connecting) ++calls[request.to];
    engine.refuse_connections();
    engine.say(link, Heartbeat{});
    engine.pass(milliseconds(100));
    engine.drain(link);
  }
  std::size_t all = 0;
  for (const auto& [id, count] : calls) {
    CHECK(count <= 4);
    all += count;
  }
  CHECK(calls.size() <= 256);
  CHECK(all < 600);  // in ten minutes
  CHECK(neighbours(engine) == 1);
}

TEST_CASE("reporters that a neighbour has invented cost calls at a bounded rate") {
  Engine engine(joiner());
  const LinkId liar = join(engine, 1);
  // They all say that they are linked with the liar, and with each other.
  std::vector<Adjacency> links = {{node("10.0.0.20")}};
  for (unsigned i = 0; i < 200; ++i) links.push_back({node(5'000 + i)});
  std::ranges::sort(links, {}, &Adjacency::id);
  Links own = links_of(node(1), 10, links);
  own.tracker.hops = 1;
  engine.say(liar, own);
  for (unsigned i = 0; i < 200; ++i) {
    Links invented = links_of(node(5'000 + i), 1, {{node(1)}});
    invented.state.takes_neighbours = true;
    engine.say(liar, invented);
  }
  std::size_t calls = 0;
  for (int i = 0; i < 600; ++i) {
    calls += engine.connecting.size();
    engine.refuse_connections();
    engine.say(liar, Heartbeat{});
    engine.pass(milliseconds(100));
    engine.drain(liar);
  }
  CHECK(calls > 0);
  CHECK(calls < 10 * 60);
  CHECK_FALSE(engine.links.at(liar).closed);
}

TEST_CASE("of two processes with one id the second ends, with the reason") {
  Engine engine(joiner({node("10.0.0.1")}));
  for (int i = 0; i < 400 && !engine.overlay.requests().exit; ++i) {
    if (!engine.connecting.empty()) {
      const LinkId link = engine.open(node("10.0.0.20:4000"));
      engine.say(link, Bye{ByeReason::Duplicate, "another process is 10.0.0.20 already"});
    }
    engine.pass(milliseconds(100));
  }
  REQUIRE(engine.overlay.requests().exit);
  CHECK(engine.overlay.requests().exit->message.find("another process is 10.0.0.20 already") !=
        std::string::npos);
}

TEST_CASE("a process with this id elsewhere in the overlay is named, and outbid at a bounded rate") {
  Engine engine(joiner());
  const LinkId link = join(engine, 1);
  std::size_t said = 0;
  std::uint64_t number = 1;
  for (int i = 0; i < 600; ++i) {
    engine.each_sent(link, [&](const Header& header, const Bytes& message) {
      if (header.type != MessageType::Links) return;
      const auto links = decode<Links>(ByteSpan(message).subspan(kHeaderBytes));
      if (links->state.reporter != node("10.0.0.20")) return;
      ++said;
      number = std::max(number, links->state.number) + 1;
    });
    engine.say(link, links_of(node("10.0.0.20"), number, {{node(1)}}, {}, PeerKind::Node, 4'711));
    engine.pass(milliseconds(50));
  }
  CHECK(said > 100);
  CHECK(said < 30 * 10 + 30);
  CHECK(std::ranges::count_if(engine.log.lines, [](const std::string& line) {
          return line.find("another process says that it is 10.0.0.20") != std::string::npos;
        }) == 1);
  CHECK_FALSE(engine.links.at(link).closed);
}

}  // namespace
}  // namespace ott::test
