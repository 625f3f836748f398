#include "overlay/link_states.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

using std::chrono::seconds;

/// A state's lifetime, in overlays of so many nodes; in larger ones it is longer, so that refreshing all of
/// them takes the same share of each link. Its reporter refreshes it in a third of that.
constexpr std::uint16_t kLifetimeS = 600;
constexpr std::size_t kLifetimeNodes = 256;
constexpr unsigned kRefreshesPerLifetime = 3;

std::uint16_t lifetime_s(std::size_t nodes) {
  return static_cast<std::uint16_t>(
      std::clamp<std::size_t>(kLifetimeS * nodes / kLifetimeNodes, kLifetimeS, kLifetimeMaxS));
}

/// How long the state of a reporter that cannot be reached is kept.
constexpr Duration kUnreachableMax = seconds(30);
/// How long after a withdrawal only low sequence numbers are taken. Former states that are still on their
/// way, and other withdrawals, are passed over.
constexpr Duration kWithdrawnFor = seconds(5);
constexpr std::uint64_t kFreshNumbersMax = std::uint64_t{1} << 32U;
/// Unless they follow closely on the last one.
constexpr std::uint64_t kFollowsWithin = 1'000;
/// So many states of another run of this node, in so long, are of a process that runs now.
constexpr unsigned kRivalStates = 10;
constexpr Duration kRivalTime = seconds(60);
/// How often a neighbour is told of withdrawals that it has missed.
constexpr unsigned kWithdrawalsPerLinkS = 100;
constexpr Duration kLookInterval = seconds(1);
/// How long new links wait for others, for each node that is to be told of them; and at most.
constexpr Duration kGrowthPerNode = std::chrono::milliseconds(3);
constexpr Duration kGrowthLongest = seconds(3);
/// How many states a second are handed on at once. Others are collected for so long, for each node that there
/// is; and at most.
constexpr unsigned kStatesAtOncePerS = 50;
constexpr Duration kCollectPerNode = std::chrono::microseconds(200);
constexpr Duration kCollectLongest = std::chrono::milliseconds(200);
/// How many states one link may bring in a second that are new here; the burst takes a whole database.
constexpr unsigned kStatesPerLinkS = 2'000;
constexpr unsigned kStatesPerLinkBurstS = 10;
/// How much of what is due to a link is written at a time.
constexpr std::size_t kChunkBytes = 16U << 10U;

/// Right after a withdrawal: true for a number from before it, and for the withdrawal's own.
bool is_void(std::uint64_t number, std::uint64_t current) {
  return number >= kFreshNumbersMax && (number < current || number - current > kFollowsWithin);
}

LinkState withdrawal_of(const LinkState& state) {
  LinkState withdrawal;
  withdrawal.reporter = state.reporter;
  withdrawal.kind = state.kind;
  withdrawal.incarnation = state.incarnation;
  withdrawal.number = kSequenceMax;
  withdrawal.lifetime_s = kLifetimeS;
  return withdrawal;
}

std::size_t bytes_of(const Links& message) {
  std::size_t bytes =
      256 + message.state.links.size() * sizeof(Adjacency) + message.tracker.visited.size() * sizeof(NodeId);
  for (const StreamInfo& stream : message.state.streams) {
    bytes += sizeof stream + stream.name.size() + stream.kind.size();
  }
  return bytes;
}

}  // namespace

// ---- this node's own state -------------------------------------------------------------------------------

bool LinkStates::own_due(Now now) {
  if (!own_wanted_ || !state_.is_member() || now.mono < own_at_) return false;
  const Limits& limits = state_.config.limits;
  if (!own_rate_.take(limits.own_states_per_s, limits.burst_s, now.mono)) return false;
  own_wanted_ = false;
  return true;
}

void LinkStates::own_changes(Now now) {
  if (own_wanted_) return;
  own_wanted_ = true;
  own_at_ = now.mono + std::min(kGrowthPerNode * static_cast<Duration::rep>(held_.size()), kGrowthLongest);
}

void LinkStates::publish(LinkState own, Now now) {
  own.reporter = state_.self;
  own.kind = state_.config.kind;
  own.incarnation = state_.config.incarnation;
  if (number_ + 1 >= kSequenceMax) withdraw(now);
  own.number = ++number_;
  own.lifetime_s = lifetime_s(held_.size());
  refresh_at_ = now.mono + seconds(own.lifetime_s) / kRefreshesPerLifetime;
  accept({Tracker::everywhere(), std::move(own)}, nullptr, now);
}

