#include "overlay/joining.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// How many are called at a time: while this node has no neighbour, and then.
constexpr std::size_t kCallsOutside = 3;
constexpr std::size_t kCallsInside = 2;
/// How long a process without --id waits for a connection to tell it its address.
constexpr Duration kIdPatience = seconds(1);
constexpr unsigned kPortsMax = 64;
/// How often neighbours are looked at: at least, and after a change at most; the more nodes there are, the
/// more changes.
constexpr Duration kLookInterval = seconds(2);
constexpr Duration kLookSoon = milliseconds(300);
constexpr Duration kLookSoonPerNode = milliseconds(1);
/// How often it is looked for better ones: the pause grows while there are none.
constexpr Duration kImprovePauseFirst = milliseconds(300);
constexpr Duration kImprovePauseLongest = seconds(4);
/// How long it waits after one change for the next, for each node there is, since all of them are told; and
/// at least.
constexpr Duration kChangePausePerNode = milliseconds(10);
constexpr Duration kChangePauseLeast = seconds(1);
/// How often one former member is called: by each node once in so many seconds as there are nodes, so about
/// once a second by all of them together; the longer it is ago, the rarer.
constexpr Duration kMergePauseLongest = seconds(60);
constexpr Duration kMergeSlower = minutes(20);
constexpr int kMergeSlowest = 3;
/// Pauses after no room was found, and after a link was let go of.
constexpr Duration kRoomPauseFirst = seconds(1);
constexpr Duration kRoomPauseLongest = seconds(30);
constexpr Duration kLetGoPause = seconds(60);
constexpr std::size_t kLetGoMax = 256;
/// How many others a newcomer is told.
constexpr std::size_t kSampleMax = 16;
/// How many round trips are kept, and for how long one is believed.
constexpr std::size_t kMeasuredMax = 1'024;
constexpr Duration kMeasuredFor = minutes(10);
/// After so many BYE 3 in a row, without any neighbour, the process ends: another one has its id.
constexpr unsigned kDuplicatesMax = 5;

}  // namespace

Joining::Joining(OverlayState& state, Neighbours& neighbours, Admission& admission)
    : state_(state), neighbours_(neighbours), admission_(admission), acquaintances_({}) {}

bool Joining::active() const { return state_.config.join && state_.phase == Phase::Running; }

Mesh::Degrees Joining::degrees() const {
  return {state_.config.join->degree_min, state_.config.join->degree_max};
}

// ---- who this process is ---------------------------------------------------------------------------------

void Joining::begin(Now now) {
  look_at_ = now.mono;
  improve_pause_ = kImprovePauseFirst;
  if (state_.config.id) {
    choose_id(*state_.config.id);
  } else {
    choose_id_at_ = now.mono + kIdPatience;
  }
  found(state_.config.join->at, now);
}

void Joining::found(const std::vector<NodeId>& addresses, Now now) {
  for (const NodeId& at : addresses) {
    if (!state_.self_known || at != state_.self) acquaintances_.give(at);
  }
  look_at_ = std::min(look_at_, now.mono);
}

void Joining::discovered(const NodeId& at, Now now) {
  if (state_.self_known && (at == state_.self || state_.db.reaches(state_.self, at))) return;
  acquaintances_.name(at);
  look_at_ = std::min(look_at_, now.mono);
}

/// What this process is called for now: others may see it at another address.
void Joining::choose_id(const NodeId& id) {
  state_.self = id;
  state_.listen();
}

/// It is called so from now on.
void Joining::settle_id() {
  if (std::exchange(state_.self_known, true)) return;
  choose_id_at_ = MonoTime::max();
  acquaintances_.forget(state_.self);
  state_.log.info(fmt::format("this is {}{}, of the overlay '{}'", to_string(state_.self),
                              state_.translated ? ", as others see it" : "", state_.config.overlay_name));
}

