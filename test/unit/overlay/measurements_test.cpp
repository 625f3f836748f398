// How often a node says what it has measured of its links.
#include "overlay/measurements.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "engine.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Engine;
using test::node;

/// A relay whose neighbours answer what it asks after a while, each after one of its own.
class Relay : public Engine {
 public:
  Relay() : Engine(relay()) {
    links_.push_back(register_with_bootstrapper());
    for (const char* id : {"10.0.0.2", "10.0.0.3"}) {
      const LinkId link = accept(node(std::string(id) + ":4000"));
      say(link, test::ack(PeerKind::Node, 2, node(id)));
      say(link, FinalAck{Relation::Neighbour});
      links_.push_back(link);
    }
    round_trips.resize(links_.size(), milliseconds(20));
  }
  void run_for(Duration time) {
    for (const MonoTime end = now().mono + time; now().mono < end;) {
      pass(milliseconds(10));
      for (std::size_t i = 0; i < links_.size(); ++i) hear(i);
      const auto is_due = [this](const Answer& answer) { return now().mono >= answer.at; };
      for (const Answer& answer : answers_) {
        if (is_due(answer)) say(answer.link, Heartbeat{true, answer.time});
      }
      std::erase_if(answers_, is_due);
      if (now().mono - hello_at_ < milliseconds(100)) continue;
      hello_at_ = now().mono;
      for (const LinkId link : links_) say(link, Heartbeat{});
    }
  }

  std::vector<Duration> round_trips;  // of each neighbour
  std::vector<MonoTime> said;         // when the relay has sent a state of its own

 private:
  struct Answer {
    MonoTime at;
    LinkId link;
    std::uint64_t time;
  };

  void hear(std::size_t i) {
    each_sent(links_[i], [&](const Header& header, const test::Bytes& message) {
      const ByteSpan body = ByteSpan(message).subspan(kHeaderBytes);
      if (header.type == MessageType::Heartbeat) {
        const auto heartbeat = decode<Heartbeat>(body);
        if (!heartbeat->reply && heartbeat->time != 0)
          answers_.push_back({now().mono + round_trips[i], links_[i], heartbeat->time});
      }
      if (header.type == MessageType::Links && i == 0) {
        const auto state = decode<Links>(body)->state;
        if (state.reporter == node("10.0.0.20")) said.push_back(now().mono);
      }
    });
  }

  std::vector<LinkId> links_;
  std::vector<Answer> answers_;
  MonoTime hello_at_{};
};

TEST_CASE("a node says what it has measured once a second at most, however many links change") {
  Relay relay;
  relay.run_for(seconds(5));
  relay.said.clear();
  for (int tenth = 0; tenth < 600; ++tenth) {
    for (int i = 0; i < 3; ++i)  // one after the other, each half a second
      relay.round_trips[static_cast<std::size_t>(i)] = milliseconds((tenth + 5 * i) / 45 % 2 == 0 ? 20 : 90);
    relay.run_for(milliseconds(100));
  }
  CHECK(relay.said.size() >= 15);
  for (std::size_t i = 1; i < relay.said.size(); ++i)
    CHECK(relay.said[i] - relay.said[i - 1] >= milliseconds(900));
}

TEST_CASE("what was measured of links that are gone is kept of the last ones") {
  test::LineLog log;
  OverlayState state(Engine::relay(), log);
  Measurements measurements(state);
  Now now{MonoTime{} + seconds(1), {}};
  const auto number = [](unsigned i) {
    return NodeId{*parse_ip(fmt::format("10.1.{}.{}", i / 250, i % 250 + 1))};
  };
  for (unsigned i = 0; i < 400; ++i) {
    PeerLink link;
    link.peer = number(i);
    link.last_sent = now.mono - milliseconds(10);
    measurements.on_link_up(link, now);
    now.mono += seconds(1);
    measurements.tick(now);  // there is no such link in the table
  }
  for (unsigned i = 0; i < 400; ++i) {
    CAPTURE(i);
    CHECK((measurements.of(number(i)) != nullptr) == (i >= 400 - 256));
  }
}

}  // namespace
}  // namespace ott
