#include "overlay/overlay.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"

namespace ott {
namespace {

using std::chrono::seconds;

/// How long a node that was told to stop waits for its children to find other parents.
constexpr Duration kRetireMax = seconds(2);
/// What a link costs while it is damped: more than any way around.
constexpr std::uint32_t kDampedLinkCost = 10 * kLinkCostMax;
/// How often a second the consequences of changed link states are drawn. After a pause they are drawn at
/// once.
constexpr unsigned kSettlesPerS = 50;

/// The protocol's OFFLINE is no failure: the node is registered, and this is no overlay link.
std::string_view state_for_people(const PeerLink& link) {
  if (link.is_measured()) return "measured";
  const HandshakeState state = link.handshake.state();
  return state == HandshakeState::Offline ? "registered" : to_string(state);
}

}  // namespace

/// The links on which a message of a type may come.
enum class Overlay::Audience : std::uint8_t {
  Handshake,
  Anybody,
  Guests,
  Connected,
  AccessNodes,
  Neighbours,
  Registered
};

Overlay::Overlay(OverlayConfig config, Log& log)
    : state_(std::move(config), log),
      link_states_(state_),
      streams_(state_),
      neighbours_(state_),
      handshakes_(state_, neighbours_),
      flows_(state_, link_states_, interests_),
      origin_(state_, flows_, interests_, neighbours_),
      watches_(state_, link_states_, streams_, interests_, flows_, origin_),
      absences_(state_, neighbours_, handshakes_, streams_, interests_, flows_),
      figures_(state_, streams_, origin_),
      films_(state_, streams_, interests_),
      whys_(state_, streams_, origin_),
      looks_(state_),
      pings_(state_, [this](const NodeId& id) { return neighbours_.describe(id); }),
      messages_(state_, neighbours_),
      measurements_(state_),
      liveness_(state_, neighbours_, measurements_),
      data_(state_, flows_) {
  const OverlayConfig& told = state_.config;
  if (told.join && told.join->discovers)
    discovery_.emplace(told.overlay_name, told.incarnation, told.random_seed, told.limits, state_.counters);
}

// ---- what the driver says --------------------------------------------------------------------------------

void Overlay::begin(Now now) {
  state_.log.tick(now.mono);
  liveness_.begin(now);
  if (discovery_) discovery_->begin(now);
  handshakes_.begin(now);
  settle(now);
}

void Overlay::found(const std::vector<NodeId>& addresses, Now now) {
  now = own(now);
  handshakes_.found(addresses, now);
  settle(now);
}

void Overlay::found_to_join(const std::vector<NodeId>& addresses, Now now) {
  now = own(now);
  handshakes_.found_to_join(addresses, now);
  settle(now);
}

void Overlay::heard(ByteSpan datagram, const IpAddress& from, Now now) {
  now = own(now);
  if (const auto at = discovery_->on_datagram(datagram, from, now)) handshakes_.discovered(*at, now);
  settle(now);
}

std::optional<DiscoveryHello> Overlay::hello_due(Now now) {
  if (!discovery_) return std::nullopt;
  const auto id = handshakes_.takes_neighbours() ? std::optional(state_.self) : std::nullopt;
  return discovery_->due({id, state_.links.has_neighbours()}, own(now));
}

void Overlay::listening(const NodeId& at, const std::optional<Error>& error, Now now) {
  now = own(now);
  handshakes_.on_listening(at, error, now);
  if (!error) link_states_.own_changed();
  settle(now);
}

LinkId Overlay::accepted(const NodeId& remote, Now now) { return handshakes_.on_accepted(remote, own(now)); }

void Overlay::opened(LinkId id, const NodeId& local, Now now) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr || link->closing) return;
  handshakes_.on_opened(*link, local, own(now));
}

void Overlay::closed(LinkId id, std::string_view why, Now now) {
  now = own(now);
  PeerLink* link = state_.links.find(id);
  if (link == nullptr) return;
  if (!link->closing && link->handshake.over() && !link->is_measured()) {
    state_.log.info(fmt::format("{}: connection lost: {}", neighbours_.describe(link->peer), why));
  }
  if (link->close_reason.empty()) link->close_reason = why;
  state_.links.note_ended(*link);
  settle(now);
  if (state_.phase != Phase::Left) handshakes_.on_closed(*link, link->close_reason, now);
  state_.links.remove(id);
  if (state_.dismissal && state_.phase == Phase::Running && !retire(now)) state_.quit(*state_.dismissal);
}

