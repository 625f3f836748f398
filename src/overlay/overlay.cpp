#include "overlay/overlay.h"

#include <fmt/format.h>

#include <algorithm>

#include "overlay/source_route.h"

namespace ott {
namespace {

using std::chrono::seconds;

/// How long a node that was told to stop waits for its children to find other parents.
constexpr Duration kRetireMax = seconds(2);
/// What a link costs while it is damped: more than any way around.
constexpr std::uint32_t kDampedLinkCost = 10 * kLinkCostMax;

std::uint64_t nanoseconds(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

}  // namespace

Overlay::Overlay(OverlayConfig config, Log& log)
    : state_(std::move(config), log),
      neighbours_(state_),
      handshakes_(state_, neighbours_),
      flows_(state_),
      origin_(state_, flows_),
      figures_(state_, origin_),
      liveness_(state_, neighbours_),
      data_(state_, flows_) {}

// ---- what the driver says --------------------------------------------------------------------------------

void Overlay::begin(Now now) {
  liveness_.begin(now);
  handshakes_.begin(now);
  settle(now);
}

void Overlay::listening(const std::optional<Error>& error, Now now) {
  handshakes_.on_listening(error, now);
  if (!error) advertise(now);
  settle(now);
}

LinkId Overlay::accepted(const NodeId& remote, Now now) { return handshakes_.on_accepted(remote, now); }

void Overlay::opened(LinkId id, const NodeId& local, Now now) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr || link->closing) return;
  handshakes_.on_opened(*link, local, now);
}

void Overlay::closed(LinkId id, std::string_view why, Now now) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr) return;
  if (!link->closing && link->handshake.over()) {
    state_.log.info(fmt::format("{}: connection lost: {}", neighbours_.describe(link->peer), why));
  }
  state_.links.note_ended(*link);
  const std::string reason = link->close_reason.empty() ? std::string(why) : link->close_reason;
  settle(now);
  if (!leaving_) handshakes_.on_closed(*link, reason, now);
  state_.links.remove(id);
}

MutableByteSpan Overlay::recv_slice(LinkId id) {
  PeerLink* link = state_.links.find(id);
  return link == nullptr ? MutableByteSpan{} : data_.recv_slice(*link);
}

bool Overlay::recv_advance(LinkId id, std::size_t bytes, Now now) {
  PeerLink& link = *state_.links.find(id);
  if (data_.received(link, bytes, now)) return link.receiving->watched_here;
  std::string complaint;
  while (!link.closing) {
    const auto control = data_.next_control(link, now, complaint);
    if (!control) break;
    handle(link, *control, now);
  }
  if (!complaint.empty()) {
    state_.log.warning(fmt::format("{}: closing: {}", link.name(), complaint));
    state_.links.close(link, ByeReason::Protocol, complaint);
  }
  if (!link.closing) data_.keep_rest(link);
  settle(now);
  return true;
}

ByteSpan Overlay::send_slice(LinkId id, Now now) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr) return {};
  const ByteSpan bytes = data_.send_slice(*link, now);
  link->queued = !bytes.empty();
  return bytes;
}

bool Overlay::send_advance(LinkId id, std::size_t bytes, Now now) {
  PeerLink& link = *state_.links.find(id);
  link.queued = data_.send_advance(link, bytes, now);
  return link.queued;
}

void Overlay::set_blocked(LinkId id, bool blocked, Now) {
  PeerLink* link = state_.links.find(id);
  if (link == nullptr) return;
  link->blocked = blocked;
  link->queued = !blocked;
}

MonoTime Overlay::next_deadline() const {
  return std::min({liveness_.due_at(), leave_at_, usable_at_, handshakes_.next_deadline(),
                   flows_.next_deadline(), origin_.next_deadline(), figures_.next_deadline()});
}

MonoTime Overlay::early_deadline() const { return std::min(liveness_.early_deadline(), next_deadline()); }

void Overlay::tick(Now now) {
  // A process that is late itself must not count its peers' silence meanwhile, nor their lag.
  if (now.mono - liveness_.due_at() > state_.config.heartbeat / 2) {
    for (PeerLink& link : state_.links.all()) link.last_heard = std::max(link.last_heard, now.mono);
    state_.late_until = now.mono;
  }
  if (liveness_.tick(now) || now.mono >= handshakes_.next_deadline()) handshakes_.tick(now);
  if (now.mono >= usable_at_) {
    usable_at_ = MonoTime::max();
    for (const NodeId& id : state_.links.neighbours()) {
      usable_at_ = std::min(usable_at_, flaps_.usable_at(id, now.mono));
    }
    advertise(now);
  }
  flows_.tick(now);
  origin_.tick(now);
  figures_.tick(now);
  if (origin_.take_news()) advertise(now);
  settle(now);
}

