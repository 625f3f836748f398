#include "overlay/handshakes.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kHandshakeTimeout = seconds(5);
/// How long a connection that this side made may take until CONNECTED or OFFLINE. TCP alone would try longer.
constexpr Duration kConnectTimeout = milliseconds(2000);

}  // namespace

Handshakes::Handshakes(OverlayState& state, Neighbours& neighbours)
    : state_(state),
      neighbours_(neighbours),
      admission_(state, neighbours),
      controller_(state, neighbours, admission_),
      registration_(state, neighbours),
      access_(state),
      joining_(state, neighbours, admission_),
      fallback_(state, neighbours, registration_, access_, joining_),
      rivals_(state, neighbours) {}

void Handshakes::begin(Now now) {
  if (state_.config.topology) {
    controller_.begin(now);
    rivals_.begin(now);
  } else if (state_.config.bootstrap) {
    registration_.connect(now);
  } else if (!state_.config.access.empty()) {
    offer(state_.config.access, now);
  }
  if (state_.config.join) joining_.begin(now);
}

void Handshakes::found(const std::vector<NodeId>& addresses, Now now) {
  if (state_.config.kind == PeerKind::Guest && !state_.config.bootstrap) {
    if (state_.config.access == addresses) return;
    state_.config.access = addresses;
    return offer(addresses, now);
  }
  registration_.found(addresses, now);
}

/// The access nodes that --node names, or this host's own addresses.
void Handshakes::offer(const std::vector<NodeId>& access_nodes, Now now) {
  std::vector<Peer> nodes;
  for (const NodeId& id : access_nodes) nodes.push_back({id, 1, ""});
  state_.config.kind = PeerKind::Guest;
  access_.offered(nodes, now);
}

void Handshakes::on_listening(const NodeId& at, const std::optional<Error>& error, Now now) {
  if (error && at == state_.self) {
    if (!joining_.on_not_listening()) state_.quit(error->message);
    return;
  }
  if (error) {
    std::erase(state_.listening_on, at);  // the next registration asks for it again
    state_.log.warning(
        fmt::format("{}; neighbours that know this node by it cannot connect", error->message));
    return;
  }
  state_.log.info(fmt::format("listening on {} port {}", to_string(at.address), at.port));
  if (at != state_.self) return;
  neighbours_.on_listening(now);
  if (!state_.config.join) return;
  joining_.on_listening();
  for (const LinkId id : joining_.take_waiting()) {
    PeerLink* link = state_.links.find(id);
    if (link != nullptr && !link->closing) say_ack(*link, link->local, now);
  }
}

// ---- accepting -------------------------------------------------------------------------------------------

LinkId Handshakes::on_accepted(const NodeId& remote, Now now) {
  make_room();
  return state_.links.add(Purpose::Accepted, remote, now).id;
}

/// Closes the oldest handshake when there are too many: silent connections must not keep others out.
void Handshakes::make_room() {
  if (state_.links.accepted_in_handshake() < state_.config.limits.handshakes) return;
  PeerLink* oldest = nullptr;
  for (const LinkId id : state_.links.in_handshake()) {
    oldest = state_.links.find(id);
    if (!oldest->outgoing()) break;
  }
  ++state_.counters.handshakes_closed;
  state_.log.info(fmt::format("{}: closing: more than {} at a time", oldest->name(),
                              counted(state_.config.limits.handshakes, "handshake")));
  state_.links.close(*oldest, ByeReason::NoRoom, "too many handshakes at a time, and this is the oldest");
}

bool Handshakes::no_room_for(const PeerLink& guest) const {
  return guest.is_of_guest() && state_.links.guests() >= state_.config.limits.guests;
}