MutableByteSpan Overlay::recv_slice(LinkId id) {
  PeerLink* link = state_.links.find(id);
  return link == nullptr ? MutableByteSpan{} : data_.recv_slice(*link);
}

bool Overlay::recv_advance(LinkId id, std::size_t bytes, Now now) {
  now = own(now);
  PeerLink& link = *state_.links.find(id);
  if (data_.received(link, bytes, now)) return link.receiving->watched_here;
  std::string complaint;
  bool only_records = !link.closing;
  while (!link.closing) {
    const auto control = data_.next_control(link, now, complaint);
    if (!control) break;
    only_records = false;
    handle(link, *control, now);
  }
  if (!complaint.empty()) {
    state_.log.warning(fmt::format("{}: closing: {}", link.name(), complaint));
    state_.links.close(link, ByeReason::Protocol, complaint);
  }
  if (!link.closing) data_.keep_rest(link);
  if (only_records && complaint.empty()) return data_.came_for_here();
  settle(now);
  return true;
}

std::size_t Overlay::send_slices(LinkId id, Now now, std::span<ByteSpan> pieces) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr) return 0;
  now = own(now);
  const std::size_t count =
      link->states_due ? slices_with_states(*link, now, pieces) : data_.send_slices(*link, now, pieces);
  link->queued = count != 0;
  return count;
}

/// The bytes to send next on a link to which link states are due.
std::size_t Overlay::slices_with_states(PeerLink& link, Now now, std::span<ByteSpan> pieces) {
  const bool feeds_first = link.states_had_turn && link.feeds_wait();
  if (link.outbox.empty() && !feeds_first) link_states_.write_due(link, now);
  std::size_t count = data_.send_slices(link, now, pieces);
  link.states_had_turn = false;
  if (count == 0 && link.states_due && link.outbox.empty()) {
    link_states_.write_due(link, now);
    count = data_.send_slices(link, now, pieces);
  }
  return count;
}

bool Overlay::send_advance(LinkId id, std::size_t bytes, Now now) {
  PeerLink& link = *state_.links.find(id);
  const bool had_outbox = !link.outbox.empty();
  link.queued = data_.send_advance(link, bytes, own(now)) || link.states_due;
  if (had_outbox && link.outbox.empty()) outbox_sent(link);
  return link.queued;
}

void Overlay::set_flight(LinkId id, const Flight& flight, Now now) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr) return;
  if (link->has_both_kinds() && flight.least_round_trip != Duration{})
    link->flight.measured(flight, own(now).mono);
  measurements_.on_flight(*link, flight, own(now));
  liveness_.on_flight(*link, flight, own(now));
}

void Overlay::outbox_sent(PeerLink& link) {
  link.view_queued = false;
  if (!std::exchange(link.streams_queued, false)) return;
  if (!std::exchange(link.streams_due, false)) return;
  streams_.send_to(link);
  link.queued = true;
}

void Overlay::set_blocked(LinkId id, bool blocked, Now now) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr) return;
  now = own(now);
  link->blocked_before = link->blocked_until(now.mono);
  link->blocked_at = now.mono;
  link->blocked = blocked;
  link->queued = !blocked;
}

[[gnu::hot]] MonoTime Overlay::next_deadline() const {
  const MonoTime hello_at = discovery_ ? discovery_->next_deadline() : MonoTime::max();
  const MonoTime next =
      std::min({liveness_.due_at(), leave_at_, usable_at_, settle_at_, handshakes_.next_deadline(),
                flows_.next_deadline(), watches_.next_deadline(), origin_.next_deadline(),
                figures_.next_deadline(), link_states_.next_deadline(), streams_.next_deadline(),
                absences_.next_deadline(), films_.next_deadline(), measurements_.next_deadline(), hello_at});
  return next == MonoTime::max() ? next : next + stalled_;
}

MonoTime Overlay::early_deadline() const {
  return std::min(liveness_.early_deadline() + stalled_, next_deadline());
}

