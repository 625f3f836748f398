#include "overlay/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace ott {
namespace {

constexpr std::size_t kAccessOffersMax = 4;

std::size_t common_bits(const IpAddress& a, const IpAddress& b) {
  std::size_t bits = 0;
  while (bits < 128 && ((a.bytes[bits / 8] ^ b.bytes[bits / 8]) & (0x80U >> bits % 8)) == 0) ++bits;
  return bits;
}

}  // namespace

void Controller::begin(Now now) {
  state_.self = *state_.config.id;
  state_.self_known = true;
  take_own_place(now);
}

void Controller::take_own_place(Now now) {
  Place place = place_of(state_.self);
  state_.further = std::move(place.addresses);
  neighbours_.set(place.peers, now);
  state_.listen();
}

Result<std::size_t> Controller::take(Topology topology, Now now) {
  if (topology.find(state_.self) == nullptr) {
    return fail(fmt::format("it has no node {}, which this process is", to_string(state_.self)));
  }
  const Topology before = std::exchange(*state_.config.topology, std::move(topology));
  std::size_t told = 0;
  std::erase_if(told_former_place_, [this](LinkId link) { return state_.links.find(link) == nullptr; });
  for (PeerLink& link : state_.links.all()) {
    if (!link.peer_known || link.closing || link.relation == Relation::Guest || link.is_measured()) continue;
    const bool has_place = state_.config.topology->find(link.peer) != nullptr;
    if (has_place && before.find(link.peer) != nullptr &&
        place_of(link.peer) == place_of(before, link.peer)) {
      continue;
    }
    ++told;
    if (link.handshake.over()) {
      tell(link);
    } else {
      told_former_place_.insert(link.id);
    }
  }
  take_own_place(now);
  return told;
}

void Controller::on_connected(PeerLink& link) {
  if (told_former_place_.erase(link.id) > 0) tell(link);
}

/// Tells a registered node of its new place.
void Controller::tell(PeerLink& link) {
  if (state_.config.topology->find(link.peer) == nullptr) {
    state_.log.info(fmt::format("{} is not in the topology any more", to_string(link.peer)));
    // A link that streams use ends when they have another way. The node then connects again, and is refused.
    // So is any other at once, but a client, which comes again as a guest.
    if (link.relation == Relation::Neighbour) return state_.links.send(link, Place{});
    const bool client = link.greeting.kind == PeerKind::Client;
    return state_.links.close(link, client ? ByeReason::NotNeeded : ByeReason::NotInTopology,
                              "the topology has this node no more");
  }
  const Place place = place_of(link.peer);
  const bool is_neighbour =
      std::ranges::any_of(place.peers, [this](const Peer& peer) { return peer.id == state_.self; });
  if (is_neighbour && link.relation == Relation::Control) {
    // The handshake decides what two processes are to each other.
    return state_.links.close(link, ByeReason::NotNeeded, "neighbours by the topology now: connect again");
  }
  state_.links.send(link, place);
}

void Controller::on_ack(PeerLink& link, const Ack& message, Now now) {
  const std::vector<NodeId> ids = named_by(message);
  if (ids.empty() && message.greeting.kind == PeerKind::Client) {
    return admission_.advise(link, NodeId{link.remote.address, 0}, access_offers(link.remote));
  }
  if (ids.empty()) return refuse_stranger(link, message);
  if (ids.size() > 1) {
    return state_.links.close(
        link, ByeReason::Ambiguous,
        fmt::format("the topology has several nodes on this host ({}, {}{}); say which with --id",
                    to_string(ids[0]), to_string(ids[1]), ids.size() > 2 ? ", …" : ""));
  }
  const NodeId& id = ids.front();
  const bool asks_for_its_id = message.ids.size() > 1 || message.ids.front().port == 0;
  if (asks_for_its_id && !admission_.may_claim(id, link)) return admission_.advise(link, id, {});
  if (!admission_.admits(link, id, now)) return;
  const Relation relation = neighbours_.contains(id) ? Relation::Neighbour : Relation::Control;
  admission_.accept(link, id, relation, place_of(id));
}

void Controller::on_access_nodes(PeerLink& link, Now now) {
  const Limits& limits = state_.config.limits;
  if (!link.messages_in.take(limits.messages_per_link_s, limits.burst_s, now.mono)) {
    ++state_.counters.messages_dropped;
    return;
  }
  AccessNodes answer{access_offers(link.remote)};
  state_.log.info(fmt::format("{} has no neighbours: {} access node{} offered",
                              neighbours_.describe(link.peer), answer.nodes.size(),
                              answer.nodes.size() == 1 ? "" : "s"));
  state_.links.send(link, answer);
}