void Handshakes::on_ack(PeerLink& link, const Ack& message, Now now) {
  if (link.handshake.on(HandshakeEvent::AckReceived) != HandshakeAction::SendPeers) {
    return state_.links.close_for_violation(link, "ACK out of order");
  }
  link.greeting = message.greeting;
  if (is_other_overlay(link, message.overlay)) return;
  if (message.greeting.kind != PeerKind::Guest) {
    const bool finds = (message.greeting.capabilities & kFindsNeighbours) != 0;
    if (finds && state_.config.join && !neighbours_.is_named(message.ids.front()))
      return joining_.on_ack(link, message, now);
    return state_.config.topology ? controller_.on_ack(link, message, now)
                                  : neighbours_.on_ack(link, message, admission_, now);
  }
  if (state_.phase != Phase::Running)
    return state_.links.close(link, ByeReason::Leaving, "this node is leaving");
  link.relation = Relation::Guest;
  if (no_room_for(link)) return admission_.refuse_guest(link);
  admission_.accept(link, link.remote, Relation::Guest, {});
}

// ---- connecting ------------------------------------------------------------------------------------------

void Handshakes::on_opened(PeerLink& link, const NodeId& local, Now now) {
  if (link.purpose != Purpose::Join || joining_.on_opened(link, local)) say_ack(link, local, now);
}

void Handshakes::say_ack(PeerLink& link, const NodeId& local, Now now) {
  if (link.handshake.on(HandshakeEvent::Opened) != HandshakeAction::SendAck) return;
  link.opened(local, now);
  Ack ack;
  ack.greeting = state_.greeting();
  ack.overlay = state_.config.overlay_name;
  if (link.purpose == Purpose::Access || link.purpose == Purpose::Inquiry) {
    ack.greeting.kind = PeerKind::Guest;
    ack.ids = {local};
  } else if (link.purpose == Purpose::Join) {
    ack.ids = {state_.self};
  } else {
    ack.ids = registration_.ids(link);
  }
  state_.links.send(link, ack);
}

void Handshakes::on_speers(PeerLink& link, const Speers& message, Now now) {
  if (link.handshake.state() != HandshakeState::WPeers) {
    return state_.links.close_for_violation(link, "SPEERS out of order");
  }
  if (is_other_overlay(link, message.overlay)) return;
  if (link.purpose == Purpose::Neighbour && message.me != link.peer) {
    return state_.links.close_for_violation(link, "it has another id than the one that was called");
  }
  link.identified(message.me);
  link.greeting = message.greeting;
  switch (link.purpose) {
    case Purpose::Registration:
      if (!registration_.on_speers(link, message, now)) return;
      state_.config.kind = PeerKind::Guest;
      if (neighbours_.size() > 0) neighbours_.set({}, now);  // of a place that it had until now
      return access_.offered(message.peers, now);
    case Purpose::Access:
      return access_.on_speers(link, message, now);
    case Purpose::Inquiry:
      return rivals_.on_speers(link, message);
    case Purpose::Join:
      return joining_.on_speers(link, message, now);
    case Purpose::Neighbour:
      link.relation = Relation::Neighbour;
      link.handshake.on(HandshakeEvent::PeersReceived);
      return state_.links.send(link, FinalAck{link.relation});
    case Purpose::Accepted:
      return;  // never in WPEERS
  }
}

// ---- both ------------------------------------------------------------------------------------------------

void Handshakes::on_final_ack(PeerLink& link, const FinalAck& message, Now now) {
  // A guest may want nothing but to measure the way to here.
  const bool measures = link.is_of_guest() && message.relation == Relation::Control;
  if (measures && link.handshake.state() == HandshakeState::WAck) link.relation = Relation::Control;
  const HandshakeEvent event =
      link.relation == Relation::Control ? HandshakeEvent::FinalAckControl : HandshakeEvent::FinalAckLink;
  const auto action = link.handshake.on(event);
  if (!action) return state_.links.close_for_violation(link, "FINALACK out of order");
  if (!link.peer_known && link.you.port != 0) return admission_.refuse_address(link, link.you);
  if (!link.peer_known) return state_.links.close_for_violation(link, "FINALACK of one without a place here");
  if (message.relation != link.relation) {
    return state_.links.close_for_violation(link, "the two ends do not agree on whether they are neighbours");
  }
  if (no_room_for(link)) return admission_.refuse_guest(link);
  const bool joins =
      link.relation == Relation::Neighbour && state_.config.join && !neighbours_.is_named(link.peer);
  if (joins && !joining_.takes(link)) return;
  if (*action == HandshakeAction::Confirm) state_.links.send(link, FinalAck{link.relation});
  finish(link, now);
}

