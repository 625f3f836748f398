#include "overlay/membership.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kHandshakeTimeout = seconds(5);
/// A connection that this side began and that does not come to be is tried anew before TCP would.
constexpr Duration kConnectTimeout = milliseconds(2000);
constexpr Duration kRegistrationRetryFirst = milliseconds(250);
constexpr Duration kRegistrationRetryLongest = seconds(5);
constexpr Duration kNeighbourRetryFirst = milliseconds(500);
constexpr Duration kNeighbourRetryLongest = seconds(10);
constexpr Duration kAccessRetryFirst = milliseconds(100);
constexpr Duration kAccessRetryLongest = seconds(5);
/// How long the slower access nodes are waited for once one has answered.
constexpr Duration kAccessPatience = milliseconds(200);
/// A restarted process may meet its own connection of before: so often it asks again before it gives up.
constexpr unsigned kRefusalsMax = 5;

}  // namespace

Membership::Membership(OverlayState& state) : state_(state), random_(state.config.random_seed) {}

void Membership::begin(Now now) {
  const OverlayConfig& config = state_.config;
  if (config.topology) {
    state_.self = *config.id;
    state_.self_known = true;
    for (const Topology::Neighbour& neighbour : config.topology->find(state_.self)->neighbours) {
      const Topology::Node* node = config.topology->find(neighbour.id);
      neighbours_[neighbour.id] = {neighbour.cost, node->name, {}};
    }
    state_.links.requests().listen.push_back(state_.self);
  } else if (config.bootstrap) {
    connect(Purpose::Registration, *config.bootstrap, now);
  } else {
    for (const NodeId& node : config.access) connect(Purpose::Access, node, now);
  }
}

void Membership::connect(Purpose purpose, const NodeId& to, Now now) {
  PeerLink& link = state_.links.add(purpose, to, now);
  // A known identity is also the address that the overlay's links come from.
  std::optional<IpAddress> from;
  const bool guest = state_.config.kind == PeerKind::Guest;
  if (state_.self_known && !guest) from = state_.self.address;
  if (!state_.self_known && state_.config.id) from = state_.config.id->address;
  state_.links.requests().connect.push_back({link.id, to, from});
  if (purpose == Purpose::Neighbour) {
    link.peer = to;
    link.peer_known = true;
  }
  if (purpose == Purpose::Access) access_[to] = {link.id, std::nullopt};
}

void Membership::schedule(Retry& retry, Duration first, Duration longest, Now now) {
  retry.backoff = retry.backoff == Duration{} ? first : std::min(retry.backoff * 2, longest);
  // Jitter of a quarter either way, lest all that lost one peer come back at one time.
  std::uniform_int_distribution<Duration::rep> jitter(-retry.backoff.count() / 4, retry.backoff.count() / 4);
  retry.at = now.mono + retry.backoff + Duration(jitter(random_));
}

void Membership::protocol_error(PeerLink& link, std::string_view what) {
  state_.log.warning(fmt::format("{}: closing: {}", link.name(), what));
  state_.links.close(link, ByeReason::Protocol, std::string(what));
}

void Membership::quit(std::string message) {
  if (!state_.links.requests().exit) state_.links.requests().exit = {1, std::move(message)};
}

std::uint32_t Membership::cost(const NodeId& neighbour) const {
  const auto found = neighbours_.find(neighbour);
  return found == neighbours_.end() ? 1 : found->second.cost;
}

std::string Membership::describe(const NodeId& id) const {
  const auto found = neighbours_.find(id);
  std::string name = found == neighbours_.end() ? "" : found->second.name;
  if (state_.config.topology) {
    const Topology::Node* node = state_.config.topology->find(id);
    if (node != nullptr) name = node->name;
  }
  return name.empty() ? to_string(id) : fmt::format("{} ({})", to_string(id), name);
}

void Membership::on_listening(const std::optional<Error>& error, Now now) {
  if (error) return quit(error->message);
  listening_ = true;
  state_.log.info(fmt::format("listening on {} port {}", to_string(state_.self.address), state_.self.port));
  connect_neighbours(now);
}

void Membership::connect_neighbours(Now now) {
  if (state_.config.topology) return;  // they come to the bootstrapper
  for (auto& [id, neighbour] : neighbours_) {
    if (id == state_.config.bootstrap || state_.links.with_peer(id) != nullptr) continue;
    neighbour.retry.at = MonoTime::max();
    connect(Purpose::Neighbour, id, now);
  }
}

// ---- the handshake ---------------------------------------------------------------------------------------