bool Overlay::retire(Now now) {
  if (retiring_ || leaving_ || !forwards_for_others()) return false;
  state_.log.info("leaving: forwarding until all children have another parent");
  retiring_ = state_.leaving = true;
  leave_at_ = now.mono + kRetireMax;
  for (PeerLink& link : state_.links.all()) {
    if (link.is_guest()) state_.links.close(link, ByeReason::Leaving, "leaving");
  }
  advertise(now);
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
  return retiring_ && (now.mono >= leave_at_ || !forwards_for_others());
}

void Overlay::leave(int status, const std::string& message) {
  leaving_ = true;
  for (PeerLink& link : state_.links.all()) state_.links.close(link, ByeReason::Leaving, "leaving");
  if (!requests().exit) requests().exit = {status, message};
}

// ---- messages --------------------------------------------------------------------------------------------

template <class T>
bool Overlay::dispatch(PeerLink& link, ByteSpan body, void (Overlay::*on)(PeerLink&, const T&, Now),
                       Now now) {
  const auto message = decode<T>(body);
  if (message) (this->*on)(link, *message, now);
  return message.has_value();
}

void Overlay::handle(PeerLink& link, const DataPath::Control& control, Now now) {
  const ByteSpan body = control.body;
  const MessageType type = control.header.type;
  const bool handshake =
      type == MessageType::Ack || type == MessageType::Speers || type == MessageType::FinalAck;
  const bool for_all = type == MessageType::Bye || (link.handshake.over() && type == MessageType::Heartbeat);
  const bool for_guests = type == MessageType::Watch || type == MessageType::Query ||
                          type == MessageType::Start || type == MessageType::Stop;
  bool good =
      handshake || for_all || link.is_neighbour() || link.is_access() || (link.is_guest() && for_guests);
  const char* complaint = "a message that has no place on this link";
  if (good) {
    complaint = "malformed message";
    switch (type) {
      case MessageType::Ack:
        good = dispatch(link, body, &Overlay::on_ack, now);
        break;
      case MessageType::Speers:
        good = dispatch(link, body, &Overlay::on_speers, now);
        break;
      case MessageType::FinalAck:
        good = dispatch(link, body, &Overlay::on_final_ack, now);
        break;
      case MessageType::Ping:
        good = dispatch(link, body, &Overlay::on_ping, now);
        break;
      case MessageType::Message:
        good = dispatch(link, body, &Overlay::on_message, now);
        break;
      case MessageType::Tracker:
        good = dispatch(link, body, &Overlay::on_tracker, now);
        break;
      case MessageType::Start:
        good = dispatch(link, body, &Overlay::on_start, now);
        break;
      case MessageType::Started:
        good = dispatch(link, body, &Overlay::on_started, now);
        break;
      case MessageType::Stop:
        good = dispatch(link, body, &Overlay::on_stop, now);
        break;
      case MessageType::Links:
        good = dispatch(link, body, &Overlay::on_links, now);
        break;
      case MessageType::Watch:
        good = dispatch(link, body, &Overlay::on_watch, now);
        break;
      case MessageType::Heartbeat:
        good = dispatch(link, body, &Overlay::on_heartbeat, now);
        break;
      case MessageType::Bye:
        good = dispatch(link, body, &Overlay::on_bye, now);
        break;
      case MessageType::Streams:
        good = dispatch(link, body, &Overlay::on_streams, now);
        break;
      case MessageType::Refused:
        good = dispatch(link, body, &Overlay::on_refused, now);
        break;
      case MessageType::Query:
        good = dispatch(link, body, &Overlay::on_query, now);
        break;
      case MessageType::Report:
        good = dispatch(link, body, &Overlay::on_report, now);
        break;
      case MessageType::Sync:
        good = dispatch(link, body, &Overlay::on_sync, now);
        break;
      case MessageType::Data:
      case MessageType::Skip:
        break;
    }
  }
  if (good) return;
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

void Overlay::on_tracker(PeerLink& link, const TrackerMessage& m, Now now) {
  flows_.on_tracker(link, m, now);
}

void Overlay::on_watch(PeerLink& link, const Watch& m, Now now) {
  if (link.is_guest()) return flows_.on_guest_watch(link, m, now);
  if (m.tracker.path.root().node != state_.self) return;
  if (m.tracker.for_here()) return origin_.on_watch(m, now);
  for (Branch& branch : split(m.tracker)) {
    Watch on = m;
    on.tracker = std::move(branch.tracker);
    PeerLink* next = state_.links.neighbour(branch.next);
    if (next == nullptr) {
      // The way has changed since it was sent: go on by the one that there is now.
      const std::vector<std::vector<NodeId>> paths = {
          state_.db.graph().shortest_path(state_.self, m.tracker.path.entries.back().node)};
      PathTree path = multicast_path(paths);
      if (path.entries.size() < 2 || m.tracker.has_visited(path.entries[1].node)) continue;
      next = state_.links.neighbour(path.entries[1].node);
      Tracker anew = m.tracker;
      anew.path = std::move(path);
      on.tracker = split(anew).front().tracker;
    }
    if (next != nullptr) state_.links.send(*next, on);
  }
}

void Overlay::on_message(PeerLink& link, const Message& m, Now) {
  if (m.tracker.flood) {
    std::uint64_t& newest = message_numbers_[m.from];
    if (m.number <= newest || m.from == state_.self) return;
    newest = m.number;
    const FloodStep step = flood(m.tracker, state_.self, state_.links.neighbours());
    Message on = m;
    on.tracker = step.tracker;
    for (const NodeId& next : step.next) {
      PeerLink* neighbour = state_.links.neighbour(next);
      if (neighbour != nullptr && neighbour != &link) state_.links.send(*neighbour, on);
    }
    arrived_.push_back({m.from, m.number, m.tracker.hops, std::nullopt, m.text});
    return;
  }
  if (m.tracker.path.root().node != state_.self) return;
  if (m.tracker.for_here()) arrived_.push_back({m.from, m.number, m.tracker.hops, std::nullopt, m.text});
  for (Branch& branch : split(m.tracker)) {
    Message on = m;
    on.tracker = std::move(branch.tracker);
    if (PeerLink* next = state_.links.neighbour(branch.next)) state_.links.send(*next, on);
  }
}

// ---- PING ------------------------------------------------------------------------------------------------

std::size_t Overlay::ping_watchers(Now now) {
  std::vector<NodeId> watchers = origin_.watchers();
  for (const PeerLink& link : state_.links.all()) {
    if (link.is_guest()) {
      watchers.push_back(state_.self);
      break;
    }
  }
  Ping ping;
  ping.tracker =
      Tracker::along(multicast_tree(state_.db.graph(), state_.self, watchers, state_.config.tree_policy));
  if (watchers.empty() || ping.tracker.path.destinations().empty()) return 0;
  ping.from = state_.self;
  ping.number = ++ping_number_;
  ping.time = nanoseconds(now.wall);
  forward_ping(ping);
  return ping.tracker.path.destinations().size();
}

void Overlay::on_ping(PeerLink& link, const Ping& m, Now) {
  if (m.tracker.path.root().node != state_.self) return;
  const bool for_here = m.tracker.for_here();
  if (for_here) arrived_.push_back({m.from, m.number, m.tracker.hops, m.time, {}});
  std::string onward;
  for (const PathTree::View child : m.tracker.path.children()) {
    onward += (onward.empty() ? "" : ", ") + neighbours_.describe(child.front().node);
  }
  const std::size_t guests = for_here ? state_.links.guests() : 0;
  if (guests > 0)
    onward += fmt::format("{}{} guest{}", onward.empty() ? "" : ", ", guests, guests == 1 ? "" : "s");
  if (!onward.empty()) {
    state_.log.info(fmt::format("ping {} from {}: came from {}, goes to {}", m.number, to_string(m.from),
                                neighbours_.describe(link.peer), onward));
  }
  forward_ping(m);
}

void Overlay::forward_ping(const Ping& ping) {
  for (Branch& branch : split(ping.tracker)) {
    Ping on = ping;
    on.tracker = std::move(branch.tracker);
    if (PeerLink* next = state_.links.neighbour(branch.next)) state_.links.send(*next, on);
  }
  if (!ping.tracker.for_here()) return;
  for (PeerLink& link : state_.links.all()) {
    if (!link.is_guest()) continue;
    Ping on = ping;
    on.tracker.path.entries = {{state_.self, 2, false}, {link.peer, 1, true}};
    on.tracker = split(on.tracker).front().tracker;
    state_.links.send(link, on);
  }
}

// ---- link states and streams -----------------------------------------------------------------------------

void Overlay::advertise(Now now) {
  if (!state_.self_known || is_guest()) return;
  Links message;
  message.tracker = Tracker::everywhere();
  LinkState& state = message.state;
  state.reporter = state_.self;
  state.kind = state_.config.kind;
  state.incarnation = state_.config.incarnation;
  state.number = ++link_state_number_;
  state.lifetime_s = kLifetimeMaxS;
  for (const NodeId& id : state_.links.neighbours()) {
    // Who is about to leave is no way for anybody, and a link that keeps failing only where there is no
    // other.
    const bool usable = flaps_.usable_at(id, now.mono) == MonoTime::max();
    if (!retiring_) state.links.push_back({id, neighbours_.cost(id) + (usable ? 0 : kDampedLinkCost)});
  }
  state.streams = origin_.streams();
  overlay_changed_ = true;
  graph_changed_ = state_.db.update(state) == LinkStateDb::Update::Graph || graph_changed_;
  flood_links(message, nullptr);
}

void Overlay::flood_links(const Links& message, const PeerLink* from) {
  const FloodStep step = flood(message.tracker, state_.self, state_.links.neighbours());
  Links on;
  on.tracker = step.tracker;
  on.state = message.state;
  for (const NodeId& next : step.next) {
    PeerLink* neighbour = state_.links.neighbour(next);
    if (neighbour != nullptr && neighbour != from) state_.links.send(*neighbour, on);
  }
}

void Overlay::on_links(PeerLink& link, const Links& m, Now now) {
  if (m.state.reporter == state_.self) {
    // Somebody remembers more of us than we do: from before a restart, or a clock that was set back.
    if (m.state.number <= link_state_number_) return;
    link_state_number_ = m.state.number;
    advertise(now);
    return;
  }
  const LinkStateDb::Update update = state_.db.update(m.state);
  if (update == LinkStateDb::Update::Old) return;
  overlay_changed_ = true;
  graph_changed_ = graph_changed_ || update == LinkStateDb::Update::Graph;
  flood_links(m, &link);
}

std::vector<KnownStream> Overlay::streams() const {
  if (is_guest()) return guest_streams_;
  return state_.self_known ? known_streams(state_.db, state_.self) : std::vector<KnownStream>{};
}

bool Overlay::attached() const {
  if (is_guest()) return guest_streams_known_;
  return !state_.links.neighbours().empty();
}

void Overlay::send_streams(PeerLink& link) {
  Streams message;
  for (KnownStream& stream : known_streams(state_.db, state_.self)) {
    message.streams.push_back(std::move(stream.info));
    message.origins.push_back(stream.origin);
  }
  state_.links.send(link, message);
}

/// Guests hear of streams that come and go, not of each change of a bit rate.
void Overlay::tell_guests() {
  if (state_.links.guests() == 0) return;
  std::vector<std::pair<NodeId, StreamId>> now_there;
  for (const KnownStream& stream : known_streams(state_.db, state_.self)) {
    now_there.emplace_back(stream.origin, stream.info.id);
  }
  if (now_there == told_streams_) return;
  told_streams_ = std::move(now_there);
  for (PeerLink& link : state_.links.all()) {
    if (link.is_guest()) send_streams(link);
  }
}

void Overlay::on_streams(PeerLink& link, const Streams& m, Now) {
  if (!link.is_access()) return;
  guest_streams_.clear();
  for (std::size_t i = 0; i < m.streams.size(); ++i) guest_streams_.push_back({m.origins[i], m.streams[i]});
  guest_streams_known_ = true;
  ++streams_version_;
}

void Overlay::on_refused(PeerLink& link, const Refused& m, Now) {
  if (link.is_access()) return state_.log.warning(fmt::format("{}: {}", link.name(), m.text));
  if (m.tracker.path.root().node != state_.self) return;
  if (!m.tracker.for_here()) return forward(state_.links, m);
  state_.log.info(fmt::format("{}: {}", to_string(m.tracker.visited.front()), m.text));
}

void Overlay::on_sync(PeerLink& link, const Sync&, Now) {
  for (const auto& [reporter, link_state] : state_.db.all()) {
    state_.links.send(link, Links{Tracker::everywhere(), link_state});
  }
}

void Overlay::watch(const KnownStream& stream, bool wanted, Now now) {
  flows_.watch_here(stream.info.id, stream.origin, wanted, now);
}

// ---- what follows from all that --------------------------------------------------------------------------

/// Draws the consequences of what has happened: links that ended or came up, and changes of the overlay.
void Overlay::settle(Now now) {
  bool links_changed = false;
  for (const LinkId id : state_.links.take_ended()) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr) continue;
    if (link->handshake.state() == HandshakeState::Connected) {
      if (link->relation == Relation::Neighbour) {
        links_changed = true;
        if (link->has_failed()) flaps_.failed(link->peer, now.mono);
      }
      flows_.on_link_ended(*link, now);
      if (link->relation == Relation::Guest && link->outgoing()) guest_streams_known_ = false;
    }
  }
  for (const LinkId id : handshakes_.take_connected()) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr || link->closing) continue;
    link_is_up(*link, now);
    if (link->relation == Relation::Neighbour)
      usable_at_ = std::min(usable_at_, flaps_.usable_at(link->peer, now.mono));
    links_changed = links_changed || link->relation == Relation::Neighbour;
  }
  if (links_changed && !leaving_) advertise(now);
  if (!overlay_changed_) return;
  overlay_changed_ = false;
  ++streams_version_;
  if (std::exchange(graph_changed_, false)) origin_.on_graph_changed(now);
  flows_.on_overlay_changed(now);
  tell_guests();
}