[[gnu::hot]] void Overlay::tick(Now now) {
  const Duration late = own(now).mono - liveness_.due_at();
  if (liveness_.due_at() != MonoTime::max() && late > state_.config.heartbeat / 2) stalled_ += late;
  now = own(now);
  state_.log.tick(now.mono);
  if (liveness_.tick(now) || now.mono >= handshakes_.next_deadline()) handshakes_.tick(now);
  if (now.mono >= usable_at_) {
    usable_at_ = MonoTime::max();
    for (const NodeId& id : state_.links.neighbours()) {
      usable_at_ = std::min(usable_at_, flaps_.usable_at(id, now.mono));
    }
    link_states_.own_changed();
  }
  measurements_.tick(now);
  link_states_.tick(now);
  streams_.tick(now);
  flows_.tick(now);
  for (const StreamId stream : flows_.take_starving()) watches_.complain(stream, now);
  watches_.tick(now);
  origin_.tick(now);
  figures_.tick(now);
  films_.tick(now);
  absences_.tick(now);
  if (const auto withheld = absences_.withheld())
    handshakes_.access().on_withheld(withheld->first->info.name, withheld->second, now);
  settle(now);
}

Result<std::size_t> Overlay::take_topology(Topology topology, Now now) {
  now = own(now);
  auto taken = handshakes_.take_topology(std::move(topology), now);
  settle(now);
  return taken;
}

bool Overlay::retire(Now now) {
  if (state_.phase != Phase::Running || !forwards_for_others()) return false;
  now = own(now);
  state_.log.info("leaving: forwarding until all children have another parent");
  state_.phase = Phase::Retiring;
  leave_at_ = now.mono + kRetireMax;
  for (PeerLink& link : state_.links.all()) {
    if (link.is_of_guest()) state_.links.close(link, ByeReason::Leaving, "leaving");
  }
  link_states_.own_changed();
  settle(now);
  return true;
}

bool Overlay::forwards_for_others() const {
  for (const auto& [id, flow] : flows_.all()) {
    if (flow->own) continue;
    for (const auto& child : flow->children) {
      if (!child->guest) return true;
    }
  }
  return false;
}

bool Overlay::retired(Now now) const {
  return state_.phase == Phase::Retiring && (own(now).mono >= leave_at_ || !forwards_for_others());
}

void Overlay::leave(int status, const std::string& message) {
  state_.phase = Phase::Left;
  for (PeerLink& link : state_.links.all()) state_.links.close(link, ByeReason::Leaving, "leaving");
  if (!requests().exit) requests().exit = {status, message};
}

// ---- messages --------------------------------------------------------------------------------------------

Overlay::Audience Overlay::audience_of(MessageType type) {
  if (type == MessageType::Place) return Audience::Registered;
  if (type == MessageType::Film || type == MessageType::Why) return Audience::Guests;
  if (type == MessageType::FilmAnswer || type == MessageType::WhyAnswer) return Audience::AccessNodes;
  if (type == MessageType::Look || type == MessageType::View) return Audience::Connected;
  if (static_cast<std::uint8_t>(type) >= kMessageTypeOptional) return Audience::Anybody;
  switch (type) {
    case MessageType::Ack:
    case MessageType::Speers:
    case MessageType::FinalAck:
      return Audience::Handshake;
    case MessageType::Heartbeat:
    case MessageType::Bye:
      return Audience::Anybody;
    case MessageType::Watch:
    case MessageType::Start:
    case MessageType::Stop:
    case MessageType::Query:
      return Audience::Guests;
    case MessageType::Data:
    case MessageType::Skip:
    case MessageType::Tracker:
    case MessageType::Started:
    case MessageType::Streams:
    case MessageType::Refused:
    case MessageType::Report:
    case MessageType::Ping:
      return Audience::AccessNodes;
    case MessageType::Message:
      return Audience::Connected;
    default:
      return Audience::Neighbours;
  }
}