void Membership::on_opened(PeerLink& link, const NodeId& local, Now now) {
  if (link.handshake.on(HandshakeEvent::Opened) != HandshakeAction::SendAck) return;
  link.opened_at = link.last_heard = now.mono;
  Ack ack;
  ack.greeting = state_.greeting();
  if (link.purpose == Purpose::Access) {
    ack.greeting.kind = PeerKind::Guest;
    ack.ids = {local};
  } else if (state_.self_known) {
    ack.ids = {state_.self};
  } else if (state_.config.id) {
    ack.ids = {*state_.config.id};
  } else {
    for (const IpAddress& address : state_.config.local_addresses) ack.ids.push_back({address, 0});
    if (std::find(ack.ids.begin(), ack.ids.end(), NodeId{local.address, 0}) == ack.ids.end()) {
      ack.ids.push_back({local.address, 0});
    }
  }
  state_.links.send(link, ack);
}

void Membership::on_ack(PeerLink& link, const Ack& message, Now now) {
  if (link.handshake.on(HandshakeEvent::AckReceived) != HandshakeAction::SendPeers) {
    return protocol_error(link, "ACK out of order");
  }
  link.greeting = message.greeting;
  if (message.greeting.kind == PeerKind::Guest && state_.phase != Phase::Running) {
    return state_.links.close(link, ByeReason::Leaving, "this node is leaving");
  }
  if (message.greeting.kind == PeerKind::Guest) {
    link.peer = link.remote;
    link.peer_known = true;
    return send_peers(link, link.remote, Relation::Guest, {});
  }
  if (state_.config.topology) {
    ack_at_bootstrapper(link, message, now);
  } else {
    ack_at_node(link, message, now);
  }
}

std::vector<NodeId> Membership::identities(const Ack& message) const {
  std::vector<NodeId> found;
  for (const Topology::Node& node : state_.config.topology->nodes) {
    const bool named = std::any_of(message.ids.begin(), message.ids.end(), [&node](const NodeId& id) {
      return id.address == node.id.address && (id.port == 0 || id.port == node.id.port);
    });
    if (named && node.id != state_.self) found.push_back(node.id);
  }
  return found;
}

void Membership::ack_at_bootstrapper(PeerLink& link, const Ack& message, Now now) {
  const std::vector<NodeId> ids = identities(message);
  std::string named;
  for (const NodeId& id : message.ids) {
    named += (named.empty() ? "" : ", ") + to_string(id.port == 0 ? NodeId{id.address, kDefaultPort} : id);
  }
  if (ids.empty() && message.greeting.kind == PeerKind::Client) {
    return send_peers(link, NodeId{link.remote.address, 0}, Relation::Control, access_offers(link.remote));
  }
  if (ids.empty()) {
    const bool ours = std::find(message.ids.begin(), message.ids.end(), state_.self) != message.ids.end();
    const std::string text =
        ours ? fmt::format("{} is the bootstrapper's own identity; give this node another --id", named)
             : fmt::format(
                   "the topology has no node with the address {}; add one to the bootstrapper's file, "
                   "or start with --id and an address that is in it",
                   named);
    state_.log.warning(fmt::format("refused {}: not in the topology: {}", to_string(link.remote), named));
    return state_.links.close(link, ByeReason::NotInTopology, text);
  }
  if (ids.size() > 1) {
    return state_.links.close(
        link, ByeReason::Ambiguous,
        fmt::format("the topology has several nodes on this host ({}, {}{}); say which with --id",
                    to_string(ids[0]), to_string(ids[1]), ids.size() > 2 ? ", …" : ""));
  }
  if (is_taken(link, ids[0], message.greeting.incarnation, now)) return;
  const Topology::Node& node = *state_.config.topology->find(ids[0]);
  std::vector<Peer> peers;
  for (const Topology::Neighbour& neighbour : node.neighbours) {
    peers.push_back({neighbour.id, neighbour.cost, state_.config.topology->find(neighbour.id)->name});
  }
  send_peers(link, ids[0], neighbours_.contains(ids[0]) ? Relation::Neighbour : Relation::Control,
             std::move(peers));
}

void Membership::ack_at_node(PeerLink& link, const Ack& message, Now now) {
  const NodeId& id = message.ids.front();
  if (message.ids.size() != 1 || !neighbours_.contains(id)) {
    const std::string text = fmt::format("{} is a node, not the bootstrapper, and has no neighbour {}",
                                         to_string(state_.self), to_string(id));
    state_.log.info(fmt::format("refused {}: no neighbour of this node", to_string(link.remote)));
    return state_.links.close(link, ByeReason::NotNeighbour, text);
  }
  if (is_taken(link, id, message.greeting.incarnation, now)) return;
  send_peers(link, id, Relation::Neighbour, {});
}