/// Takes what the other end has called this process for its id, if it has none yet that others know. False
/// if it is known by another one.
bool Joining::is_called(const NodeId& here, PeerLink& link) {
  if (here == state_.self) return true;
  const LinkState* own = state_.db.find(state_.self);
  const bool serves = own != nullptr && !own->streams.empty();
  if (state_.config.id || state_.links.has_neighbours() || serves) {
    complain(link, fmt::format("it sees this process at {}, and others know it as {}{}", to_string(here),
                               to_string(state_.self),
                               state_.config.id ? "" : "; start it with --id and the address that all see"));
    return false;
  }
  state_.log.warning(
      fmt::format("{} sees this process at {}: there is an address translation between them, so "
                  "others cannot call it",
                  to_string(link.remote), to_string(here)));
  state_.self = here;
  state_.translated = true;
  state_.self_known = false;
  return true;
}

bool Joining::on_opened(PeerLink& link, const NodeId& local) {
  if (state_.self.address.is_unspecified()) choose_id({local.address, kDefaultPort});
  if (listening_) return true;
  link.local = local;
  waiting_.push_back(link.id);
  return false;
}

void Joining::on_listening() {
  listening_ = true;
  if (choose_id_at_ == MonoTime::max()) settle_id();  // nobody has answered in time, or it was told its id
}

/// Several processes of one host that were told no id have a port each.
bool Joining::on_not_listening() {
  if (!state_.config.join || state_.config.id || listening_ || ++ports_tried_ >= kPortsMax) return false;
  std::erase(state_.listening_on, state_.self);
  ++state_.self.port;
  acquaintances_.forget(state_.self);
  state_.listen();
  return true;
}

// ---- accepting -------------------------------------------------------------------------------------------

void Joining::on_ack(PeerLink& link, const Ack& message, Now now) {
  if (!active()) return state_.links.close(link, ByeReason::Leaving, "this node is leaving");
  const Limits& limits = state_.config.limits;
  if (!joins_in_.take(limits.joins_per_s, limits.burst_s, now.mono)) {
    ++state_.counters.joins_refused;
    return state_.links.close(link, ByeReason::NoRoom, "too many join here at a time");
  }
  if (message.ids.size() != 1) return state_.links.close_for_violation(link, "ACK without one id");
  const NodeId& id = message.ids.front();
  settle_id();  // it is called by what it listens on
  if (id == state_.self && message.greeting.incarnation == state_.config.incarnation) {
    return admission_.advise(link, id, {});  // this process itself
  }
  // Behind an address translation it is called by the address and port that are seen here. An id of this
  // address may be claimed by whoever has the address.
  const NodeId& seen = admission_.may_claim(id, link) ? id : link.remote;
  if (!admission_.admits(link, seen, now)) return;
  Place place;
  place.peers = sample();
  admission_.accept(link, seen, Relation::Neighbour, std::move(place));
}

/// Some nodes by chance, for a newcomer to go on with.
std::vector<Peer> Joining::sample() {
  std::vector<Peer> peers;
  std::size_t seen = 0;
  for (const auto& [id, known] : state_.db.all()) {
    if (id == state_.self || !state_.db.reaches(state_.self, id)) continue;
    if (!known.takes_neighbours || known.links.size() >= state_.config.join->degree_max) continue;
    ++seen;
    if (peers.size() < kSampleMax) {
      peers.push_back({id, 1, ""});
    } else if (const std::size_t place = state_.random() % seen; place < kSampleMax) {
      peers[place].id = id;
    }
  }
  return peers;
}

bool Joining::takes(PeerLink& link) {
  const std::size_t count = state_.links.neighbours().size();
  std::size_t most = degrees().most;
  if (link.outgoing()) {  // others may have come while it was called
    if (count >= most) end_call(link, "no room any more");
    return count < most;
  }
  // The last place is for those that the overlay needs it for: who is new here, and the ring.
  if (count + 1 >= most && state_.db.reaches(state_.self, link.peer)) {
    const MeshView view = mesh_view(state_.db, state_.self);
    const auto peer = view.find(link.peer);
    if (peer && !Mesh::is_ring_link(view, view.self, *peer)) --most;
  }
  if (count < most) return true;
  ++state_.counters.joins_refused;
  state_.links.close(link, ByeReason::NoRoom,
                     fmt::format("{} has {} already, and takes no more", to_string(state_.self),
                                 counted(count, "neighbour")));
  return false;
}

