#include "overlay/watch_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ott/text.h"
#include "overlay/source_route.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How often a request to watch is repeated until the stream comes.
constexpr Duration kWatchRetry = milliseconds(500);
/// How often an origin hears of a changed number of viewers. It hears of a first viewer at once.
constexpr Duration kViewersRefresh = seconds(1);
/// An origin hears of the end of the last viewer after this: one that returns at once changes no tree.
constexpr Duration kLastViewerDelay = milliseconds(300);
/// A refused request may be repeated after this.
constexpr Duration kRefusedRetry = seconds(2);
/// How often the log has one refusal that does not change.
constexpr Duration kRefusedLogInterval = seconds(10);

}  // namespace

std::optional<NodeId> WatchRequests::origin_of(StreamId stream) const {
  if (const KnownStream* known = streams_.find(stream)) return known->origin;
  const Flow* flow = flows_.find(stream);
  return flow == nullptr ? std::nullopt : std::optional(flow->origin);
}

bool WatchRequests::wanted(StreamId stream) const {
  const Flow* flow = flows_.find(stream);
  return interests_.viewers(stream) > 0 || (flow != nullptr && !flow->own && !flow->children.empty());
}

/// False also while the stream comes from an access node and could come by its tree.
bool WatchRequests::is_served(StreamId stream) const {
  return flows_.has_path(stream) && !flows_.may_come_by_tree(stream);
}

void WatchRequests::watch_here(StreamId stream, bool wanted, Now now) {
  if (!interests_.set_here(stream, wanted)) return;
  flows_.on_interest_changed(stream, now);
  changed(stream, now);
}

/// The number of viewers here has changed.
void WatchRequests::changed(StreamId stream, Now now) {
  if (!requests_.contains(stream) && interests_.viewers(stream) == 0) return;
  Request& request = requests_[stream];
  const std::uint32_t viewers = interests_.viewers(stream);
  if (viewers > 0 && (request.told == 0 || !is_served(stream))) return tell(stream, request, now);
  if (viewers == request.told) {  // back before the change was told
    if (!request.asking) request.tell_at = MonoTime::max();
    return;
  }
  const Duration delay = viewers == 0 ? kLastViewerDelay : kViewersRefresh;
  request.tell_at = std::min(request.tell_at, now.mono + delay);
}

// ---- asking ----------------------------------------------------------------------------------------------

/// The way to the origin: a guest's leads to its access node; a member's is the cheapest, but not by `not_by`
/// if there is another.
Tracker WatchRequests::route(const NodeId& origin, const NodeId& not_by) const {
  if (const PeerLink* access = state_.access_towards(origin)) {
    PathTree path;
    path.entries = {{access->you, 2, false}, {access->peer, 1, true}};
    return Tracker::along(std::move(path));
  }
  Tracker tracker = route_to(state_, origin);
  if (tracker.path.entries.size() < 2 || tracker.path.entries[1].node != not_by) return tracker;
  Graph without = state_.db.graph();
  without.remove_link(state_.self, not_by);
  const std::vector<std::vector<NodeId>> other = {without.shortest_path(state_.self, origin)};
  return other.front().empty() ? tracker : Tracker::along(multicast_path(other));
}

void WatchRequests::tell(StreamId stream, Request& request, Now now, const NodeId& starved_by) {
  const std::uint32_t viewers = interests_.viewers(stream);
  request.asking = wanted(stream) && !is_served(stream);
  request.tell_at = request.asking ? now.mono + kWatchRetry : MonoTime::max();
  if (const auto known = origin_of(stream)) request.origin = known;
  const std::optional<NodeId> origin = request.origin;
  if (!origin || *origin == state_.self) return;
  const bool complains = !starved_by.address.is_unspecified();
  if (!request.asking && !complains && viewers == 0 && request.told == 0) return;
  const Tracker tracker = route(*origin, starved_by);
  request.told = viewers;
  if (tracker.path.entries.size() < 2) return;
  const NodeId& next = tracker.path.entries[1].node;
  PeerLink* access = state_.access_towards(*origin);
  PeerLink* link = access != nullptr ? access : state_.links.neighbour(next);
  if (link == nullptr) return;
  Watch message;
  message.tracker = split(tracker).front().tracker;
  message.stream = stream;
  message.watcher = state_.self_on(*link);
  message.incarnation = state_.config.incarnation;
  message.viewers = std::min(viewers, kViewersMax);
  message.wants_tracker = request.asking;
  const Flow* flow = flows_.find(stream);
  if (flow != nullptr) message.last = flow->buffer.last_done();
  message.starved_by = starved_by;
  // An origin takes nobody whose links it does not know.
  if (access == nullptr) states_.write_before(*link, state_.self, now);
  state_.links.send(*link, message);
}

void WatchRequests::complain(StreamId stream, Now now) {
  const Flow* flow = flows_.find(stream);
  const PeerLink* parent = flow == nullptr || !flow->parent ? nullptr : state_.links.find(*flow->parent);
  if (parent == nullptr || parent->is_access()) return;
  tell(stream, requests_[stream], now, parent->peer);
}

void WatchRequests::on_flow_changed(StreamId stream, Now now) {
  if (flows_.has_path(stream) || !wanted(stream)) return;
  Request& request = requests_[stream];
  if (interests_.viewers(stream) > 0) return tell(stream, request, now);
  // Only children want it. As a rule the origin has seen the same change, and a new tree is on its way.
  request.asking = true;
  request.tell_at = std::min(request.tell_at, now.mono + kWatchRetry);
}