/// A neighbour has a state of this node that it has not sent: from before a restart, or a forged one.
void LinkStates::on_own(PeerLink& link, const LinkState& heard, Now now) {
  const LinkState* own = state_.db.find(state_.self);
  if (heard.number < number_ || (own != nullptr && !heard.is_newer_than(*own))) return;
  if (now.mono < withdrawn_until_ && is_void(heard.number, number_)) {
    if (heard.is_withdrawal()) return mark_due(link, state_.self);
    return tell_withdrawn(link, own_withdrawal(), now);
  }
  own_wanted_ = changes_.outbid = true;
  own_at_ = MonoTime{};
  note_rival(heard, now);
  if (heard.number + 1 < kSequenceMax) {
    number_ = heard.number;
    return;
  }
  // No number is left above it, or all numbers have been withdrawn already.
  if (!heard.is_withdrawal()) return withdraw(now);
  number_ = 0;
  withdrawn_until_ = now.mono + kWithdrawnFor;
}

/// Once is a former run of this process; again and again is another process.
void LinkStates::note_rival(const LinkState& heard, Now now) {
  if (heard.incarnation == state_.config.incarnation) return;
  if (now.mono - rival_since_ > kRivalTime) {
    rival_since_ = now.mono;
    rival_states_ = 0;
  }
  if (++rival_states_ != kRivalStates) return;
  state_.log.warning(
      fmt::format("another process says that it is {}, too, or a neighbour says so of it: stop one of the "
                  "two, or give it another --id",
                  to_string(state_.self)));
}

LinkState LinkStates::own_withdrawal() const {
  LinkState own;
  own.reporter = state_.self;
  own.kind = state_.config.kind;
  own.incarnation = state_.config.incarnation;
  return withdrawal_of(own);
}

/// Floods a withdrawal: the sequence begins at 1 again, at once everywhere.
void LinkStates::withdraw(Now now) {
  number_ = 0;
  withdrawn_until_ = now.mono + kWithdrawnFor;
  state_.log.warning(
      "this node's link states have come to their last number, which only a neighbour can have "
      "brought about that speaks in its name; they begin at 1 again");
  // The withdrawal has to arrive before the state that follows it.
  for (const NodeId& id : state_.links.neighbours()) {
    state_.links.send(*state_.links.neighbour(id), Links{Tracker::everywhere(), own_withdrawal()});
  }
}

/// The neighbour has a state from before a withdrawal that it has missed.
void LinkStates::tell_withdrawn(PeerLink& link, const LinkState& withdrawal, Now now) {
  if (!link.withdrawals_out.take(kWithdrawalsPerLinkS, 1, now.mono)) return missed(now);
  state_.links.send(link, Links{Tracker::everywhere(), withdrawal});
  mark_due(link, withdrawal.reporter);
}

// ---- the others' -----------------------------------------------------------------------------------------

void LinkStates::on_links(PeerLink& link, const Links& message, Now now) {
  const LinkState& state = message.state;
  if (state.reporter == state_.self) return on_own(link, state, now);
  const auto found = held_.find(state.reporter);
  Held* held = found == held_.end() ? nullptr : &found->second;
  if (!is_new(state, held, now)) {
    // A neighbour with an older state is sent the newer one: so a restarted node learns its last number. One
    // that has missed a withdrawal is sent it, and what came after it; one that has just heard of it, the
    // latter.
    const LinkState& known = *state_.db.find(state.reporter);
    if (state.is_withdrawal() && !held->withdrawn) return mark_due(link, state.reporter);
    if (state.is_withdrawal()) return;
    if (state.is_newer_than(known)) return tell_withdrawn(link, withdrawal_of(known), now);
    if (known.is_newer_than(state)) return mark_due(link, state.reporter);
    link.due.reporters.erase(state.reporter);  // it has what it was to be sent
    return;
  }
  const Limits& limits = state_.config.limits;
  if (!link.states_in.take(kStatesPerLinkS, kStatesPerLinkBurstS, now.mono)) {
    ++state_.counters.link_states_refused;
    return missed(now);
  }
  if (held != nullptr && !held->rate.take(limits.states_per_reporter_s, limits.burst_s, now.mono)) {
    ++state_.counters.states_deferred;
    return missed(now);
  }
  accept(message, &link, now);
}

bool LinkStates::is_new(const LinkState& state, const Held* held, Now now) const {
  if (held == nullptr) return true;
  const LinkState& known = *state_.db.find(state.reporter);
  const std::uint64_t current = held->withdrawn ? 0 : known.number;
  if (now.mono < held->withdrawn_until && is_void(state.number, current)) return false;
  if (held->withdrawn) return !state.is_withdrawal();
  return state.is_newer_than(known);
}

