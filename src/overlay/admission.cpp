#include "overlay/admission.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"
#include "overlay/neighbours.h"

namespace ott {

bool Admission::may_claim(const NodeId& id, const PeerLink& link) const {
  if (link.remote.address == id.address) return true;
  return std::ranges::any_of(neighbours_.addresses(id), [&link](const NodeId& address) {
    return address.address == link.remote.address;
  });
}

bool Admission::admits(PeerLink& link, const NodeId& id, Now now) {
  if (!may_claim(id, link)) {
    refuse_address(link, id);
    return false;
  }
  return !is_taken(link, id, now);
}

void Admission::refuse_address(PeerLink& link, const NodeId& id) {
  ++state_.counters.ids_refused;
  state_.log.warning(fmt::format("refused {}: it says that it is {}, which is not its address",
                                 to_string(link.remote), to_string(id)));
  state_.links.close(
      link, ByeReason::WrongAddress,
      fmt::format("{} is not believed from {}: a node connects from the address of its id. Start it with "
                  "--id {} on the host that has this address, without address translation on the way here",
                  to_string(id), to_string(link.remote.address), to_string(id)));
}

void Admission::refuse_guest(PeerLink& link) {
  ++state_.counters.guests_refused;
  state_.log.info(fmt::format("refused {}: {} already", to_string(link.remote),
                              counted(state_.config.limits.guests, "guest")));
  state_.links.close(link, ByeReason::NoRoom,
                     fmt::format("{} has as many guests as it takes ({}); try another access node",
                                 to_string(state_.self), state_.config.limits.guests));
}

// Two connections between the same two processes: the one that the smaller id made stays. Two processes
// with one id: the first stays until it has been silent for its dead interval.
bool Admission::is_taken(PeerLink& link, const NodeId& id, Now now) {
  PeerLink* other = state_.links.with_node(id);
  if (other == nullptr || other == &link) return false;
  if (other->greeting.incarnation == link.greeting.incarnation || other->greeting.incarnation == 0) {
    if (other->outgoing() && state_.self < id) {
      state_.links.close(link, ByeReason::NotNeeded, "connected already");
      return true;
    }
    state_.links.close(*other, ByeReason::NotNeeded, "replaced by a newer connection");
    return false;
  }
  if (now.mono - other->last_sign() <= state_.dead_interval(*other)) {
    state_.log.warning(fmt::format("refused {}: {} is online already, from {}", to_string(link.remote),
                                   to_string(id), to_string(other->remote)));
    state_.links.close(
        link, ByeReason::Duplicate,
        fmt::format("another process is {} already (connected from {}); stop that one, or give "
                    "this one another --id",
                    to_string(id), to_string(other->remote)));
    return true;
  }
  state_.links.close(*other, ByeReason::Silent, "replaced by a newer process");
  return false;
}

void Admission::accept(PeerLink& link, const NodeId& id, Relation relation, Place place) {
  link.identified(id);
  link.relation = relation;
  send_peers(link, id, std::move(place));
}

void Admission::advise(PeerLink& link, const NodeId& you, std::vector<Peer> access_nodes) {
  send_peers(link, you, {std::move(access_nodes)});
}

void Admission::send_peers(PeerLink& link, const NodeId& you, Place place) {
  link.you = you;
  Speers speers;
  speers.greeting = state_.greeting();
  speers.overlay = state_.config.overlay_name;
  speers.me = state_.self;
  speers.you = you;
  speers.peers = std::move(place.peers);
  speers.addresses = std::move(place.addresses);
  state_.links.send(link, speers);
  link.handshake.on(HandshakeEvent::PeersSent);
}

}  // namespace ott