void Overlay::link_is_up(PeerLink& link, Now now) {
  liveness_.on_link_up(link, now);
  switch (link.relation) {
    case Relation::Control:
      state_.log.info(link.outgoing() ? "registered with " + neighbours_.describe(link.peer)
                                      : neighbours_.describe(link.peer) + " is online");
      return;
    case Relation::Neighbour:
      state_.log.info(fmt::format("linked with {}", neighbours_.describe(link.peer)));
      for (const auto& [reporter, link_state] : state_.db.all()) {
        state_.links.send(link, Links{Tracker::everywhere(), link_state});
      }
      return;
    case Relation::Guest:
      if (link.outgoing()) {
        state_.log.info(fmt::format("attached to {} as a guest", to_string(link.peer)));
        flows_.on_overlay_changed(now);  // what we watch is asked for here, too, at once
      } else {
        state_.log.info(fmt::format("guest {} attached", to_string(link.peer)));
        send_streams(link);
      }
      return;
  }
}

// ---- for people ------------------------------------------------------------------------------------------

std::optional<NodeId> Overlay::self() const {
  return state_.self_known ? std::optional(state_.self) : std::nullopt;
}

void Overlay::report() {
  Log& log = state_.log;
  log.info(fmt::format("routes: {} stream{}", flows_.all().size(), flows_.all().size() == 1 ? "" : "s"));
  for (const auto& [id, flow] : flows_.all()) {
    const std::vector<NodeId> path = state_.db.graph().shortest_path(state_.self, flow->origin);
    std::string to;
    for (const auto& child : flow->children) {
      to += fmt::format("{}{}{}", to.empty() ? "" : ", ", to_string(child->node),
                        child->feed.started() ? "" : " (waiting)");
    }
    std::string state = flow->own ? "origin" : flow->parent ? "flowing" : "no parent";
    if (!flow->own && flow->parent && flow->buffer.frames_completed() == 0) state = "waiting";
    log.info(fmt::format("  stream {}: cost {}, origin {}, to [{}], tree {}, {}", flow->info.name,
                         path.empty() ? 0 : path.size() - 1, neighbours_.describe(flow->origin), to,
                         version_of(flow->label), state));
  }
  log.info(fmt::format("links: {}", state_.links.all().size()));
  for (const PeerLink& link : state_.links.all()) {
    log.info(fmt::format("  {}: {}, {} in, {} out, rtt {:.2f} ms", neighbours_.describe(link.peer),
                         to_string(link.handshake.state()), link.bytes_in, link.bytes_out,
                         std::chrono::duration<double, std::milli>(link.rtt).count()));
  }
}

}  // namespace ott