void LinkStates::accept(const Links& message, const PeerLink* from, Now now) {
  const LinkState& state = message.state;
  const std::size_t bytes = bytes_of(message);
  const auto found = held_.find(state.reporter);
  const std::size_t bytes_before = found == held_.end() ? 0 : found->second.bytes;
  const bool own = state.reporter == state_.self;
  if (!own && !make_room(found == held_.end() ? 1 : 0, bytes - std::min(bytes, bytes_before), now)) {
    ++state_.counters.link_states_refused;
    return missed(now);
  }
  Held& held = held_[state.reporter];
  held.tracker = message.tracker;
  held.withdrawn = state.is_withdrawal();
  const LinkState* known = state_.db.find(state.reporter);
  if (held.withdrawn) {
    // Only the number is void: what the reporter says instead is on its way.
    held.expires = held.withdrawn_until = now.mono + kWithdrawnFor;
    if (known != nullptr) return flood_on(state.reporter, from, now);
  } else {
    held.expires = own ? MonoTime::max() : now.mono + seconds(state.lifetime_s);
  }
  if (known != nullptr && known->incarnation != state.incarnation)
    changes_.restarted.push_back(state.reporter);
  const bool same_streams = known != nullptr && known->streams == state.streams;
  if (known != nullptr && !state.is_newer_than(*known)) {  // after a withdrawal
    changes_.graph = state_.db.remove(state.reporter) || changes_.graph;
  }
  bytes_ += bytes - held.bytes;
  held.bytes = bytes;
  const LinkStateDb::Update update = state_.db.update(state);
  const bool graph = update == LinkStateDb::Update::Graph;
  changes_.states = changes_.states || update != LinkStateDb::Update::Facts || !same_streams;
  changes_.facts = changes_.facts || update == LinkStateDb::Update::Facts;
  changes_.graph = changes_.graph || graph;
  graph_moved_ = graph_moved_ || graph;
  flood_on(state.reporter, from, now);
}

void LinkStates::flood_on(const NodeId& reporter, const PeerLink* from, Now now) {
  // The state goes also to those that the Tracker says have handled it: a forged one must reach its reporter.
  for (const NodeId& id : state_.links.neighbours()) {
    PeerLink& neighbour = *state_.links.neighbour(id);
    if (&neighbour == from) {
      neighbour.due.reporters.erase(reporter);
    } else {
      neighbour.due.reporters.insert(reporter);
    }
  }
  const bool at_once = at_once_.take(kStatesAtOncePerS, 1, now.mono);
  if (at_once && flood_at_ == MonoTime::max()) return flood_collected();
  const Duration pause = kCollectPerNode * static_cast<Duration::rep>(held_.size());
  flood_at_ = std::min(flood_at_, now.mono + std::min(pause, kCollectLongest));
}

void LinkStates::flood_collected() {
  flood_at_ = MonoTime::max();
  for (const NodeId& id : state_.links.neighbours()) {
    PeerLink& link = *state_.links.neighbour(id);
    if (link.due.reporters.empty()) continue;
    link.states_due = true;
    state_.links.want_send(link);
  }
}

void LinkStates::forget(const NodeId& reporter) {
  const auto found = held_.find(reporter);
  if (found == held_.end()) return;
  bytes_ -= found->second.bytes;
  held_.erase(found);
  graph_moved_ = state_.db.remove(reporter) || graph_moved_;
  // Even if nothing led to it, an origin may count it as a watcher still.
  changes_.states = changes_.graph = true;
}

/// True if there is room for so many states and bytes more; states of reporters that cannot be reached are
/// dropped for it. A newer state of a known reporter needs no room unless it is longer. It is taken even when
/// the table is full, since it may cut off the invented reporters that fill the table.
bool LinkStates::make_room(std::size_t states, std::size_t bytes, Now now) {
  const Limits& limits = state_.config.limits;
  const auto fits = [&] {
    return (states == 0 || held_.size() + states <= limits.link_states) &&
           (bytes == 0 || bytes_ + bytes <= limits.link_state_bytes);
  };
  if (fits()) return true;
  if (now.mono < made_room_at_ + kLookInterval) return false;
  made_room_at_ = now.mono;
  forget_unreachable(now, true);
  missed(now);  // a way to them may be about to be known
  return fits();
}

/// A state was not taken for want of room: SYNC asks for all of them again, a while later.
void LinkStates::missed(Now now) { sync_at_ = std::min(sync_at_, now.mono + 2 * kLookInterval); }

// ---- towards neighbours ----------------------------------------------------------------------------------

void LinkStates::mark_due(PeerLink& link, const NodeId& reporter) {
  link.due.reporters.insert(reporter);
  link.states_due = true;
  state_.links.want_send(link);
}

void LinkStates::on_sync(PeerLink& link, Now now) {
  if (!link.due.all_from && link.syncs_in.take(1, 1, now.mono)) send_all(link);
}

void LinkStates::send_all(PeerLink& link) {
  if (held_.empty()) return;
  link.due.all_from = state_.db.all().begin()->first;
  link.states_due = true;
  state_.links.want_send(link);
}

