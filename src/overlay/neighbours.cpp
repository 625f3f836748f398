#include "overlay/neighbours.h"

#include <fmt/format.h>

#include <algorithm>

#include "overlay/admission.h"

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(500), std::chrono::seconds(10)};
/// How long a link to a former neighbour may go on, for streams that have no other parent yet; and how often
/// it is looked at.
constexpr Duration kLeaveMax = std::chrono::seconds(2);
constexpr Duration kLookInterval = std::chrono::milliseconds(100);

}  // namespace

void Neighbours::set(const std::vector<Peer>& peers, Now now) {
  std::map<NodeId, Neighbour> all;
  for (const Peer& peer : peers) {
    const auto known = all_.find(peer.id);
    all[peer.id] = {peer, known == all_.end() ? Retry{} : known->second.retry};
  }
  for (const auto& [id, neighbour] : all_) {
    if (neighbour.found) all.try_emplace(id, neighbour);
  }
  all_ = std::move(all);
  changed_ = true;
  std::erase_if(leaving_, [this](const auto& entry) { return all_.contains(entry.first); });
  for (const NodeId& id : state_.links.neighbours()) {
    if (!all_.contains(id)) leaving_.try_emplace(id, now.mono + kLeaveMax);
  }
  // Not at once: trees that are on their way may still lead over them.
  look_at_ = now.mono + kLookInterval;
}

void Neighbours::add(const NodeId& id) {
  leaving_.erase(id);
  all_.try_emplace(id, Neighbour{{id, 1, ""}, {}, true});
}

void Neighbours::let_go(const NodeId& id, Now now) {
  if (all_.erase(id) == 0) return;
  changed_ = true;
  leaving_.try_emplace(id, now.mono + kLeaveMax);
  look_at_ = now.mono + kLookInterval;
}

/// Ends links to former neighbours that no stream needs any more.
void Neighbours::end_unused(Now now) {
  std::erase_if(leaving_, [this, now](const auto& entry) {
    PeerLink* link = state_.links.neighbour(entry.first);
    if (link == nullptr) return true;
    const bool in_use = link->flows_in > 0 || link->has_feeds();
    if (in_use && now.mono < entry.second) return false;
    state_.links.close(*link, ByeReason::NotNeighbour, "no neighbours any more");
    return true;
  });
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
    call(neighbour, now);
  }
}

bool Neighbours::is_to_be_called(const NodeId& id) const {
  return !state_.config.topology && id != state_.bootstrapper && !is_found(id);
}

void Neighbours::call(const Neighbour& neighbour, Now now) {
  state_.connect(Purpose::Neighbour, neighbour.peer.where(), now).identified(neighbour.peer.id);
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
  const auto neighbour = all_.find(link.peer);
  if (neighbour == all_.end()) return;
  if (neighbour->second.found && link.up && state_.links.with_node(link.peer) == nullptr) {
    all_.erase(neighbour);
    return;
  }
  if (!is_to_be_called(link.peer)) return;
  Retry& retry = neighbour->second.retry;
  if (link.handshake.over()) retry.succeeded();
  retry.schedule(kPauses, state_.random, now);
}

[[gnu::hot]] MonoTime Neighbours::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& [id, neighbour] : all_) next = std::min(next, neighbour.retry.due_at());
  if (!leaving_.empty()) next = std::min(next, look_at_);
  return next;
}

void Neighbours::tick(Now now) {
  for (auto& [id, neighbour] : all_) {
    if (neighbour.retry.take_due(now) && state_.links.with_node(id) == nullptr) call(neighbour, now);
  }
  if (leaving_.empty() || now.mono < look_at_) return;
  look_at_ = now.mono + kLookInterval;
  end_unused(now);
}

std::span<const NodeId> Neighbours::addresses(const NodeId& id) const {
  if (state_.config.topology) {
    const Topology::Node* node = state_.config.topology->find(id);
    return node == nullptr ? std::span<const NodeId>{} : node->addresses;
  }
  const auto found = all_.find(id);
  return found == all_.end() ? std::span<const NodeId>{} : found->second.peer.addresses;
}

std::uint32_t Neighbours::cost(const NodeId& neighbour) const {
  const auto found = all_.find(neighbour);
  return found == all_.end() ? 1 : found->second.peer.cost;
}

std::string Neighbours::names() const {
  std::string names;
  for (const auto& [id, neighbour] : all_) names += (names.empty() ? "" : ", ") + describe(id);
  return names;
}

std::vector<NodeId> Neighbours::named(std::string_view name) const {
  std::vector<NodeId> found;
  if (state_.config.topology) {
    for (const Topology::Node& node : state_.config.topology->nodes) {
      if (node.name == name) found.push_back(node.id);
    }
    return found;
  }
  for (const auto& [id, neighbour] : all_) {
    if (neighbour.peer.name == name) found.push_back(id);
  }
  return found;
}

std::string Neighbours::name(const NodeId& id) const {
  if (state_.config.topology) {
    if (const Topology::Node* node = state_.config.topology->find(id)) return node->name;
  }
  const auto found = all_.find(id);
  return found == all_.end() ? "" : found->second.peer.name;
}

std::string Neighbours::describe(const NodeId& id) const {
  const std::string known = name(id);
  return known.empty() ? to_string(id) : fmt::format("{} ({})", to_string(id), known);
}

}  // namespace ott
