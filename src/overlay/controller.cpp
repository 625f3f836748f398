#include "overlay/controller.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

constexpr std::size_t kAccessOffersMax = 4;

std::size_t common_bits(const IpAddress& a, const IpAddress& b) {
  std::size_t bits = 0;
  while (bits < 128 && ((a.bytes[bits / 8] ^ b.bytes[bits / 8]) & (0x80U >> bits % 8)) == 0) ++bits;
  return bits;
}

}  // namespace

void Controller::begin() {
  state_.self = *state_.config.id;
  state_.self_known = true;
  neighbours_.set(neighbours_of(state_.self));
  state_.links.requests().listen.push_back(state_.self);
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
  admission_.accept(link, id, relation, neighbours_of(id));
}

void Controller::on_access_nodes(PeerLink& link, Now now) {
  const Limits& limits = state_.config.limits;
  if (!link.messages_in.take(limits.messages_per_link_s, limits.burst_s, now.mono)) {
    ++state_.counters.messages_dropped;
    return;
  }
  AccessNodes answer{access_offers(link.remote)};
  state_.log.info(fmt::format("{} has no neighbours: {} access nodes offered",
                              neighbours_.describe(link.peer), answer.nodes.size()));
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
  std::vector<NodeId> found;
  for (const Topology::Node& node : state_.config.topology->nodes) {
    const bool named = std::any_of(message.ids.begin(), message.ids.end(), [&node](const NodeId& id) {
      return id.address == node.id.address && (id.port == 0 || id.port == node.id.port);
    });
    if (named && node.id != state_.self) found.push_back(node.id);
  }
  return found;
}

std::vector<Peer> Controller::neighbours_of(const NodeId& id) const {
  std::vector<Peer> peers;
  for (const Topology::Neighbour& neighbour : state_.config.topology->find(id)->neighbours) {
    peers.push_back({neighbour.id, neighbour.cost, state_.config.topology->find(neighbour.id)->name});
  }
  return peers;
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
  const auto other_family = [&guest](const NodeId& id) { return id.address.is_v4() != guest.is_v4(); };
  const std::size_t all = nodes.size();
  std::vector<NodeId> fitting = nodes;
  std::erase_if(fitting, other_family);
  if (fitting.empty() && (all == 0 || !other_family(state_.self))) fitting.push_back(state_.self);
  if (!fitting.empty()) return fitting;
  state_.log.warning(fmt::format("guest {}: no access node has an {} address; others are offered",
                                 to_string(guest), guest.is_v4() ? "IPv4" : "IPv6"));
  return nodes;
}

/// The nodes whose addresses are most like the guest's; the guest then measures.
std::vector<Peer> Controller::access_offers(const NodeId& guest) const {
  std::vector<NodeId> nodes = access_nodes(guest.address);
  std::sort(nodes.begin(), nodes.end(), [&guest](const NodeId& a, const NodeId& b) {
    const std::size_t a_bits = common_bits(guest.address, a.address);
    const std::size_t b_bits = common_bits(guest.address, b.address);
    return a_bits != b_bits ? a_bits > b_bits : a < b;
  });
  nodes.resize(std::min(nodes.size(), kAccessOffersMax));
  std::vector<Peer> offers;
  for (const NodeId& node : nodes) offers.push_back({node, 1, neighbours_.describe(node)});
  return offers;
}

}  // namespace ott