void Controller::refuse_stranger(PeerLink& link, const Ack& message) {
  std::string named;
  for (const NodeId& id : message.ids) {
    named += (named.empty() ? "" : ", ") + to_string(id.port == 0 ? NodeId{id.address, kDefaultPort} : id);
  }
  const bool ours = std::find(message.ids.begin(), message.ids.end(), state_.self) != message.ids.end();
  std::string text =
      ours ? fmt::format("{} is the bootstrapper's own identity; give this node another --id", named)
           : fmt::format(
                 "the topology has no node with the address {}; add one to the bootstrapper's file, "
                 "or start with --id and an address that is in it",
                 named);
  state_.log.warning(fmt::format("refused {}: not in the topology: {}", to_string(link.remote), named));
  state_.links.close(link, ByeReason::NotInTopology, text);
}

std::vector<NodeId> Controller::named_by(const Ack& message) const {
  std::set<NodeId> found;
  for (const NodeId& id : message.ids) {
    for (const Topology::Node* node : state_.config.topology->with_address(id)) found.insert(node->id);
  }
  found.erase(state_.self);
  return {found.begin(), found.end()};
}

Place Controller::place_of(const Topology& topology, const NodeId& id) {
  const Topology::Node& node = *topology.find(id);
  Place place{{}, node.addresses};
  for (const Topology::Neighbour& neighbour : node.neighbours) {
    const Topology::Node& other = *topology.find(neighbour.id);
    const NodeId at = neighbour.at == neighbour.id ? NodeId{} : neighbour.at;
    place.peers.push_back({neighbour.id, neighbour.cost, other.name, at, other.addresses});
  }
  return place;
}

std::vector<NodeId> Controller::access_nodes(const IpAddress& guest) const {
  std::vector<NodeId> nodes;
  for (const PeerLink& link : state_.links.all()) {
    const LinkState* known = link.peer_known ? state_.db.find(link.peer) : nullptr;
    const bool leaving = known != nullptr && known->links.empty();
    if (link.handshake.over() && !link.closing && !leaving && link.greeting.kind == PeerKind::Node) {
      nodes.push_back(link.peer);
    }
  }
  // Nodes that the live graph does not lead to have nothing to give. Where it leads to none (the
  // bootstrapper's own links may be gone), all are offered.
  const auto cut_off = [this](const NodeId& id) {
    return state_.db.find(id) != nullptr && !state_.db.reaches(state_.self, id);
  };
  if (!std::ranges::all_of(nodes, cut_off)) std::erase_if(nodes, cut_off);
  // A guest that came over IPv4 may have no IPv6, and the other way round.
  const auto other_family = [&](const NodeId& id) {
    return nearest_address(id, guest).address.is_v4() != guest.is_v4();
  };
  const std::size_t all = nodes.size();
  std::vector<NodeId> fitting = nodes;
  std::erase_if(fitting, other_family);
  if (fitting.empty() && (all == 0 || !other_family(state_.self))) fitting.push_back(state_.self);
  if (!fitting.empty()) return fitting;
  state_.log.warning(fmt::format("guest {}: no access node has an {} address; others are offered",
                                 to_string(guest), guest.is_v4() ? "IPv4" : "IPv6"));
  return nodes;
}

/// That of a node's addresses which is most like the guest's.
NodeId Controller::nearest_address(const NodeId& id, const IpAddress& guest) const {
  const Topology::Node* node = state_.config.topology->find(id);
  NodeId nearest = id;
  if (node == nullptr) return nearest;  // it is about to be let go
  for (const NodeId& address : node->addresses) {
    if (common_bits(guest, address.address) > common_bits(guest, nearest.address)) nearest = address;
  }
  return nearest;
}

/// The nodes whose addresses are most like the guest's; the guest then measures.
std::vector<Peer> Controller::access_offers(const NodeId& guest) const {
  std::vector<Peer> offers;
  for (const NodeId& node : access_nodes(guest.address)) {
    offers.push_back({nearest_address(node, guest.address), 1, neighbours_.describe(node)});
  }
  std::sort(offers.begin(), offers.end(), [&guest](const Peer& a, const Peer& b) {
    const std::size_t a_bits = common_bits(guest.address, a.id.address);
    const std::size_t b_bits = common_bits(guest.address, b.id.address);
    return a_bits != b_bits ? a_bits > b_bits : a.id < b.id;
  });
  offers.resize(std::min(offers.size(), kAccessOffersMax));
  return offers;
}

}  // namespace ott