// Two connections between the same two processes: the one that the smaller id made stays. Two processes
// with one id: the first stays while it shows signs of life.
bool Membership::is_taken(PeerLink& link, const NodeId& id, std::uint64_t incarnation, Now now) {
  PeerLink* other = state_.links.with_peer(id);
  if (other == nullptr || other == &link) return false;
  if (other->greeting.incarnation == incarnation || other->greeting.incarnation == 0) {
    if (other->outgoing() && state_.self < id) {
      state_.links.close(link, ByeReason::NotNeeded, "connected already");
      return true;
    }
    state_.links.close(*other, ByeReason::NotNeeded, "replaced by a newer connection");
    return false;
  }
  if (now.mono - other->last_heard <= state_.silence_max(*other)) {
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

void Membership::send_peers(PeerLink& link, const NodeId& you, Relation relation, std::vector<Peer> peers) {
  if (you.port != 0) {
    link.peer = you;
    link.peer_known = true;
  }
  link.relation = relation;
  Speers speers;
  speers.greeting = state_.greeting();
  speers.me = state_.self;
  speers.you = you;
  speers.peers = std::move(peers);
  state_.links.send(link, speers);
  link.handshake.on(HandshakeEvent::PeersSent);
}

void Membership::on_speers(PeerLink& link, const Speers& message, Now now) {
  if (link.handshake.state() != HandshakeState::WPeers) return protocol_error(link, "SPEERS out of order");
  link.peer = message.me;
  link.peer_known = true;
  link.greeting = message.greeting;
  switch (link.purpose) {
    case Purpose::Registration:
      return registered(link, message, now);
    case Purpose::Access: {
      link.relation = Relation::Guest;
      link.self_there = message.you;
      access_[link.remote].answered_after = now.mono - link.opened_at;
      if (choose_access_at_ == MonoTime::max()) choose_access_at_ = now.mono + kAccessPatience;
      return choose_access(now);
    }
    case Purpose::Neighbour:
      if (message.me != link.remote) return protocol_error(link, "it has another id than its address says");
      link.relation = Relation::Neighbour;
      break;
    case Purpose::Accepted:
      break;
  }
  link.handshake.on(HandshakeEvent::PeersReceived);
  state_.links.send(link, FinalAck{link.relation});
}

void Membership::on_final_ack(PeerLink& link, const FinalAck& message, Now) {
  const HandshakeEvent event =
      link.relation == Relation::Control ? HandshakeEvent::FinalAckControl : HandshakeEvent::FinalAckLink;
  const auto action = link.handshake.on(event);
  if (!action) return protocol_error(link, "FINALACK out of order");
  if (message.relation != link.relation) {
    return protocol_error(link, "the two ends do not agree on whether they are neighbours");
  }
  if (*action == HandshakeAction::Confirm) state_.links.send(link, FinalAck{link.relation});
  finish(link);
}

void Membership::finish(PeerLink& link) {
  state_.links.note_connected(link);
  connected_.push_back(link.id);
  const auto neighbour = neighbours_.find(link.peer);
  if (neighbour != neighbours_.end()) neighbour->second.retry = {};
  if (link.purpose == Purpose::Registration) {
    registration_retry_ = {};
    complained_ = false;
    refusals_ = 0;
  }
  if (link.purpose == Purpose::Access) {
    state_.self = link.self_there;
    state_.self_known = true;
    access_retry_ = {};
    ask_for_access_ = complained_ = false;
  }
}

// ---- connecting ------------------------------------------------------------------------------------------

void Membership::registered(PeerLink& link, const Speers& message, Now now) {
  if (message.greeting.kind != PeerKind::Bootstrap) {
    return quit(fmt::format("{} is a node, not the bootstrapper: give --bootstrap the bootstrapper's address",
                            to_string(link.remote)));
  }
  if (message.you.port == 0) return become_guest(link, message, now);
  neighbours_.clear();
  for (const Peer& peer : message.peers) neighbours_[peer.id] = {peer.cost, peer.name, {}};
  for (const NodeId& id : state_.links.neighbours()) {  // by a topology that has changed
    if (!neighbours_.contains(id))
      state_.links.close(*state_.links.neighbour(id), ByeReason::NotNeighbour, "no neighbours any more");
  }
  link.relation = neighbours_.contains(message.me) ? Relation::Neighbour : Relation::Control;
  link.handshake.on(HandshakeEvent::PeersReceived);
  state_.links.send(link, FinalAck{link.relation});
  // The bootstrapper is known by its id from here on, whatever address it was reached by.
  state_.config.bootstrap = message.me;
  if (!state_.self_known) {
    state_.self = message.you;
    state_.self_known = true;
    state_.log.info(
        fmt::format("this is {}, with {} neighbours", to_string(state_.self), neighbours_.size()));
    state_.links.requests().listen.push_back(state_.self);
  } else if (listening_) {
    connect_neighbours(now);
  }
}

void Membership::become_guest(PeerLink& link, const Speers& message, Now now) {
  state_.config.kind = PeerKind::Guest;
  state_.log.info(fmt::format("not in the topology: a guest; {} access nodes offered", message.peers.size()));
  state_.links.close(link, ByeReason::NotNeeded, "thanks");
  registration_retry_ = {};
  complained_ = false;
  access_.clear();
  for (const Peer& peer : message.peers) connect(Purpose::Access, peer.id, now);
}

/// Looks for another access node: among those that are known, and, in turn with that, at the bootstrapper,
/// which may know better ones by now, or be away.
void Membership::find_access(Now now) {
  state_.self_known = false;
  if (std::exchange(ask_for_access_, state_.config.bootstrap.has_value())) {
    state_.config.kind = PeerKind::Client;
    connect(Purpose::Registration, *state_.config.bootstrap, now);
  } else {
    state_.config.kind = PeerKind::Guest;
    for (const auto& [id, node] : access_) connect(Purpose::Access, id, now);
  }
}

/// Takes the access node that answered first after its connection was there: the nearest.
void Membership::choose_access(Now now) {
  PeerLink* best = nullptr;
  std::optional<Duration> best_after;
  bool all_answered = true;
  for (const auto& [id, node] : access_) {
    PeerLink* link = node.link ? state_.links.find(*node.link) : nullptr;
    if (link == nullptr || link->closing) continue;
    if (link->handshake.over() || link->handshake.state() == HandshakeState::FAck) return;  // chosen already
    if (!node.answered_after) all_answered = false;
    if (node.answered_after && (!best_after || *node.answered_after < *best_after)) {
      best = link;
      best_after = node.answered_after;
    }
  }
  if (best != nullptr && !all_answered && now.mono < choose_access_at_) return;
  choose_access_at_ = MonoTime::max();
  if (best == nullptr) return;  // the next answer is the first again
  for (auto& [id, node] : access_) {
    PeerLink* link = node.link ? state_.links.find(*node.link) : nullptr;
    if (link != nullptr && link != best)
      state_.links.close(*link, ByeReason::NotNeeded, "another access node is nearer");
  }
  best->rtt = *best_after;
  best->handshake.on(HandshakeEvent::PeersReceived);
  state_.links.send(*best, FinalAck{Relation::Guest});
}

void Membership::on_closed(PeerLink& link, std::string_view why, Now now) {
  switch (link.purpose) {
    case Purpose::Registration:
      return registration_closed(link, why, now);
    case Purpose::Access:
      return access_closed(link, why, now);
    case Purpose::Neighbour:
    case Purpose::Accepted:
      break;
  }
  const NodeId& peer = link.purpose == Purpose::Neighbour ? link.remote : link.peer;
  const auto neighbour = neighbours_.find(peer);
  if (state_.config.topology || neighbour == neighbours_.end() || peer == state_.config.bootstrap) return;
  if (link.handshake.over()) neighbour->second.retry.backoff = {};
  schedule(neighbour->second.retry, kNeighbourRetryFirst, kNeighbourRetryLongest, now);
}

void Membership::registration_closed(PeerLink& link, std::string_view why, Now now) {
  if (state_.config.kind == PeerKind::Guest) return;
  const std::string where = to_string(link.remote);
  if (link.peer_bye) {
    switch (link.peer_bye->reason) {
      case ByeReason::Duplicate:
        if (++refusals_ < kRefusalsMax) break;
        [[fallthrough]];
      case ByeReason::NotInTopology:
      case ByeReason::Ambiguous:
        return quit(fmt::format("refused by the bootstrapper: {}", link.peer_bye->text));
      case ByeReason::NotNeighbour:
        return quit(fmt::format(
            "{} is a node, not the bootstrapper: give --bootstrap the bootstrapper's address", where));
      default:
        break;
    }
  }
  if (!complained_) {
    complained_ = true;
    state_.log.warning(
        fmt::format("no bootstrapper at {} ({}); trying again until it is there. Check that "
                    "`ottd --role bootstrap` runs there and that address and port are right",
                    link.remote.port == kDefaultPort ? where + ":7000" : where, why));
  }
  if (!access_.empty()) {
    ask_for_access_ = false;
    return schedule(access_retry_, kAccessRetryFirst, kAccessRetryLongest, now);
  }
  schedule(registration_retry_, kRegistrationRetryFirst, kRegistrationRetryLongest, now);
}

void Membership::access_closed(PeerLink& link, std::string_view why, Now now) {
  const auto node = access_.find(link.remote);
  if (node != access_.end() && node->second.link == link.id) node->second.link.reset();
  const bool any_left = std::any_of(access_.begin(), access_.end(), [this](const auto& entry) {
    PeerLink* other = entry.second.link ? state_.links.find(*entry.second.link) : nullptr;
    return other != nullptr && !other->closing;
  });
  if (any_left) return choose_access(now);
  if (!complained_ && !link.handshake.over()) {
    complained_ = true;
    std::string tried;
    for (const auto& [id, entry] : access_) tried += (tried.empty() ? "" : ", ") + to_string(id);
    if (!state_.config.bootstrap && state_.config.access.size() != 1) {
      return quit(
          fmt::format("no node answers on this host (tried {}). Name one: --bootstrap ADDRESS asks the "
                      "bootstrapper for the nearest, --node ADDRESS attaches to that node",
                      tried));
    }
    state_.log.warning(fmt::format("no access node answers ({}: {}); trying again", tried, why));
  }
  schedule(access_retry_, kAccessRetryFirst, kAccessRetryLongest, now);
}

// ---- time ------------------------------------------------------------------------------------------------

MonoTime Membership::next_deadline() const {
  MonoTime next = std::min({registration_retry_.at, access_retry_.at, choose_access_at_});
  for (const auto& [id, neighbour] : neighbours_) next = std::min(next, neighbour.retry.at);
  return next;
}

void Membership::tick(Now now) {
  for (PeerLink& link : state_.links.all()) {
    const Duration patience = link.outgoing() ? kConnectTimeout : kHandshakeTimeout;
    if (link.handshake.over() || link.closing || now.mono - link.opened_at < patience) continue;
    state_.log.info(
        fmt::format("{}: closing: no handshake within {} ms", link.name(), patience / milliseconds(1)));
    state_.links.close(link, ByeReason::Protocol, "the handshake took too long");
  }
  if (now.mono >= choose_access_at_) choose_access(now);
  if (now.mono >= registration_retry_.at) {
    registration_retry_.at = MonoTime::max();
    connect(Purpose::Registration, *state_.config.bootstrap, now);
  }
  if (now.mono >= access_retry_.at) {
    access_retry_.at = MonoTime::max();
    find_access(now);
  }
  for (auto& [id, neighbour] : neighbours_) {
    if (now.mono < neighbour.retry.at) continue;
    neighbour.retry.at = MonoTime::max();
    if (state_.links.with_peer(id) == nullptr) connect(Purpose::Neighbour, id, now);
  }
}

std::vector<Peer> Membership::access_offers(const NodeId& guest) const {
  constexpr std::size_t kOffersMax = 4;
  const auto common_bits = [&guest](const NodeId& id) {
    std::size_t bits = 0;
    while (bits < 128 &&
           ((guest.address.bytes[bits / 8] ^ id.address.bytes[bits / 8]) & (0x80U >> bits % 8)) == 0) {
      ++bits;
    }
    return bits;
  };
  std::vector<NodeId> nodes;
  for (const PeerLink& link : state_.links.all()) {
    const LinkState* known = link.peer_known ? state_.db.find(link.peer) : nullptr;
    const bool leaving = known != nullptr && known->links.empty();
    if (link.handshake.over() && !link.closing && !leaving && link.greeting.kind == PeerKind::Node) {
      nodes.push_back(link.peer);
    }
  }
  if (nodes.empty()) nodes.push_back(state_.self);
  std::sort(nodes.begin(), nodes.end(), [&common_bits](const NodeId& a, const NodeId& b) {
    const std::size_t a_bits = common_bits(a);
    const std::size_t b_bits = common_bits(b);
    return a_bits != b_bits ? a_bits > b_bits : a < b;
  });
  nodes.resize(std::min(nodes.size(), kOffersMax));
  std::vector<Peer> offers;
  for (const NodeId& node : nodes) offers.push_back({node, 1, describe(node)});
  return offers;
}

}  // namespace ott