// ---- connecting ------------------------------------------------------------------------------------------

bool Joining::is_being_called(const NodeId& to) const {
  return std::ranges::any_of(calls_, [&to](const auto& entry) { return entry.second.to == to; });
}

bool Joining::may_be_called(const NodeId& id, Now now) const {
  return id != state_.self && !neighbours_.contains(id) && !is_being_called(id) &&
         acquaintances_.may_call(id, now);
}

void Joining::call(const NodeId& to, Reason reason, Now now) {
  const Limits& limits = state_.config.limits;
  if (!calls_out_.take(limits.calls_per_s, limits.burst_s, now.mono)) return;
  calls_[state_.connect(Purpose::Join, to, now).id] = {to, reason};
}

void Joining::end_call(PeerLink& link, const std::string& why) {
  state_.links.close(link, ByeReason::NotNeeded, why);
}

void Joining::on_speers(PeerLink& link, const Speers& message, Now now) {
  const auto found = calls_.find(link.id);
  if (found == calls_.end()) return end_call(link, "not needed any more");
  const Call call = found->second;
  const Duration round_trip = now.mono - link.opened_at;
  if (message.me == state_.self) {
    acquaintances_.forget(call.to);
    return end_call(link, "this is the process itself");
  }
  acquaintances_.met(call.to, message.me, now);
  if ((message.greeting.capabilities & kFindsNeighbours) == 0) {
    complain(link, "it takes no neighbours but those that its bootstrapper names; start it with --join, too");
    acquaintances_.failed(call.to, state_.random, now);
    return end_call(link, "this node finds its neighbours itself");
  }
  if (!is_called(message.you, link)) {
    acquaintances_.failed(call.to, state_.random, now);
    return end_call(link, "this process is called differently");
  }
  settle_id();
  for (const Peer& peer : message.peers) {
    if (peer.id != state_.self && !state_.db.reaches(state_.self, peer.id)) acquaintances_.name(peer.id);
  }
  link.rtt = round_trip;
  note_measured(message.me, round_trip, now);
  // Of two connections between the same two, the one that the smaller id made stays.
  for (PeerLink& other : state_.links.all()) {
    if (&other == &link || !other.peer_known || other.peer != message.me || other.closing) continue;
    if (other.relation == Relation::Guest) continue;
    if (other.handshake.over() || message.me < state_.self) return end_call(link, "connected already");
  }
  if (!is_wanted(call, message.me, round_trip)) return end_call(link, "thanks");
  link.relation = Relation::Neighbour;
  link.handshake.on(HandshakeEvent::PeersReceived);
  state_.links.send(link, FinalAck{link.relation});
}

/// Whether the call is to become a link, now that the round trip is known.
bool Joining::is_wanted(const Call& call, const NodeId& id, Duration round_trip) const {
  const std::size_t count = state_.links.neighbours().size();
  if (!active() || count >= degrees().most) return false;
  switch (call.reason) {
    case Reason::Enter:
      return count == 0 || !state_.db.reaches(state_.self, id);
    case Reason::Ring:
      return true;
    case Reason::Merge:
      return !state_.db.reaches(state_.self, id);
    case Reason::Few:
      return count < degrees().least;
    case Reason::Probe:
      return false;
    case Reason::Near:
      break;
  }
  const MeshView view = mesh_view(state_.db, state_.self);
  const auto peer = view.find(id);
  return peer && Mesh(view, degrees()).is_worth_a_link(*peer, round_trip);
}

