#include "overlay/link_table.h"

#include <catch2/catch.hpp>

#include "ott/log.h"

namespace ott {
namespace {

struct NoLog : Log {
  void line(LogLevel, const std::string&) override {}
};

struct World {
  PeerLink& up(Relation relation) {
    PeerLink& link = links.add(Purpose::Accepted, NodeId{*parse_ip("10.0.0.1"), 7000}, Now{});
    link.handshake.on(HandshakeEvent::AckReceived);
    link.handshake.on(HandshakeEvent::PeersSent);
    link.relation = relation;
    link.handshake.on(relation == Relation::Control ? HandshakeEvent::FinalAckControl
                                                    : HandshakeEvent::FinalAckLink);
    links.note_up(link);
    return link;
  }
  void gone(PeerLink& link) {
    links.note_ended(link);
    links.remove(link.id);
  }

  NoLog log;
  Limits limits;
  LimitCounters counters;
  LimitedLog limited{log, limits.log_lines_per_kind_s};
  LinkTable links{limited, limits, counters};
};

TEST_CASE("so many neighbours are shown by themselves, and room that one leaves is the next one's") {
  World world;
  std::vector<PeerLink*> all;
  for (std::size_t i = 0; i <= LinkTable::kShownMax; ++i) all.push_back(&world.up(Relation::Neighbour));
  CHECK(all.front()->shown);
  CHECK(all[LinkTable::kShownMax - 1]->shown);
  CHECK_FALSE(all.back()->shown);
  world.gone(*all.front());
  CHECK_FALSE(all.back()->shown);
  CHECK(world.up(Relation::Neighbour).shown);
  CHECK_FALSE(world.up(Relation::Neighbour).shown);
  CHECK_FALSE(world.up(Relation::Guest).shown);
}

TEST_CASE("what was counted on links that were not shown is kept, by what their peers were") {
  World world;
  PeerLink& guest = world.up(Relation::Guest);
  PeerLink& control = world.up(Relation::Control);
  PeerLink& neighbour = world.up(Relation::Neighbour);
  PeerLink& early = world.links.add(Purpose::Accepted, NodeId{*parse_ip("10.0.0.2"), 7000}, Now{});
  guest.bytes_out = 5;
  guest.frames_skipped = 2;
  control.bytes_in = 7;
  neighbour.bytes_in = 9;
  early.bytes_in = 11;
  for (PeerLink* link : {&guest, &control, &neighbour, &early}) world.gone(*link);
  PeerLink& another = world.up(Relation::Guest);
  another.bytes_out = 1;
  world.gone(another);
  REQUIRE(world.links.counted_before().size() == 2);
  CHECK(world.links.counted_before().at("guest").bytes_out == 6);
  CHECK(world.links.counted_before().at("guest").frames_skipped == 2);
  CHECK(world.links.counted_before().at("control").bytes_in == 7);
}

}  // namespace
}  // namespace ott