void WatchRequests::correct(StreamId stream, Now now) {
  Request& request = requests_[stream];
  if (interests_.viewers(stream) == 0) {
    request.told = 1;
    return tell(stream, request, now);
  }
  if (now.mono < request.correct_at) {
    request.tell_at = std::min(request.tell_at, request.correct_at);
    return;
  }
  request.correct_at = now.mono + kWatchRetry;
  tell(stream, request, now);
}

void WatchRequests::on_overlay_changed(Now now) {
  for (const auto& [stream, interest] : interests_.all()) {
    Request& request = requests_[stream];
    if (!is_served(stream) && origin_of(stream)) tell(stream, request, now);
  }
}

void WatchRequests::tell_all(Now now) {
  for (const auto& [stream, interest] : interests_.all()) tell(stream, requests_[stream], now);
}

// ---- being asked -----------------------------------------------------------------------------------------

void WatchRequests::refuse(PeerLink& guest, StreamId stream, RefusedReason reason, const std::string& text) {
  ++state_.counters.watches_refused;
  state_.links.send(guest, Refused{route_over_link(state_.self, guest.peer), stream, reason, text});
}

void WatchRequests::refuse_guests(StreamId stream) {
  const Interests::Interest* interest = interests_.find(stream);
  if (interest == nullptr) return;
  for (const LinkId guest : interest->guests) {
    PeerLink* link = state_.links.find(guest);
    if (link != nullptr)
      refuse(*link, stream, RefusedReason::NoRoom, "there is no room for another stream here");
  }
}

void WatchRequests::on_watch(PeerLink& link, const Watch& message, Now now) {
  if (link.is_guest()) return on_guest_watch(link, message, now);
  if (message.tracker.path.root().node != state_.self) return;
  if (message.tracker.for_here()) {
    if (message.watcher == state_.self) {  // nobody else can say so, and no TRACKER would set it right
      ++state_.counters.watches_refused;
      return;
    }
    const auto refusal = origin_.on_watch(message, now);
    if (!refusal) return;
    ++state_.counters.watches_refused;
    Refused refused{route_to(state_, message.watcher), message.stream, refusal->reason, refusal->text};
    if (refused.tracker.path.entries.size() > 1) forward(state_.links, refused);
    return;
  }
  const NodeId next =
      message.tracker.path.entries.size() < 2 ? state_.self : message.tracker.path.entries[1].node;
  if (PeerLink* onwards = state_.links.neighbour(next)) {
    states_.write_before(*onwards, message.watcher, now);
    return forward(state_.links, message);
  }
  // The links have changed since the message was sent: it goes on by a path of this node's own.
  Watch anew = message;
  anew.tracker.path = route_to(state_, message.tracker.path.entries.back().node).path;
  const PathTree& path = anew.tracker.path;
  if (path.entries.size() < 2 || message.tracker.has_visited(path.entries[1].node)) return;
  forward(state_.links, anew);
}

void WatchRequests::on_guest_watch(PeerLink& link, const Watch& message, Now now) {
  const StreamId stream = message.stream;
  if (message.viewers == 0) return on_guest_stop(link, stream, now);
  if (!origin_of(stream)) {
    return refuse(link, stream, RefusedReason::UnknownStream,
                  "no origin that can be reached has this stream");
  }
  if (interests_.count_of(link.id) >= state_.config.limits.watches_per_guest &&
      !interests_.wants(stream, link.id)) {
    return refuse(
        link, stream, RefusedReason::NoRoom,
        fmt::format("a guest watches {} at most", counted(state_.config.limits.watches_per_guest, "stream")));
  }
  if (interests_.add_guest(stream, link.id)) {
    flows_.on_interest_changed(stream, now);
    changed(stream, now);
  }
  flows_.feed_guest(stream, link);
}

void WatchRequests::on_guest_stop(PeerLink& link, StreamId stream, Now now) {
  if (!interests_.remove_guest(stream, link.id)) return;
  flows_.drop_guest(stream, link);
  flows_.on_interest_changed(stream, now);
  changed(stream, now);
}

void WatchRequests::on_refused(PeerLink& link, const Refused& message, Now now) {
  if (!link.is_access()) {
    if (message.tracker.path.root().node != state_.self) return;
    if (!message.tracker.for_here()) return forward(state_.links, message);
  }
  if (message.reason == RefusedReason::NoRoom) flows_.give_up_parent(message.stream, link, now);
  const auto request = requests_.find(message.stream);
  if (request == requests_.end() || !request->second.asking) return;
  request->second.tell_at = now.mono + kRefusedRetry;
  std::string line = fmt::format("{} refuses a stream: {}", link.name(), message.text);
  if (line == request->second.refused && now.mono < request->second.refused_log_at) return;
  state_.log.warning(line);
  request->second.refused = std::move(line);
  request->second.refused_log_at = now.mono + kRefusedLogInterval;
}

void WatchRequests::on_link_ended(PeerLink& link, Now now) {
  for (const StreamId stream : interests_.remove_guest(link.id)) {
    flows_.on_interest_changed(stream, now);
    changed(stream, now);
  }
}

// ---- time ------------------------------------------------------------------------------------------------

[[gnu::hot]] MonoTime WatchRequests::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& [stream, request] : requests_) next = std::min(next, request.tell_at);
  return next;
}

[[gnu::hot]] void WatchRequests::tick(Now now) {
  for (auto& [stream, request] : requests_) {
    if (now.mono >= request.tell_at) tell(stream, request, now);
  }
  std::erase_if(requests_, [this](const auto& entry) {
    return interests_.viewers(entry.first) == 0 && entry.second.told == 0 &&
           entry.second.tell_at == MonoTime::max();
  });
}

}  // namespace ott