void Joining::on_connected(PeerLink& link) {
  neighbours_.add(link.peer);
  acquaintances_.found(link.peer);
  let_go_.erase(link.peer);
  measured_.erase(link.peer);
  calls_.erase(link.id);
  trouble_.clear();
  complained_ = false;
  duplicates_ = 0;
}

void Joining::on_closed(const PeerLink& link, std::string_view why, Now now) {
  if (!state_.config.join) return;
  look_at_ = std::min(look_at_, now.mono + milliseconds(10));
  const auto found = calls_.find(link.id);
  if (found == calls_.end()) {
    if (link.up && link.relation == Relation::Neighbour && link.peer_bye &&
        link.peer_bye->reason == ByeReason::NotNeighbour) {
      let_go_[link.peer] = now.mono + kLetGoPause;
    }
    return;
  }
  const Call call = found->second;
  calls_.erase(found);
  if (link.closed_for == ByeReason::NotNeeded) return;
  if (!link.peer_bye) {
    acquaintances_.failed(call.to, state_.random, now);
    if (!state_.links.has_neighbours()) complain(link, why);
    return;
  }
  switch (link.peer_bye->reason) {
    case ByeReason::NotNeeded:
      return;
    case ByeReason::NoRoom:
      return acquaintances_.pause(call.to, kRoomPauseFirst, kRoomPauseLongest, state_.random, now);
    case ByeReason::Duplicate:
      complain(link, link.peer_bye->text);
      if (state_.translated && !state_.links.has_neighbours()) {  // the next one gives it another
        state_.translated = state_.self_known = false;
        state_.self = state_.listening_on.front();
      }
      if (!state_.links.has_neighbours() && ++duplicates_ >= kDuplicatesMax)
        return state_.quit(fmt::format("refused by {}: {}", to_string(call.to), link.peer_bye->text));
      return acquaintances_.failed(call.to, state_.random, now);
    default:
      complain(link, link.peer_bye->text);
      return acquaintances_.failed(call.to, state_.random, now);
  }
}

/// Says once, until there is a neighbour, why there is none.
void Joining::complain(const PeerLink& link, std::string_view why) {
  trouble_ = fmt::format("no neighbour at {}: {}", to_string(link.remote), why);
  if (state_.links.has_neighbours()) return state_.log.info(trouble_);
  if (std::exchange(complained_, true)) return;
  state_.log.warning(trouble_ + "; going on trying, and waiting for others to join here");
}

// ---- time ------------------------------------------------------------------------------------------------

void Joining::on_graph_changed(Now now) {
  const Duration pause = kLookSoonPerNode * static_cast<Duration::rep>(members_.size());
  look_at_ = std::min(look_at_, now.mono + std::clamp(pause, kLookSoon, kLookInterval));
}

MonoTime Joining::next_deadline() const { return std::min(choose_id_at_, look_at_); }

void Joining::tick(Now now) {
  if (now.mono < next_deadline()) return;
  if (now.mono >= choose_id_at_) {
    choose_id_at_ = MonoTime::max();
    if (state_.self.address.is_unspecified() && !state_.config.local_addresses.empty())
      choose_id({state_.config.local_addresses.front(), kDefaultPort});
    if (listening_) settle_id();
  }
  if (now.mono < look_at_) return;
  look_at_ = now.mono + kLookInterval;
  if (!active()) return;
  acquaintances_.tick(now);
  std::erase_if(let_go_, [now](const auto& entry) { return now.mono >= entry.second; });
  state_.links.has_neighbours() ? look(now) : enter(now);
}

/// Without any neighbour: calls whom it has heard of.
void Joining::enter(Now now) {
  if (neighbours_.any_named()) return;
  if (!members_.empty()) {  // all of them are lost
    for (const NodeId& id : std::exchange(members_, {})) {
      if (id != state_.self) acquaintances_.lose(id, now);
    }
  }
  const std::size_t most = state_.self_known ? kCallsOutside : 1;
  for (const NodeId& at :
       acquaintances_.due([this](const NodeId& id) { return id == state_.self; }, state_.random, now)) {
    if (calls_.size() >= most) break;
    if (!is_being_called(at)) call(at, Reason::Enter, now);
  }
  look_at_ = std::min(look_at_, std::max(acquaintances_.next_due(), now.mono + milliseconds(100)));
}

