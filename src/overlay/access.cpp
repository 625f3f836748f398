#include "overlay/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Retry::Pauses kPauses = {milliseconds(100), seconds(5)};
/// How long a guest waits for the slower access nodes once one has answered.
constexpr Duration kChoiceTime = milliseconds(200);
/// How many connections a guest keeps that measure alone, how often it looks whether one is missing, and how
/// soon it calls a node again that has ended one.
constexpr std::size_t kKeptMax = 2;
constexpr Duration kKeepInterval = seconds(2);
constexpr Retry::Pauses kKeepPauses = {seconds(5), seconds(60)};
/// How long the former access node may go on after the next one is attached to.
constexpr Duration kMoveMax = seconds(3);
/// How long an access node may give nothing of a stream that it lists as live.
constexpr Duration kWithheldMax = milliseconds(2'500);

/// How long a guest stays where it is after a move for the sake of round trips, the first time.
constexpr Duration kStayFirst = seconds(15);

std::string in_ms(Duration time) {
  return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(time).count());
}

std::string how_ended(const PeerLink& link) {
  if (link.peer_bye && link.peer_bye->reason == ByeReason::Leaving) return "the former leaves";
  if (link.peer_bye && link.peer_bye->reason == ByeReason::NoRoom) return "the former has no room";
  return link.closed_for == ByeReason::Silent ? "the former is silent"
                                              : "the connection to the former is lost";
}

}  // namespace

Access::Access(OverlayState& state) : state_(state), damper_(kStayFirst) {}

PeerLink* Access::link_of(const std::optional<LinkId>& id) const {
  PeerLink* link = id ? state_.links.find(*id) : nullptr;
  return link == nullptr || link->closing ? nullptr : link;
}

std::string Access::describe(const NodeId& id) const {
  const auto node = nodes_.find(id);
  return node == nodes_.end() || node->second.name.empty() ? to_string(id) : node->second.name;
}

void Access::offered(const std::vector<Peer>& nodes, Now now) {
  close_all("other access nodes were offered");
  for (const Peer& node : nodes) nodes_[node.id].name = node.name;
  for (auto& [id, node] : nodes_) call(id, node, now);
}

void Access::call(const NodeId& id, Node& node, Now now) {
  node.link = state_.connect(Purpose::Access, id, now).id;
  node.answered_after.reset();
}

void Access::leave(const std::string& why) {
  close_all(why);
  choose_at_ = keep_at_ = MonoTime::max();
  retry_.succeeded();
  ask_bootstrapper_ = complained_ = false;
  trouble_.clear();
}

void Access::close_all(const std::string& why) {
  own_.reset();
  move_.reset();
  const Nodes nodes = std::exchange(nodes_, {});
  for (const auto& [id, node] : nodes) {
    for (PeerLink* link : {link_of(node.link), link_of(node.kept)}) {
      if (link != nullptr) state_.links.close(*link, ByeReason::NotNeeded, why);
    }
  }
}

void Access::finish_handshake(PeerLink& link, Relation relation) {
  link.relation = relation;
  link.handshake.on(HandshakeEvent::PeersReceived);
  state_.links.send(link, FinalAck{relation});
}

void Access::on_speers(PeerLink& link, const Speers& message, Now now) {
  Node& node = nodes_[link.remote];
  if (node.name.empty()) node.name = to_string(message.me);
  link.relation = Relation::Guest;
  link.you = message.you;
  node.answered_after = now.mono - link.opened_at;
  if (node.kept == link.id) return keep(link, node);
  if (move_ && node.link == link.id) return finish_handshake(link, Relation::Guest);
  if (choose_at_ == MonoTime::max()) choose_at_ = now.mono + kChoiceTime;
  choose(now);
}

// ---- the first one ---------------------------------------------------------------------------------------

