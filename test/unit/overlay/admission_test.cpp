// Which ids are believed from where: what a process on another host can do to a node by claiming its id.
#include "overlay/admission.h"

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using test::Engine;
using test::node;

const NodeId kElsewhere = node("192.168.9.9:5555");

/// Somebody at `remote` says that it is `id`.
LinkId claim(Engine& engine, const NodeId& remote, const NodeId& id, std::uint64_t incarnation) {
  const LinkId link = engine.accept(remote);
  engine.say(link, test::ack(PeerKind::Node, incarnation, id));
  return link;
}

TEST_CASE("the bootstrapper registers nobody as a node whose address it does not come from") {
  Engine bootstrapper(Engine::bootstrapper());
  const LinkId link = claim(bootstrapper, kElsewhere, node("10.0.0.3"), 5);
  CHECK(bootstrapper.links[link].closed);
  const auto bye = bootstrapper.last_sent<Bye>(link);
  REQUIRE(bye);
  CHECK(bye->reason == ByeReason::WrongAddress);
  for (const char* part : {"10.0.0.3", "192.168.9.9", "--id 10.0.0.3"}) {
    CHECK(bye->text.find(part) != std::string::npos);
  }
  CHECK(bootstrapper.overlay.counters().ids_refused == 1);
  CHECK(std::count_if(bootstrapper.log.lines.begin(), bootstrapper.log.lines.end(), [](const auto& line) {
          return line.find("refused 192.168.9.9:5555") != std::string::npos;
        }) == 1);
}

TEST_CASE("a node registers while somebody elsewhere keeps claiming its id") {
  Engine bootstrapper(Engine::bootstrapper());
  for (std::uint64_t i = 0; i < 5; ++i) claim(bootstrapper, kElsewhere, node("10.0.0.3"), 100 + i);
  const LinkId real = claim(bootstrapper, node("10.0.0.3:4000"), node("10.0.0.3"), 5);
  CHECK_FALSE(bootstrapper.links[real].closed);
  CHECK(bootstrapper.say(real, FinalAck{Relation::Control}));
  claim(bootstrapper, kElsewhere, node("10.0.0.3"), 6);
  CHECK_FALSE(bootstrapper.links[real].closed);
}

TEST_CASE("nobody elsewhere takes a running node's link with its incarnation") {
  const bool at_bootstrapper = GENERATE(true, false);
  Engine engine(at_bootstrapper ? Engine::bootstrapper() : Engine::relay());
  if (!at_bootstrapper) engine.register_with_bootstrapper();
  const NodeId id = node(at_bootstrapper ? "10.0.0.20" : "10.0.0.2");
  const LinkId real = engine.accept(NodeId{id.address, 4000});
  engine.say(real, test::ack(PeerKind::Node, 7, id));
  engine.say(real, FinalAck{Relation::Neighbour});
  const LinkId other = claim(engine, kElsewhere, id, 7);
  CHECK(engine.links[other].closed);
  CHECK(engine.bye(other) == ByeReason::WrongAddress);
  CHECK_FALSE(engine.links[real].closed);
  CHECK(engine.say(real, Heartbeat{}));
}

TEST_CASE("a guest on a node's host does not take that node's place, whatever port it comes from") {
  Engine bootstrapper(Engine::bootstrapper());
  const LinkId guest = bootstrapper.accept(node("10.0.0.3"));
  bootstrapper.shake_hands(guest, PeerKind::Guest, 1, Relation::Guest);
  const LinkId real = claim(bootstrapper, node("10.0.0.3:4000"), node("10.0.0.3"), 5);
  CHECK_FALSE(bootstrapper.links[real].closed);
  CHECK_FALSE(bootstrapper.links[guest].closed);
}

TEST_CASE("a process with an id that is taken waits for three hello intervals of the first") {
  Engine bootstrapper(Engine::bootstrapper());
  Ack slow = test::ack(PeerKind::Node, 5, node("10.0.0.20"));
  slow.greeting.hello_ms = 1'000;
  const LinkId first = bootstrapper.accept(node("10.0.0.20:4000"));
  bootstrapper.say(first, slow);
  bootstrapper.say(first, FinalAck{Relation::Neighbour});
  const auto claim_after = [&bootstrapper](milliseconds time, std::uint64_t incarnation) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds(50))
      bootstrapper.pass(milliseconds(50));
    return claim(bootstrapper, node("10.0.0.20:4001"), node("10.0.0.20"), incarnation);
  };
  CHECK(bootstrapper.bye(claim_after(milliseconds(2'500), 6)) == ByeReason::Duplicate);
  CHECK_FALSE(bootstrapper.links[first].closed);
  CHECK_FALSE(bootstrapper.links[claim_after(milliseconds(600), 7)].closed);
  CHECK(bootstrapper.links[first].closed);
}

}  // namespace
}  // namespace ott