void Joining::look(Now now) {
  const MeshView view = mesh_view(state_.db, state_.self);
  update_members(view, now);
  if (neighbours_.any_named()) return;  // its bootstrapper says with whom it links
  merge(view.nodes.size(), now);
  if (calls_.size() >= kCallsInside) return;
  if (close_ring(view, now) || have_enough(view, now) || now.mono < improve_at_) {
    look_at_ = std::min(look_at_, std::max(improve_at_, now.mono + kLookSoon));
    return;
  }
  improve(view, now);
  look_at_ = std::min(look_at_, improve_at_);
}

void Joining::update_members(const MeshView& view, Now now) {
  std::vector<NodeId> reached;
  reached.reserve(view.nodes.size());
  for (const MeshView::Node& node : view.nodes) reached.push_back(node.id);
  if (reached == members_) return;
  std::vector<NodeId> changed;
  std::ranges::set_difference(members_, reached, std::back_inserter(changed));
  for (const NodeId& id : changed) {
    acquaintances_.lose(id, now);
    measured_.erase(id);
  }
  if (!changed.empty()) merge_at_ = std::min(merge_at_, now.mono + kLookSoon);
  changed.clear();
  std::ranges::set_difference(reached, members_, std::back_inserter(changed));
  for (const NodeId& id : changed) acquaintances_.found(id);
  members_ = std::move(reached);
}

/// Calls one of those that are not reached, so that parts of the overlay that can reach each other again
/// become one.
void Joining::merge(std::size_t members, Now now) {
  if (merge_at_ == MonoTime::max()) merge_at_ = now.mono + kLookInterval;
  if (now.mono < merge_at_) {
    look_at_ = std::min(look_at_, merge_at_);
    return;
  }
  const auto reached = [this](const NodeId& id) { return state_.db.reaches(state_.self, id); };
  const std::vector<NodeId> due = acquaintances_.due(reached, state_.random, now);
  if (!due.empty() && !is_being_called(due.front())) call(due.front(), Reason::Merge, now);
  const auto since = acquaintances_.lost_since(now).value_or(Duration{});
  const auto slower = std::min<Duration::rep>(kMergeSlowest, 1 + since / kMergeSlower);
  Duration pause = std::min<Duration>(seconds(members), kMergePauseLongest) * slower;
  pause += pause / 4 * (static_cast<Duration::rep>(state_.random() % 3) - 1);
  merge_at_ = now.mono + pause;
}

/// Links to the next node on the ring. True if it has called one.
bool Joining::close_ring(const MeshView& view, Now now) {
  const auto unfit = [&](const NodeId& id) {
    return state_.links.neighbour(id) == nullptr && !acquaintances_.may_call(id, now);
  };
  const auto next = Mesh::successor(view, unfit);
  if (!next || state_.links.neighbour(*next) != nullptr) return false;
  if (state_.links.neighbours().size() >= degrees().most) return false;
  if (!is_being_called(*next)) call(*next, Reason::Ring, now);
  return true;
}

/// Links to any that has room while there are too few. True if it has called one.
bool Joining::have_enough(const MeshView& view, Now now) {
  if (state_.links.neighbours().size() >= degrees().least) return false;
  std::vector<NodeId> fit;
  for (const MeshView::Node& node : view.nodes) {
    if (node.takes && node.links.size() + 1 < degrees().most && may_be_called(node.id, now))
      fit.push_back(node.id);
  }
  if (fit.empty()) return false;
  const auto distance = [this](const NodeId& id) {
    const auto measured = measured_.find(id);
    return measured == measured_.end() ? Duration::max() : measured->second.round_trip;
  };
  std::ranges::shuffle(fit, state_.random);
  call(*std::ranges::min_element(fit, {}, distance), Reason::Few, now);
  return true;
}

