#include "ott/handshake.h"

namespace ott {

std::optional<HandshakeAction> Handshake::on(HandshakeEvent event) {
  for (const HandshakeTransition& transition : kHandshake) {
    if (transition.from != state_ || transition.on != event) continue;
    state_ = transition.to;
    return transition.act;
  }
  return std::nullopt;
}

std::string_view to_string(HandshakeState state) {
  switch (state) {
    case HandshakeState::AckReceiving:
      return "ACK_RECEIVING";
    case HandshakeState::Speers:
      return "SPEERS";
    case HandshakeState::WAck:
      return "WACK";
    case HandshakeState::AckSending:
      return "ACK_SENDING";
    case HandshakeState::WPeers:
      return "WPEERS";
    case HandshakeState::FAck:
      return "FACK";
    case HandshakeState::Connected:
      return "CONNECTED";
    case HandshakeState::Offline:
      return "OFFLINE";
  }
  return "?";
}

}  // namespace ott
