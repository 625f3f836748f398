#include "ott/handshake.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <vector>

namespace ott {
namespace {

using State = HandshakeState;
using Event = HandshakeEvent;
using Action = HandshakeAction;

constexpr std::array kStates = {State::AckReceiving, State::Speers, State::WAck,      State::AckSending,
                                State::WPeers,       State::FAck,   State::Connected, State::Offline};
constexpr std::array kEvents = {Event::Opened,        Event::AckReceived,  Event::PeersSent,
                                Event::PeersReceived, Event::FinalAckLink, Event::FinalAckControl};

/// Events that lead to each state from one of the two beginnings.
Handshake reach(State state) {
  static const std::map<State, std::vector<Event>> ways = {
      {State::AckReceiving, {}},
      {State::Speers, {Event::AckReceived}},
      {State::WAck, {Event::AckReceived, Event::PeersSent}},
      {State::AckSending, {}},
      {State::WPeers, {Event::Opened}},
      {State::FAck, {Event::Opened, Event::PeersReceived}},
      {State::Connected, {Event::Opened, Event::PeersReceived, Event::FinalAckLink}},
      {State::Offline, {Event::AckReceived, Event::PeersSent, Event::FinalAckControl}},
  };
  const bool accepts = state == State::AckReceiving || state == State::Speers || state == State::WAck ||
                       state == State::Offline;
  Handshake handshake = accepts ? Handshake::accepting() : Handshake::connecting();
  for (const Event event : ways.at(state)) REQUIRE(handshake.on(event));
  REQUIRE(handshake.state() == state);
  return handshake;
}

TEST_CASE("the accepting side walks ACK_RECEIVING, SPEERS, WACK to its end") {
  Handshake handshake = Handshake::accepting();
  CHECK(handshake.state() == State::AckReceiving);
  CHECK(handshake.on(Event::AckReceived) == Action::SendPeers);
  CHECK(handshake.state() == State::Speers);
  CHECK(handshake.on(Event::PeersSent) == Action::None);
  CHECK(handshake.state() == State::WAck);
  CHECK_FALSE(handshake.over());
  const bool link = GENERATE(true, false);
  CHECK(handshake.on(link ? Event::FinalAckLink : Event::FinalAckControl) == Action::Confirm);
  CHECK(handshake.state() == (link ? State::Connected : State::Offline));
  CHECK(handshake.over());
}

TEST_CASE("the connecting side walks ACK_SENDING, WPEERS, FACK to its end") {
  Handshake handshake = Handshake::connecting();
  CHECK(handshake.state() == State::AckSending);
  CHECK(handshake.on(Event::Opened) == Action::SendAck);
  CHECK(handshake.state() == State::WPeers);
  CHECK(handshake.on(Event::PeersReceived) == Action::SendFinalAck);
  CHECK(handshake.state() == State::FAck);
  CHECK_FALSE(handshake.over());
  const bool link = GENERATE(true, false);
  CHECK(handshake.on(link ? Event::FinalAckLink : Event::FinalAckControl) == Action::None);
  CHECK(handshake.state() == (link ? State::Connected : State::Offline));
  CHECK(handshake.over());
}

TEST_CASE("in every state every event does what the table says, and nothing if it is not there") {
  std::size_t listed = 0;
  for (const State state : kStates) {
    for (const Event event : kEvents) {
      const auto row = std::find_if(kHandshake.begin(), kHandshake.end(), [&](const auto& transition) {
        return transition.from == state && transition.on == event;
      });
      CAPTURE(to_string(state), static_cast<int>(event));
      Handshake handshake = reach(state);
      const auto action = handshake.on(event);
      if (row == kHandshake.end()) {
        CHECK_FALSE(action);
        CHECK(handshake.state() == state);
        continue;
      }
      ++listed;
      CHECK(action == row->act);
      CHECK(handshake.state() == row->to);
    }
  }
  CHECK(listed == kHandshake.size());  // no pair is listed twice
}

TEST_CASE("states print by their classic names") {
  std::vector<std::string_view> names;
  for (const State state : kStates) names.push_back(to_string(state));
  CHECK(names == std::vector<std::string_view>{"ACK_RECEIVING", "SPEERS", "WACK", "ACK_SENDING", "WPEERS",
                                               "FACK", "CONNECTED", "OFFLINE"});
}

}  // namespace
}  // namespace ott