void Handshakes::finish(PeerLink& link, Now now) {
  state_.links.note_up(link);
  connected_.push_back(link.id);
  if (state_.config.join && link.is_neighbour() && !neighbours_.is_named(link.peer))
    joining_.on_connected(link);
  neighbours_.on_connected(link);
  if (link.purpose == Purpose::Registration) registration_.on_connected();
  controller_.on_connected(link);
  if (link.purpose != Purpose::Access) return;
  access_.on_connected(link, now);
  if (state_.is_member()) fallback_.on_attached(link);
}

/// Only a bootstrapper's answer is taken, and only a member's question is answered.
void Handshakes::on_access_nodes(PeerLink& link, const AccessNodes& message, Now now) {
  if (link.is_of_guest()) return;
  if (state_.config.topology) return controller_.on_access_nodes(link, now);
  fallback_.on_access_nodes(link, message, now);
}

void Handshakes::on_closed(PeerLink& link, std::string_view why, Now now) {
  switch (link.purpose) {
    case Purpose::Registration:
      if (!registration_.on_closed(link, why, now)) return;
      return access_.has_nodes() && !state_.is_member() ? access_.on_bootstrapper_away(now)
                                                        : registration_.try_later(now);
    case Purpose::Access:
      return access_.on_closed(link, why, now);
    case Purpose::Inquiry:
      return;
    case Purpose::Neighbour:
    case Purpose::Accepted:
    case Purpose::Join:
      neighbours_.on_closed(link, now);
      return joining_.on_closed(link, why, now);
  }
}

/// True if the peer belongs to an overlay of another name: it is sent away.
bool Handshakes::is_other_overlay(PeerLink& link, const std::string& name) {
  const std::string& ours = state_.config.overlay_name;
  if (name == ours) return false;
  state_.log.info(fmt::format("refused {}: it is of the overlay '{}', and this is '{}'",
                              to_string(link.remote), name, ours));
  state_.links.close(link, ByeReason::OtherOverlay,
                     fmt::format("{} is of the overlay '{}', not of '{}': see --overlay",
                                 to_string(state_.self), ours, name));
  return true;
}

std::string Handshakes::trouble() const {
  const std::string& access = access_.trouble();
  const std::string& bootstrapper = registration_.trouble();
  if (!access.empty() && !bootstrapper.empty()) return access + "; " + bootstrapper;
  if (!access.empty() || !bootstrapper.empty()) return access + bootstrapper;
  if (!joining_.trouble().empty() || (state_.config.join && neighbours_.size() == 0)) {
    return joining_.trouble().empty() ? "nobody has joined this process yet" : joining_.trouble();
  }
  if (state_.self_known && state_.config.kind != PeerKind::Guest)
    return fmt::format("none of its neighbours ({}) answers", neighbours_.names());
  return "";
}

[[gnu::hot]] MonoTime Handshakes::next_deadline() const {
  return std::min({registration_.next_deadline(), access_.next_deadline(), fallback_.next_deadline(),
                   neighbours_.next_deadline(), joining_.next_deadline()});
}

void Handshakes::tick(Now now) {
  for (const LinkId id : state_.links.in_handshake()) {
    PeerLink& link = *state_.links.find(id);
    const Duration at_most = link.outgoing() ? kConnectTimeout : kHandshakeTimeout;
    if (now.mono - link.opened_at < at_most) continue;
    if (link.purpose != Purpose::Inquiry && link.purpose != Purpose::Join) {
      state_.log.info(
          fmt::format("{}: closing: no handshake within {} ms", link.name(), at_most / milliseconds(1)));
    }
    state_.links.close(link, ByeReason::Protocol, "the handshake took too long");
  }
  registration_.tick(now);
  if (access_.tick(now)) state_.is_member() ? fallback_.seek(now) : registration_.connect(now);
  fallback_.tick(now);
  neighbours_.tick(now);
  joining_.tick(now);
  rivals_.tick(now);
}

}  // namespace ott