bool Overlay::may_say(const PeerLink& link, MessageType type) {
  switch (audience_of(type)) {
    case Audience::Handshake:
      return true;  // in order
    case Audience::Anybody:
      return type == MessageType::Bye || link.handshake.over();
    case Audience::Guests:
      return link.is_neighbour() || link.is_guest();
    case Audience::Connected:
      return link.connected();
    case Audience::AccessNodes:
      return link.is_neighbour() || link.is_access();
    case Audience::Neighbours:
      return link.is_neighbour();
    case Audience::Registered:
      return link.purpose == Purpose::Registration && link.handshake.over();
  }
  return false;
}

/// True if a guest may make this request now. Its requests have a rate; those beyond it are dropped.
bool Overlay::in_turn(PeerLink& link, MessageType type, Now now) {
  const bool is_request =
      audience_of(type) == Audience::Guests || type == MessageType::Look || type == MessageType::View;
  if (!link.is_guest() || !is_request) return true;
  const Limits& limits = state_.config.limits;
  if (link.requests_in.take(limits.requests_per_guest_s, limits.burst_s, now.mono)) return true;
  ++state_.counters.messages_dropped;
  return false;
}

template <class T>
bool Overlay::dispatch(PeerLink& link, ByteSpan body, void (Overlay::*on)(PeerLink&, const T&, Now),
                       Now now) {
  const auto message = decode<T>(body);
  if (message) (this->*on)(link, *message, now);
  return message.has_value();
}

bool Overlay::dispatch(PeerLink& link, MessageType type, ByteSpan body, Now now) {
  switch (type) {
    case MessageType::Ack:
      return dispatch(link, body, &Overlay::on_ack, now);
    case MessageType::Speers:
      return dispatch(link, body, &Overlay::on_speers, now);
    case MessageType::FinalAck:
      return dispatch(link, body, &Overlay::on_final_ack, now);
    case MessageType::Ping:
      return dispatch(link, body, &Overlay::on_ping, now);
    case MessageType::Message:
      return dispatch(link, body, &Overlay::on_message, now);
    case MessageType::Tracker:
      return dispatch(link, body, &Overlay::on_tracker, now);
    case MessageType::Start:
      return dispatch(link, body, &Overlay::on_start, now);
    case MessageType::Started:
      return dispatch(link, body, &Overlay::on_started, now);
    case MessageType::Stop:
      return dispatch(link, body, &Overlay::on_stop, now);
    case MessageType::Links:
      return dispatch(link, body, &Overlay::on_links, now);
    case MessageType::Watch:
      return dispatch(link, body, &Overlay::on_watch, now);
    case MessageType::Heartbeat:
      return dispatch(link, body, &Overlay::on_heartbeat, now);
    case MessageType::Bye:
      return dispatch(link, body, &Overlay::on_bye, now);
    case MessageType::Streams:
      return dispatch(link, body, &Overlay::on_streams, now);
    case MessageType::Refused:
      return dispatch(link, body, &Overlay::on_refused, now);
    case MessageType::Query:
      return dispatch(link, body, &Overlay::on_query, now);
    case MessageType::Report:
      return dispatch(link, body, &Overlay::on_report, now);
    case MessageType::Sync:
      return dispatch(link, body, &Overlay::on_sync, now);
    case MessageType::Place:
      return dispatch(link, body, &Overlay::on_place, now);
    case MessageType::Absent:
      return dispatch(link, body, &Overlay::on_absent, now);
    case MessageType::Film:
      return dispatch(link, body, &Overlay::on_film, now);
    case MessageType::FilmAnswer:
      return dispatch(link, body, &Overlay::on_film_answer, now);
    case MessageType::Why:
      return dispatch(link, body, &Overlay::on_why, now);
    case MessageType::WhyAnswer:
      return dispatch(link, body, &Overlay::on_why_answer, now);
    case MessageType::Look:
      return dispatch(link, body, &Overlay::on_look, now);
    case MessageType::View:
      return dispatch(link, body, &Overlay::on_view, now);
    case MessageType::AccessNodes:  // on any other link it means nothing
      if (link.handshake.state() != HandshakeState::Offline) return true;
      return dispatch(link, body, &Overlay::on_access_nodes, now);
    case MessageType::Data:
    case MessageType::Skip:
      break;
  }
  return true;  // of the optional range and unknown here
}