/// One step towards better neighbours: links to one, lets one go, or measures one.
void Joining::improve(const MeshView& view, Now now) {
  const Mesh mesh(view, degrees());
  const bool may_change = now.mono >= change_at_;
  bool better = may_change && link_to_best(view, mesh, now);
  if (!better) {
    const auto surplus = may_change ? mesh.surplus() : std::nullopt;
    if (surplus) {
      state_.log.info(fmt::format("letting {} go: the way around is hardly longer", to_string(*surplus)));
      if (let_go_.size() < kLetGoMax) let_go_[*surplus] = now.mono + kLetGoPause;
      neighbours_.let_go(*surplus, now);
      better = true;
    } else {
      probe(view, mesh, now);
    }
  }
  if (better) {
    change_at_ = now.mono + std::max(kChangePauseLeast,
                                     kChangePausePerNode * static_cast<Duration::rep>(view.nodes.size()));
  }
  improve_pause_ = std::clamp(better ? improve_pause_ / 2 : improve_pause_ * 5 / 4, kImprovePauseFirst,
                              kImprovePauseLongest);
  improve_at_ = now.mono + improve_pause_;
}

/// Links to the one whose direct round trip, as it was measured, would shorten the way to it most.
bool Joining::link_to_best(const MeshView& view, const Mesh& mesh, Now now) {
  std::erase_if(measured_, [now](const auto& entry) { return now.mono - entry.second.at >= kMeasuredFor; });
  std::optional<NodeId> best;
  double most = 0;
  for (const auto& [id, measured] : measured_) {
    const auto node = view.find(id);
    if (!node || !view.nodes[*node].takes || let_go_.contains(id) || !may_be_called(id, now)) continue;
    if (!mesh.is_worth_a_link(*node, measured.round_trip)) continue;
    const double detour = mesh.detour(*node, measured.round_trip);
    if (best && detour <= most) continue;
    best = id;
    most = detour;
  }
  if (best) call(*best, Reason::Near, now);
  return best.has_value();
}

/// Measures a node by chance, or one that neighbours of neighbours are linked with. True if there is one.
bool Joining::probe(const MeshView& view, const Mesh& mesh, Now now) {
  const auto fits = [&](MeshView::Index node) {
    const NodeId& id = view.nodes[node].id;
    return view.nodes[node].takes && !measured_.contains(id) && may_be_called(id, now);
  };
  std::vector<MeshView::Index> fit;
  if (state_.random() % 2 == 0) {  // near by the overlay: of the nearest ones
    for (MeshView::Index node = 0; node < view.nodes.size(); ++node) {
      if (fits(node)) fit.push_back(node);
    }
    constexpr std::size_t kNearest = 16;
    const auto nearest = fit.begin() + static_cast<std::ptrdiff_t>(std::min(fit.size(), kNearest));
    std::ranges::partial_sort(fit, nearest, {}, [&mesh](MeshView::Index i) { return mesh.lengths()[i]; });
    fit.erase(nearest, fit.end());
  } else {
    for (int tries = 0; tries < 16 && fit.empty(); ++tries) {
      const auto node = static_cast<MeshView::Index>(state_.random() % view.nodes.size());
      if (fits(node)) fit.push_back(node);
    }
  }
  if (fit.empty()) return false;
  call(view.nodes[fit[state_.random() % fit.size()]].id, Reason::Probe, now);
  return true;
}

void Joining::note_measured(const NodeId& id, Duration round_trip, Now now) {
  if (!measured_.contains(id) && measured_.size() >= kMeasuredMax) {
    measured_.erase(
        std::ranges::min_element(measured_, {}, [](const auto& entry) { return entry.second.at; }));
  }
  measured_[id] = {round_trip, now.mono};
}

}  // namespace ott
