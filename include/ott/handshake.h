// The handshake of one connection, as the table that PROTOCOL.md prints. It decides order only: who the
// peer may be is decided outside, and comes in as the event. No I/O, no clock.
//
//   accepting side:   ACK_RECEIVING -> SPEERS -> WACK -> CONNECTED | OFFLINE
//   connecting side:  ACK_SENDING   -> WPEERS -> FACK -> CONNECTED | OFFLINE
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ott {

enum class HandshakeState : std::uint8_t {
  AckReceiving,  // accepting: waits for ACK
  Speers,        // accepting: the peer is known, its peers are being sent
  WAck,          // accepting: waits for FINALACK
  AckSending,    // connecting: waits for the connection to open
  WPeers,        // connecting: waits for SPEERS
  FAck,          // connecting: FINALACK is sent, waits for its confirmation
  Connected,     // an overlay link: everything may travel over it
  Offline,       // not an overlay link: control only
};

enum class HandshakeEvent : std::uint8_t {
  Opened,           // the connection is there
  AckReceived,      // ACK from a peer that may connect here
  PeersSent,        // SPEERS is on its way
  PeersReceived,    // SPEERS
  FinalAckLink,     // FINALACK; the two are neighbours, or node and guest
  FinalAckControl,  // FINALACK; they are not
};

enum class HandshakeAction : std::uint8_t { SendAck, SendPeers, SendFinalAck, Confirm, None };

struct HandshakeTransition {
  HandshakeState from;
  HandshakeEvent on;
  HandshakeAction act;
  HandshakeState to;
};

// The accepting side's walk, then the connecting side's. An unlisted pair is a protocol violation.
inline constexpr std::array kHandshake = {
    HandshakeTransition{HandshakeState::AckReceiving, HandshakeEvent::AckReceived, HandshakeAction::SendPeers,
                        HandshakeState::Speers},
    HandshakeTransition{HandshakeState::Speers, HandshakeEvent::PeersSent, HandshakeAction::None,
                        HandshakeState::WAck},
    HandshakeTransition{HandshakeState::WAck, HandshakeEvent::FinalAckLink, HandshakeAction::Confirm,
                        HandshakeState::Connected},
    HandshakeTransition{HandshakeState::WAck, HandshakeEvent::FinalAckControl, HandshakeAction::Confirm,
                        HandshakeState::Offline},

    HandshakeTransition{HandshakeState::AckSending, HandshakeEvent::Opened, HandshakeAction::SendAck,
                        HandshakeState::WPeers},
    HandshakeTransition{HandshakeState::WPeers, HandshakeEvent::PeersReceived, HandshakeAction::SendFinalAck,
                        HandshakeState::FAck},
    HandshakeTransition{HandshakeState::FAck, HandshakeEvent::FinalAckLink, HandshakeAction::None,
                        HandshakeState::Connected},
    HandshakeTransition{HandshakeState::FAck, HandshakeEvent::FinalAckControl, HandshakeAction::None,
                        HandshakeState::Offline},
};

class Handshake {
 public:
  static Handshake accepting() { return Handshake(HandshakeState::AckReceiving); }
  static Handshake connecting() { return Handshake(HandshakeState::AckSending); }

  /// Takes the step; nothing, and no step, if the event is out of order.
  std::optional<HandshakeAction> on(HandshakeEvent event);

  [[nodiscard]] HandshakeState state() const { return state_; }
  [[nodiscard]] bool over() const {
    return state_ == HandshakeState::Connected || state_ == HandshakeState::Offline;
  }

 private:
  explicit Handshake(HandshakeState state) : state_(state) {}
  HandshakeState state_;
};

/// The state's classic name, as in stats and logs: "ACK_RECEIVING", "CONNECTED", …
std::string_view to_string(HandshakeState state);

}  // namespace ott
