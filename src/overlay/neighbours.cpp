#include "overlay/neighbours.h"

#include <fmt/format.h>

#include <algorithm>

#include "overlay/admission.h"

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(500), std::chrono::seconds(10)};

}  // namespace

void Neighbours::set(const std::vector<Peer>& peers) {
  all_.clear();
  for (const Peer& peer : peers) all_[peer.id] = {peer.cost, peer.name, {}};
  for (const NodeId& id : state_.links.neighbours()) {  // the topology may have changed
    if (all_.contains(id)) continue;
    state_.links.close(*state_.links.neighbour(id), ByeReason::NotNeighbour, "no neighbours any more");
  }
}

void Neighbours::on_listening(Now now) {
  listening_ = true;
  connect(now);
}

void Neighbours::connect(Now now) {
  if (!listening_) return;
  for (auto& [id, neighbour] : all_) {
    if (!is_to_be_called(id) || state_.links.with_node(id) != nullptr) continue;
    neighbour.retry.cancel();
    call(id, now);
  }
}

bool Neighbours::is_to_be_called(const NodeId& id) const {
  return !state_.config.topology && id != state_.bootstrapper;
}

void Neighbours::call(const NodeId& id, Now now) {
  state_.connect(Purpose::Neighbour, id, now).identified(id);
}

void Neighbours::on_ack(PeerLink& link, const Ack& message, Admission& admission, Now now) {
  const NodeId& id = message.ids.front();
  if (message.ids.size() != 1 || !all_.contains(id)) {
    state_.log.info(fmt::format("refused {}: no neighbour of this node", to_string(link.remote)));
    return state_.links.close(link, ByeReason::NotNeighbour,
                              fmt::format("{} is a node, not the bootstrapper, and has no neighbour {}",
                                          to_string(state_.self), to_string(id)));
  }
  if (admission.admits(link, id, now)) admission.accept(link, id, Relation::Neighbour, {});
}

void Neighbours::on_connected(const PeerLink& link) {
  const auto neighbour = all_.find(link.peer);
  if (neighbour != all_.end() && link.is_neighbour()) neighbour->second.retry.succeeded();
}

void Neighbours::on_closed(const PeerLink& link, Now now) {
  const NodeId& peer = link.purpose == Purpose::Neighbour ? link.remote : link.peer;
  const auto neighbour = all_.find(peer);
  if (neighbour == all_.end() || !is_to_be_called(peer)) return;
  Retry& retry = neighbour->second.retry;
  if (link.handshake.over()) retry.succeeded();
  retry.schedule(kPauses, state_.random, now);
}

[[gnu::hot]] MonoTime Neighbours::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& [id, neighbour] : all_) next = std::min(next, neighbour.retry.due_at());
  return next;
}

void Neighbours::tick(Now now) {
  for (auto& [id, neighbour] : all_) {
    if (neighbour.retry.take_due(now) && state_.links.with_node(id) == nullptr) call(id, now);
  }
}

std::uint32_t Neighbours::cost(const NodeId& neighbour) const {
  const auto found = all_.find(neighbour);
  return found == all_.end() ? 1 : found->second.cost;
}

std::string Neighbours::describe(const NodeId& id) const {
  const auto found = all_.find(id);
  std::string name = found == all_.end() ? "" : found->second.name;
  if (state_.config.topology) {
    const Topology::Node* node = state_.config.topology->find(id);
    if (node != nullptr) name = node->name;
  }
  return name.empty() ? to_string(id) : fmt::format("{} ({})", to_string(id), name);
}

}  // namespace ott
