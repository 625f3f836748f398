#include "overlay/access.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(100), std::chrono::seconds(5)};
/// How long a guest waits for the slower access nodes once one has answered.
constexpr Duration kChoiceTime = std::chrono::milliseconds(200);

}  // namespace

PeerLink* Access::link_of(const Node& node) const {
  PeerLink* link = node.link ? state_.links.find(*node.link) : nullptr;
  return link == nullptr || link->closing ? nullptr : link;
}

void Access::offered(const std::vector<Peer>& nodes, Now now) {
  nodes_.clear();
  for (const Peer& node : nodes) nodes_[node.id].name = node.name;
  for (auto& [id, node] : nodes_) call(id, node, now);
}

void Access::call(const NodeId& id, Node& node, Now now) {
  node.link = state_.connect(Purpose::Access, id, now).id;
  node.answered_after.reset();
}

void Access::leave(const std::string& why) {
  const std::map<NodeId, Node> nodes = std::exchange(nodes_, {});
  choose_at_ = MonoTime::max();
  retry_.succeeded();
  ask_bootstrapper_ = complained_ = false;
  trouble_.clear();
  for (const auto& [id, node] : nodes) {
    if (PeerLink* link = link_of(node)) state_.links.close(*link, ByeReason::NotNeeded, why);
  }
}

std::string Access::describe(const PeerLink& link) const {
  const auto node = nodes_.find(link.remote);
  return node == nodes_.end() || node->second.name.empty() ? to_string(link.remote) : node->second.name;
}

void Access::on_speers(PeerLink& link, const Speers& message, Now now) {
  link.relation = Relation::Guest;
  link.you = message.you;
  nodes_[link.remote].answered_after = now.mono - link.opened_at;
  if (choose_at_ == MonoTime::max()) choose_at_ = now.mono + kChoiceTime;
  choose(now);
}

/// Attaches to the nearest one once all have answered or the time for that is over.
void Access::choose(Now now) {
  PeerLink* best = nullptr;
  std::optional<Duration> best_after;
  bool all_answered = true;
  for (const auto& [id, node] : nodes_) {
    PeerLink* link = link_of(node);
    if (link == nullptr) continue;
    if (link->handshake.over() || link->handshake.state() == HandshakeState::FAck) return;  // chosen already
    if (!node.answered_after) all_answered = false;
    if (node.answered_after && (!best_after || *node.answered_after < *best_after)) {
      best = link;
      best_after = node.answered_after;
    }
  }
  if (best != nullptr && !all_answered && now.mono < choose_at_) return;
  choose_at_ = MonoTime::max();
  if (best != nullptr) attach(*best, *best_after);  // else the next answer is the first again
}

void Access::attach(PeerLink& best, Duration answered_after) {
  for (const auto& [id, node] : nodes_) {
    PeerLink* link = link_of(node);
    if (link == nullptr || link == &best) continue;
    state_.links.close(*link, ByeReason::NotNeeded, "another access node is nearer");
  }
  best.rtt = answered_after;
  best.handshake.on(HandshakeEvent::PeersReceived);
  state_.links.send(best, FinalAck{Relation::Guest});
}

void Access::on_connected(const PeerLink& link) {
  if (!state_.is_member()) {
    state_.self = link.you;
    state_.self_known = true;
  }
  retry_.succeeded();
  ask_bootstrapper_ = complained_ = false;
  trouble_.clear();
}

void Access::on_closed(const PeerLink& link, std::string_view why, Now now) {
  const auto node = nodes_.find(link.remote);
  if (node == nodes_.end() || node->second.link != link.id) return;
  node->second.link.reset();
  const bool any_left = std::any_of(nodes_.begin(), nodes_.end(),
                                    [this](const auto& entry) { return link_of(entry.second) != nullptr; });
  if (any_left) return choose(now);
  if (!link.handshake.over()) note_trouble(link, why);
  retry_.schedule(kPauses, state_.random, now);
}

void Access::note_trouble(const PeerLink& last, std::string_view why) {
  std::string tried;
  for (const auto& [id, node] : nodes_) tried += (tried.empty() ? "" : ", ") + to_string(id);
  const bool there = last.peer_bye.has_value();  // it has said why it takes no guest
  if (!there && !state_.config.bootstrap && !state_.config.access_named) {
    return state_.quit(
        fmt::format("no node answers on this host (tried {}). Name one: --bootstrap ADDRESS asks the "
                    "bootstrapper for the nearest, --node ADDRESS attaches to that node",
                    tried));
  }
  trouble_ = fmt::format("no access node {} ({}: {})", there ? "takes this guest" : "answers", tried, why);
  if (!std::exchange(complained_, true)) state_.log.warning(trouble_ + "; trying again");
}

void Access::on_bootstrapper_away(Now now) {
  ask_bootstrapper_ = false;
  retry_.schedule(kPauses, state_.random, now);
}

bool Access::tick(Now now) {
  if (now.mono >= choose_at_) choose(now);
  if (!retry_.take_due(now)) return false;
  if (state_.is_member()) return true;
  state_.self_known = false;
  // Retries go to the known nodes and to the bootstrapper by turns: it may know better nodes, or be away.
  if (std::exchange(ask_bootstrapper_, state_.config.bootstrap.has_value())) {
    state_.config.kind = PeerKind::Client;
    return true;
  }
  state_.config.kind = PeerKind::Guest;
  for (auto& [id, node] : nodes_) call(id, node, now);
  return false;
}

}  // namespace ott
