#include "overlay/fallback.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long a member waits for a neighbour: longer than the first pause before neighbours connect again, and
/// with all that follows well within the history of rings, so that nothing is lost meanwhile.
constexpr Duration kNeighbourPatience = milliseconds(700);
/// And when it has just started, as all others may have.
constexpr Duration kFirstPatience = seconds(3);
/// How long the bootstrapper may take to answer.
constexpr Duration kAnswerTimeMax = milliseconds(500);
/// How long a member that has neighbours again keeps an access link that brings nothing.
constexpr Duration kLinger = seconds(1);
/// How many of the nodes that it knows a member tries at a time.
constexpr std::size_t kKnownNodesMax = 8;

}  // namespace

bool Fallback::applies() const {
  return state_.config.kind == PeerKind::Client && state_.is_member() && state_.phase == Phase::Running;
}

void Fallback::settle(Now now) {
  if (!applies()) return;
  if (!state_.links.has_neighbours()) {
    end_at_ = MonoTime::max();
    if (active_ || begin_at_ != MonoTime::max()) return;
    begin_at_ = now.mono + (had_neighbours_ ? kNeighbourPatience : kFirstPatience);
    return;
  }
  had_neighbours_ = true;
  begin_at_ = MonoTime::max();
  if (!active_) return;
  const PeerLink* access = state_.links.access();
  if (access == nullptr) return end();
  end_at_ = access->flows_in > 0 ? MonoTime::max() : std::min(end_at_, now.mono + kLinger);
}

void Fallback::tick(Now now) {
  if (now.mono < next_deadline()) return;
  if (!applies()) {
    begin_at_ = known_at_ = end_at_ = MonoTime::max();
    return;
  }
  if (now.mono >= begin_at_) {
    begin_at_ = MonoTime::max();
    active_ = true;
    failed_ = false;
    seek(now);
  }
  if (now.mono >= known_at_) try_known(now);
  if (now.mono >= end_at_) end();
}

void Fallback::seek(Now now) {
  if (!active_) return;
  PeerLink* bootstrapper = registration_.control_link();
  if (bootstrapper == nullptr) return try_known(now);
  known_at_ = now.mono + kAnswerTimeMax;
  state_.links.send(*bootstrapper, AccessNodes{});
}

void Fallback::on_access_nodes(const PeerLink& link, const AccessNodes& message, Now now) {
  if (known_at_ == MonoTime::max() || registration_.control_link() != &link) return;
  if (message.nodes.empty()) return try_known(now);
  known_at_ = MonoTime::max();
  std::vector<Peer> nodes = message.nodes;
  // Where these do not answer, the bootstrapper is the one that is known to.
  if (std::exchange(failed_, true)) nodes.push_back({*state_.config.bootstrap, 1, "the bootstrapper"});
  access_.offered(nodes, now);
}

/// Without the bootstrapper: the nodes whose link states are here still, and the bootstrapper's address
/// again.
void Fallback::try_known(Now now) {
  known_at_ = MonoTime::max();
  access_.offered(known_nodes(), now);
}

std::vector<Peer> Fallback::known_nodes() {
  std::vector<Peer> nodes;
  for (const auto& [id, known] : state_.db.all()) {
    const bool serves = known.kind == PeerKind::Node || known.kind == PeerKind::Bootstrap;
    if (serves && !neighbours_.contains(id)) nodes.push_back({id, 1, ""});
  }
  std::shuffle(nodes.begin(), nodes.end(), state_.random);
  nodes.resize(std::min(nodes.size(), kKnownNodesMax));
  for (const NodeId& at : joining_.known()) {
    if (nodes.size() < kKnownNodesMax) nodes.push_back({at, 1, ""});
  }
  if (state_.config.bootstrap) nodes.push_back({*state_.config.bootstrap, 1, "the bootstrapper"});
  return nodes;
}

void Fallback::on_attached(const PeerLink& link) {
  failed_ = false;
  state_.log.warning(fmt::format("no neighbour {}: going on as a guest of {}",
                                 had_neighbours_ ? "is left" : "answers", access_.describe(link)));
}

void Fallback::end() {
  const bool attached = state_.links.access() != nullptr;
  active_ = false;
  known_at_ = end_at_ = MonoTime::max();
  access_.leave("a neighbour is back");
  if (!attached) return;
  std::string linked;
  for (const NodeId& id : state_.links.neighbours()) {
    linked += (linked.empty() ? "" : ", ") + neighbours_.describe(id);
  }
  state_.log.info("back as a member: linked with " + linked);
}

}  // namespace ott