void Overlay::handle(PeerLink& link, const DataPath::Control& control, Now now) {
  const MessageType type = control.header.type;
  const char* complaint = "a message that has no place on this link";
  if (may_say(link, type)) {
    if (!in_turn(link, type, now) || dispatch(link, type, control.body, now)) return;
    complaint = "malformed message";
  }
  state_.log.warning(
      fmt::format("{}: closing: {} (type {})", link.name(), complaint, static_cast<int>(type)));
  state_.links.close(link, ByeReason::Protocol, complaint);
}

void Overlay::on_bye(PeerLink& link, const Bye& m, Now) {
  link.peer_bye = m;
  if (m.reason == ByeReason::Protocol) {
    state_.log.warning(fmt::format("{}: it closes: {}", link.name(), m.text));
  } else if (link.handshake.over() && m.reason == ByeReason::Leaving) {
    state_.log.info(fmt::format("{} leaves", neighbours_.describe(link.peer)));
  } else {
    state_.log.debug(fmt::format("{}: it closes: {}", link.name(), m.text));
  }
  state_.links.close(link, m.reason, m.text);
}

void Overlay::on_watch(PeerLink& link, const Watch& m, Now now) {
  watches_.on_watch(link, m, now);
  if (link.is_guest()) absences_.on_guest(m.stream, link);
}

void Overlay::on_refused(PeerLink& link, const Refused& m, Now now) {
  const bool for_here =
      link.is_access() || (m.tracker.for_here() && m.tracker.path.root().node == state_.self);
  if (for_here && m.reason == RefusedReason::UnknownStream) films_.on_unknown(m.stream);
  watches_.on_refused(link, m, now);
  if (for_here && m.reason == RefusedReason::NoRoom) absences_.on_refused(m.stream, m.text);
}

void Overlay::on_stop(PeerLink& link, const Stop& m, Now now) {
  if (link.is_guest()) return watches_.on_guest_stop(link, stream_of(m.label), now);
  flows_.on_stop(link, m, now);
}

void Overlay::on_heartbeat(PeerLink& link, const Heartbeat& m, Now now) {
  const bool measured = liveness_.on_heartbeat(link, m, now);
  if (measured && link.purpose == Purpose::Access) handshakes_.access().on_round_trip(link, now);
}

void Overlay::on_streams(PeerLink& link, const Streams& m, Now now) {
  if (!link.is_access()) return;
  if (&link == state_.links.access() && handshakes_.access().former() != nullptr) {
    if (const KnownStream* lacking = lacking_in(m))
      return handshakes_.access().abandon_move(fmt::format("it does not have '{}'", lacking->info.name), now);
  }
  streams_.on_streams(link, m, now);
  guest_streams_known_ = true;
  watches_.on_overlay_changed(now);
}

/// A stream that comes here, and that an access node does not list.
const KnownStream* Overlay::lacking_in(const Streams& listed) const {
  for (const auto& [stream, interest] : interests_.all()) {
    if (!streams_.is_listed(stream) || !flows_.has_path(stream)) continue;
    const auto same = [id = stream](const StreamInfo& info) { return info.id == id; };
    if (std::ranges::none_of(listed.streams, same)) return streams_.find(stream);
  }
  return nullptr;
}

bool Overlay::attached() const {
  if (is_guest()) return guest_streams_known_;
  return guest_streams_known_ || state_.links.has_neighbours();
}

void Overlay::watch(const KnownStream& stream, bool wanted, Now now) {
  watches_.watch_here(stream.info.id, wanted, own(now));
}

// ---- what follows from all that --------------------------------------------------------------------------

/// This node's own link state. A damped link is listed at a cost above any way around, and a node that leaves
/// lists no links.
LinkState Overlay::own_state(Now now) {
  LinkState state;
  if (state_.phase == Phase::Running) {
    for (const NodeId& id : state_.links.neighbours()) {
      if (!neighbours_.contains(id)) continue;  // the link ends as soon as no stream needs it
      const bool usable = flaps_.usable_at(id, now.mono) == MonoTime::max();
      if (state.links.size() == kStateLinksMax) break;
      state.links.push_back(
          {id, neighbours_.cost(id) + (usable ? 0 : kDampedLinkCost), measurements_.facts(id)});
    }
  }
  state.streams = origin_.streams();
  state.takes_neighbours = handshakes_.takes_neighbours();
  return state;
}