/// Attaches to the nearest one once all have answered or the time for that is over.
void Access::choose(Now now) {
  PeerLink* best = nullptr;
  std::optional<Duration> best_after;
  bool all_answered = true;
  for (const auto& [id, node] : nodes_) {
    PeerLink* link = link_of(node.link);
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
  if (best == nullptr) return;  // the next answer is the first again
  best->rtt = *best_after;
  attach(*best);
}

void Access::attach(PeerLink& best) {
  std::vector<std::pair<Duration, Node*>> answered;
  std::size_t kept = 0;
  for (auto& [id, node] : nodes_) {
    const PeerLink* link = link_of(node.link);
    if (node.kept) ++kept;
    if (link == nullptr || link == &best || !node.answered_after || node.kept || !keeps()) continue;
    answered.emplace_back(*node.answered_after, &node);
  }
  finish_handshake(best, Relation::Guest);
  own_ = best.remote;
  std::ranges::stable_sort(answered, {}, &std::pair<Duration, Node*>::first);
  for (const auto& [after, node] : answered) {
    if (kept++ >= kKeptMax) break;
    node->kept = std::exchange(node->link, std::nullopt);
    keep(*link_of(node->kept), *node);
  }
  for (auto& [id, node] : nodes_) {
    PeerLink* link = link_of(node.link);
    if (link == nullptr || link == &best) continue;
    state_.links.close(*link, ByeReason::NotNeeded, "another access node is nearer");
  }
}

void Access::on_connected(const PeerLink& link, Now now) {
  Node& node = nodes_[link.remote];
  if (node.kept == link.id) return node.keep_retry.succeeded();
  if (!state_.is_member()) {
    state_.self = link.you;
    state_.self_known = true;
  }
  retry_.succeeded();
  ask_bootstrapper_ = complained_ = false;
  trouble_.clear();
  own_ = link.remote;
  own_since_ = now.mono;
  if (keeps()) keep_at_ = now.mono + kKeepInterval;
  if (!move_) return;
  if (PeerLink* kept = link_of(node.kept))
    state_.links.close(*kept, ByeReason::NotNeeded, "attached by another connection");
  move_->end_at = now.mono + kMoveMax;
  if (former() == nullptr) moved(now);
}

void Access::on_closed(const PeerLink& link, std::string_view why, Now now) {
  const auto found = nodes_.find(link.remote);
  if (found == nodes_.end()) return;
  Node& node = found->second;
  if (node.kept == link.id) return on_kept_closed(node, link, now);
  if (node.link != link.id) return;
  node.link.reset();
  if (move_ && move_->former == link.id) {
    move_->former.reset();
    if (own_ == link.remote) own_.reset();
    if (move_->end_at != MonoTime::max()) moved(now);
    return;
  }
  const bool moving_here = move_ && move_->to == link.remote;
  if (moving_here || own_ == link.remote) return on_own_closed(link, why, now);
  if (own_) return;
  const bool any_left = std::any_of(nodes_.begin(), nodes_.end(), [this](const auto& entry) {
    return link_of(entry.second.link) != nullptr;
  });
  if (any_left) return choose(now);
  if (!link.handshake.over()) note_trouble(link, why);
  retry_.schedule(kPauses, state_.random, now);
}

/// The node that this guest is attached to, or was about to attach to, is gone or takes no guest.
void Access::on_own_closed(const PeerLink& link, std::string_view why, Now now) {
  if (own_ == link.remote) own_.reset();
  const std::optional<Move> move = std::exchange(move_, std::nullopt);
  if (move || !link.up) nodes_[link.remote].standing.failed(now);
  if (const PeerLink* back = move ? link_of(move->former) : nullptr) {
    own_ = move->from;
    state_.self = back->you;
    return state_.log.info(fmt::format("stays with {}: {} does not take this guest ({})",
                                       describe(*move->from), describe(move->to), why));
  }
  const auto best = best_other(now);
  if (best != nodes_.end()) {
    const auto from = link.up && !move ? std::optional(link.remote) : std::nullopt;
    return move_to(best->first, move ? *move : Move{from, {}, {}, how_ended(link)}, now);
  }
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

// ---- the others ------------------------------------------------------------------------------------------

/// A member is a guest for a while only, and addresses that nobody has named are mostly of one node.
bool Access::keeps() const {
  const bool named = state_.config.bootstrap || state_.config.access_named;
  return state_.config.kind == PeerKind::Guest && named;
}

/// The node has answered a connection that is to be kept: says so, unless it takes none, or is the one that
/// this guest is attached to, by another of its addresses.
void Access::keep(PeerLink& link, Node& node) {
  const auto own = own_ ? nodes_.find(*own_) : nodes_.end();
  const PeerLink* own_link = own == nodes_.end() ? nullptr : link_of(own->second.link);
  const bool is_own = own_link != nullptr && own_link->peer == link.peer;
  node.takes_measuring = (link.greeting.capabilities & kTakesMeasuring) != 0;
  if (node.takes_measuring && !is_own) return finish_handshake(link, Relation::Control);
  state_.links.close(link, ByeReason::NotNeeded, "another access node is nearer");
}

void Access::on_kept_closed(Node& node, const PeerLink& link, Now now) {
  node.kept.reset();
  if (own_ == link.remote) return;
  node.standing.forget_round_trips();
  node.keep_retry.schedule(kKeepPauses, state_.random, now);
  keep_some(now);
}

/// Calls nodes until enough connections are kept, those with the least round trips as far as they are known
/// first.
void Access::keep_some(Now now) {
  if (!keeps() || move_ || !own_ || link_of(nodes_[*own_].link) == nullptr) return;
  std::size_t kept = 0;
  std::vector<std::pair<Duration, Nodes::iterator>> others;
  for (auto node = nodes_.begin(); node != nodes_.end(); ++node) {
    const Node& other = node->second;
    const MonoTime due = other.keep_retry.due_at();
    if (link_of(other.kept) != nullptr) ++kept;
    if (other.kept || other.link || !other.takes_measuring || (due != MonoTime::max() && now.mono < due))
      continue;
    others.emplace_back(other.standing.least().value_or(other.answered_after.value_or(Duration::max())),
                        node);
  }
  std::ranges::stable_sort(others, {}, &std::pair<Duration, Nodes::iterator>::first);
  for (const auto& [round_trip, node] : others) {
    if (kept++ >= kKeptMax) return;
    node->second.keep_retry.cancel();
    node->second.kept = state_.connect(Purpose::Access, node->first, now).id;
  }
}

/// Of the nodes to which connections are kept the one with the least round trip, rather one that is not
/// avoided.
Access::Nodes::iterator Access::best_other(Now now) {
  const auto rank = [now](const Node& node) {
    return std::pair(node.standing.is_avoided(now), node.standing.least().value_or(Duration::max()));
  };
  auto best = nodes_.end();
  for (auto node = nodes_.begin(); node != nodes_.end(); ++node) {
    const PeerLink* kept = link_of(node->second.kept);
    if (kept == nullptr || !kept->handshake.over() || own_ == node->first) continue;
    if (best == nodes_.end() || rank(node->second) < rank(best->second)) best = node;
  }
  return best;
}

// ---- moves -----------------------------------------------------------------------------------------------

void Access::on_round_trip(const PeerLink& link, Now now) {
  const auto node = nodes_.find(link.remote);
  if (node == nodes_.end()) return;
  node->second.standing.answered(link.rtt, now);
  if (own_ == link.remote && node->second.link == link.id) compare(now);
}

void Access::compare(Now now) {
  if (!keeps() || move_ || now.mono < damper_.ends_at()) return;
  const auto best = best_other(now);
  const AccessStanding& own = nodes_[*own_].standing;
  if (best == nodes_.end() || !best->second.standing.is_clearly_better_than(own, now)) return;
  const std::string why =
      fmt::format("{} instead of {}", in_ms(*best->second.standing.least()), in_ms(*own.least()));
  move_to(best->first, {own_, nodes_[*own_].link, {}, why, true}, now);
}

void Access::on_withheld(const std::string& stream, MonoTime since, Now now) {
  if (!keeps() || move_ || !own_ || now.mono - std::max(since, own_since_) < kWithheldMax) return;
  const auto best = best_other(now);
  if (best == nodes_.end() || best->second.standing.is_avoided(now)) return;
  nodes_[*own_].standing.failed(now);
  move_to(best->first,
          {own_, nodes_[*own_].link, {}, fmt::format("the former gives nothing of '{}'", stream)}, now);
}

void Access::move_to(const NodeId& to, Move move, Now now) {
  move.to = to;
  move_ = std::move(move);
  call(to, nodes_[to], now);
}

PeerLink* Access::former() {
  const bool attached = move_ && move_->end_at != MonoTime::max();
  return attached ? link_of(move_->former) : nullptr;
}

void Access::settle_move(bool only_former, Now now) {
  PeerLink* link = former();
  if (link == nullptr) return;
  const bool in_use = link->flows_in > 0;
  if (in_use && now.mono < move_->end_at) return;
  if (in_use && only_former) return abandon_move("it does not give all that is watched", now);
  state_.links.close(*link, ByeReason::NotNeeded, "attached to another access node");
  moved(now);
}

void Access::abandon_move(const std::string& why, Now now) {
  const PeerLink* back = former();
  if (back == nullptr) return;
  const Move move = *std::exchange(move_, std::nullopt);
  state_.log.info(fmt::format("stays with {}, not {}: {}", describe(*move.from), describe(move.to), why));
  own_ = move.from;
  state_.self = back->you;
  nodes_[move.to].standing.failed(now);
  if (PeerLink* link = link_of(nodes_[move.to].link)) state_.links.close(*link, ByeReason::NotNeeded, why);
  keep_at_ = now.mono + kKeepInterval;
}

void Access::moved(Now now) {
  const Move move = *std::exchange(move_, std::nullopt);
  if (move.measured) damper_.moved(now.mono);
  if (move.from) {
    state_.log.info(
        fmt::format("moved from {} to {}: {}", describe(*move.from), describe(move.to), move.why));
  }
  keep_at_ = now.mono + kKeepInterval;
}

// ---- time ------------------------------------------------------------------------------------------------

MonoTime Access::next_deadline() const {
  return std::min({retry_.due_at(), choose_at_, keep_at_, move_ ? move_->end_at : MonoTime::max()});
}

bool Access::tick(Now now) {
  if (now.mono >= choose_at_) choose(now);
  if (now.mono >= keep_at_) {
    keep_at_ = keeps() && own_ ? now.mono + kKeepInterval : MonoTime::max();
    keep_some(now);
  }
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