void LinkStates::write(PeerLink& link, const LinkState& state, const Tracker& tracker, Now now) {
  const Held& held = held_.at(state.reporter);
  Links message{flood(tracker, state_.self, {}).tracker, held.withdrawn ? withdrawal_of(state) : state};
  const MonoTime expires = held.expires;
  if (expires != MonoTime::max()) {
    const auto left = (expires - now.mono) / seconds(1);
    message.state.lifetime_s = static_cast<std::uint16_t>(std::clamp<Duration::rep>(left, 1, kLifetimeMaxS));
  }
  state_.links.send(link, message);
}

void LinkStates::write_before(PeerLink& link, const NodeId& reporter, Now now) {
  StatesDue& due = link.due;
  const bool in_turn = due.all_from && *due.all_from <= reporter;
  if (due.reporters.erase(reporter) == 0 && !in_turn) return;
  const LinkState* state = state_.db.find(reporter);
  if (state != nullptr) write(link, *state, held_.at(reporter).tracker, now);
}

void LinkStates::write_due(PeerLink& link, Now now) {
  StatesDue& due = link.due;
  while (link.outbox.size() < kChunkBytes && !due.reporters.empty()) {
    const NodeId reporter = *due.reporters.begin();
    due.reporters.erase(due.reporters.begin());
    const LinkState* state = state_.db.find(reporter);
    if (state != nullptr) write(link, *state, held_.at(reporter).tracker, now);
  }
  while (link.outbox.size() < kChunkBytes && due.all_from) {
    const auto known = state_.db.all().lower_bound(*due.all_from);
    due.all_from.reset();
    if (known == state_.db.all().end()) break;
    const auto& [reporter, state] = *known;
    // A neighbour that has handled a state before it was restarted is to take it again. What cannot be
    // reached is about to be forgotten, and two neighbours must not remind each other of it; but a neighbour
    // hears of its own former state.
    const bool counts =
        reporter == link.peer || reporter == state_.self || state_.db.reaches(state_.self, reporter);
    if (counts) {
      write(link, state, Tracker::everywhere(), now);
    } else {  // it is handed on as soon as there is a way to its reporter again
      Held& held = held_.at(reporter);
      held.unreachable_since = std::min(held.unreachable_since, now.mono);
      some_unreachable_ = true;
    }
    if (const auto next = std::next(known); next != state_.db.all().end()) due.all_from = next->first;
  }
  link.states_due = !due.reporters.empty() || due.all_from.has_value();
  link.states_had_turn = true;
}

// ---- time ------------------------------------------------------------------------------------------------

[[gnu::hot]] MonoTime LinkStates::next_deadline() const {
  MonoTime next = std::min({refresh_at_, sync_at_, flood_at_});
  if (!held_.empty()) next = std::min(next, look_at_);
  const Limits& limits = state_.config.limits;
  if (own_wanted_ && state_.is_member())
    next = std::min(next, std::max(own_at_, own_rate_.ready_at(limits.own_states_per_s, limits.burst_s)));
  return next;
}

void LinkStates::forget_unreachable(Now now, bool at_once) {
  some_unreachable_ = false;
  std::vector<NodeId> gone;
  for (const auto& [reporter, state] : state_.db.all()) {
    Held& held = held_.at(reporter);
    if (reporter == state_.self || state_.db.reaches(state_.self, reporter)) {
      if (held.unreachable_since != MonoTime::max()) flood_on(reporter, nullptr, now);
      held.unreachable_since = MonoTime::max();
      continue;
    }
    some_unreachable_ = true;
    held.unreachable_since = std::min(held.unreachable_since, now.mono);
    if (at_once || now.mono - held.unreachable_since >= kUnreachableMax) gone.push_back(reporter);
  }
  for (const NodeId& reporter : gone) forget(reporter);
}

[[gnu::hot]] void LinkStates::tick(Now now) {
  if (now.mono >= refresh_at_) {
    refresh_at_ = MonoTime::max();
    own_wanted_ = true;
  }
  if (now.mono >= sync_at_) {
    sync_at_ = MonoTime::max();
    for (const NodeId& id : state_.links.neighbours()) state_.links.send(*state_.links.neighbour(id), Sync{});
  }
  if (now.mono >= flood_at_) flood_collected();
  if (now.mono < look_at_) return;
  look_at_ = now.mono + kLookInterval;
  std::vector<NodeId> expired;
  for (const auto& [reporter, held] : held_) {
    if (now.mono >= held.expires) expired.push_back(reporter);
  }
  for (const NodeId& reporter : expired) forget(reporter);
  if (std::exchange(graph_moved_, false) || some_unreachable_) forget_unreachable(now, false);
}

}  // namespace ott