/// Draws the consequences of what has happened.
[[gnu::hot]] void Overlay::settle(Now now) {
  if (state_.dismissal && retired(now)) state_.quit(*state_.dismissal);
  settle_links(now);
  if (origin_.take_news() || neighbours_.take_changed()) link_states_.own_changed();
  if (measurements_.take_changed(now)) link_states_.own_changes(now);
  if (state_.phase != Phase::Left && link_states_.own_due(now)) link_states_.publish(own_state(now), now);
  settle_overlay(now);
  settle_flows(now);
  if (const PeerLink* former = handshakes_.access().former())
    handshakes_.access().settle_move(flows_.comes_by(former->id), now);
  handshakes_.settle(now);
}

/// Links that have ended or come up.
[[gnu::hot]] void Overlay::settle_links(Now now) {
  for (const LinkId id : state_.links.take_ended()) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr || link->handshake.state() != HandshakeState::Connected) continue;
    if (link->relation == Relation::Neighbour) {
      // The end that lets go of a link has said so before.
      const bool let_go = link->peer_bye && link->peer_bye->reason == ByeReason::NotNeighbour;
      let_go ? link_states_.own_changes(now) : link_states_.own_changed();
      if (link->has_failed()) flaps_.failed(link->peer, now.mono);
    }
    absences_.on_link_ended(*link);
    watches_.on_link_ended(*link, now);
    films_.on_link_ended(*link);
    flows_.on_link_ended(*link, now);
    if (link->relation == Relation::Guest && link->outgoing()) {
      guest_streams_known_ = guest_streams_known_ && state_.links.access() != nullptr;
      streams_.on_access_ended(*link, now);
    }
  }
  for (const LinkId id : handshakes_.take_connected()) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr || link->closing) continue;
    link_is_up(*link, now);
    if (link->relation != Relation::Neighbour) continue;
    usable_at_ = std::min(usable_at_, flaps_.usable_at(link->peer, now.mono));
    neighbours_.is_found(link->peer) ? link_states_.own_changes(now) : link_states_.own_changed();
  }
}

/// Link states that have changed. Their consequences have a rate, so that a neighbour whose state changes all
/// the time does not keep this node from everything else.
[[gnu::hot]] void Overlay::settle_overlay(Now now) {
  LinkStates::Changes changes = link_states_.take_changes();
  changes_.states = changes_.states || changes.states;
  changes_.graph = changes_.graph || changes.graph;
  changes_.facts = changes_.facts || changes.facts;
  if (changes.facts) origin_.on_facts_changed(now);
  for (const NodeId& reporter : changes.restarted) origin_.on_restarted(reporter, now);
  if (changes.outbid) watches_.tell_all(now);
  if (!changes_.states && !changes_.facts) return;
  if (!settle_rate_.take(kSettlesPerS, 1, now.mono)) {
    settle_at_ = settle_rate_.ready_at(kSettlesPerS, 1);
    return;
  }
  settle_at_ = MonoTime::max();
  const bool graph = changes_.graph;
  const bool only_facts = !changes_.states;
  changes_ = {};
  if (only_facts) {
    streams_.on_facts_changed(now);
    return watches_.on_overlay_changed(now);
  }
  streams_.on_overlay_changed(now);
  if (graph) origin_.on_graph_changed(now);
  if (graph) handshakes_.on_graph_changed(now);
  flows_.on_overlay_changed(now);
  settle_flows(now);
  watches_.on_overlay_changed(now);
}

[[gnu::hot]] void Overlay::settle_flows(Now now) {
  for (const StreamId stream : flows_.take_changed()) watches_.on_flow_changed(stream, now);
  for (const StreamId stream : flows_.take_miscounted()) watches_.correct(stream, now);
  for (const StreamId stream : flows_.take_roomless()) watches_.refuse_guests(stream);
}

void Overlay::link_is_up(PeerLink& link, Now now) {
  liveness_.on_link_up(link, now);
  switch (link.relation) {
    case Relation::Control:
      if (link.is_measured()) return;
      state_.log.info(link.outgoing() ? "registered with " + neighbours_.describe(link.peer)
                                      : neighbours_.describe(link.peer) + " is online");
      return;
    case Relation::Neighbour:
      state_.log.info(fmt::format("linked with {}", neighbours_.describe(link.peer)));
      measurements_.on_link_up(link, now);
      return link_states_.send_all(link);
    case Relation::Guest:
      if (link.outgoing()) {
        if (is_guest()) state_.log.info(fmt::format("attached to {} as a guest", to_string(link.peer)));
        watches_.tell_all(now);  // tells origins again what is watched here, at once
      } else {
        state_.log.info(fmt::format("guest {} attached", to_string(link.peer)));
        streams_.send_to(link);
      }
      return;
  }
}

// ---- for people ------------------------------------------------------------------------------------------

std::optional<NodeId> Overlay::self() const {
  return state_.self_known ? std::optional(state_.self) : std::nullopt;
}

/// Of the cheapest path: the sum of its links' costs; 0 if there is none.
std::uint64_t Overlay::cost_to(const NodeId& node) const {
  const std::vector<NodeId> path = state_.db.graph().shortest_path(state_.self, node);
  std::uint64_t cost = 0;
  for (std::size_t i = 1; i < path.size(); ++i) cost += *state_.db.graph().link_cost(path[i - 1], path[i]);
  return cost;
}

/// What this end has measured of a link to a neighbour.
std::string Overlay::measured_of(const PeerLink& link) const {
  const LinkMeter* meter = link.is_neighbour() ? measurements_.of(link.peer) : nullptr;
  if (meter == nullptr) return "";
  const auto ms = [](Duration time) { return std::chrono::duration<double, std::milli>(time).count(); };
  std::string text = fmt::format(" (smoothed {:.2f}, varies by {:.2f}, least {:.2f})", ms(meter->smoothed()),
                                 ms(meter->variation()), ms(meter->least()));
  if (meter->loss() >= 0) text += fmt::format(", loss {:.1f} %", 100 * meter->loss());
  text += fmt::format(", carries {:.1f} Mbit/s", meter->carries_kbps() / 1e3);
  if (!meter->keeps_up())
    text +=
        fmt::format(", does not keep up: could carry {:.1f} Mbit/s", meter->facts().could_carry_kbps / 1e3);
  return text;
}

void Overlay::report(Now now) {
  now = own(now);
  Log& log = state_.log.unlimited();
  log.info("routes: " + counted(flows_.all().size(), "stream"));
  for (const auto& [id, flow] : flows_.all()) {
    std::string to;
    for (const auto& child : flow->children) {
      to += fmt::format("{}{}{}", to.empty() ? "" : ", ", to_string(child->node),
                        child->feed.started() ? "" : " (waiting)");
    }
    std::string state = flow->own ? "origin" : flow->parent ? "flowing" : "no parent";
    if (!flow->own && flow->parent && flow->buffer.frames_completed() == 0) state = "waiting";
    log.info(fmt::format("  stream {}: cost {}, origin {}, to [{}], tree {}, {}", flow->info.name,
                         cost_to(flow->origin), neighbours_.describe(flow->origin), to,
                         version_of(flow->label), state));
  }
  for (const std::string& line : origin_.why_all(now)) log.info("  " + line);
  std::string reached;
  for (const LimitCounterName& limit : kLimitCounters) {
    const std::uint64_t count = state_.counters.*limit.counter;
    if (count > 0) reached += fmt::format("{}{} {}", reached.empty() ? "" : ", ", limit.name, count);
  }
  if (!reached.empty()) log.info(fmt::format("limits reached: {}", reached));
  log.info(fmt::format("rings: {} of {} MiB, {} no room to grow", state_.rings.bytes_taken() >> 20U,
                       state_.rings.bytes_max() >> 20U, counted(state_.rings.growths_refused(), "time")));
  log.info(fmt::format("links: {}", state_.links.all().size()));
  for (const PeerLink& link : state_.links.all()) {
    log.info(fmt::format("  {}: {}, {} in, {} out, rtt {:.2f} ms{}{}", neighbours_.describe(link.peer),
                         state_for_people(link), link.bytes_in, link.bytes_out,
                         std::chrono::duration<double, std::milli>(link.rtt).count(),
                         link.is_access() ? ", access node" : "", measured_of(link)));
  }
}

}  // namespace ott
