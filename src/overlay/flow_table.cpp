#include "overlay/flow_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ott/assert.h"
#include "ott/text.h"
#include "overlay/parent_checks.h"
#include "overlay/source_route.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long a relay that is new to a stream waits for its children's STARTs before it sends its own, for each
/// level of its subtree: each level waits for the one below it. A dead child is noticed by its link.
constexpr Duration kStartPatience = milliseconds(100);
constexpr Duration kStartPatienceMax = seconds(1);
/// A stream's ring at first.
constexpr std::size_t kFirstRingBytes = 1U << 20U;
/// And where --memory has no more.
constexpr std::size_t kLeastRingBytes = 256U << 10U;
/// How far the ring of a stream grows that has one viewer, for the sake of its history.
constexpr std::size_t kSmallRingBytesMax = 4U << 20U;
/// How long a flow stays after its last viewer here has gone: one that comes back at once changes no tree.
constexpr Duration kLinger = milliseconds(300);
constexpr Duration kLookInterval = milliseconds(250);
/// How long a flow outlives its place in the list of its origin's streams.
constexpr Duration kUnlistedMax = seconds(2);
/// How long a child may take to answer a TRACKER with START.
constexpr Duration kStartWaitMax = seconds(3);

Duration start_patience(const Flow& flow) {
  const auto levels = static_cast<Duration::rep>(1 + flow.levels);
  return std::min(kStartPatience * levels, kStartPatienceMax);
}

bool lists(const LinkState& origin, StreamId stream) {
  return std::ranges::any_of(origin.streams, [stream](const StreamInfo& info) { return info.id == stream; });
}

/// True if the origin lists the stream, or the film of which it is one viewer's own.
bool offers(const LinkState& origin, const StreamInfo& stream) {
  return lists(origin, stream.id) || std::ranges::any_of(origin.streams, [&stream](const StreamInfo& info) {
           return info.on_request && info.name == stream.name;
         });
}

bool contains(const std::vector<NodeId>& nodes, const NodeId& node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

}  // namespace

Flow* FlowTable::find(StreamId id) {
  Flow*& recent = recent_[id.value % recent_.size()];
  if (recent != nullptr && recent->id() == id) return recent;
  const auto found = flows_.find(id);
  if (found == flows_.end()) return nullptr;
  recent = found->second.get();
  return recent;
}

bool FlowTable::has_path(StreamId id) const {
  const Flow* flow = find(id);
  return flow != nullptr && (flow->own || flow->parent);
}

bool FlowTable::comes_by(LinkId link) const {
  return std::ranges::any_of(flows_, [link](const auto& entry) { return entry.second->parent == link; });
}

bool FlowTable::comes_by_access(const Flow& flow) const {
  const PeerLink* parent = flow.parent ? state_.links.find(*flow.parent) : nullptr;
  return parent != nullptr && parent->is_access();
}

bool FlowTable::may_come_by_tree(StreamId id) const {
  const Flow* flow = find(id);
  return flow != nullptr && comes_by_access(*flow) && state_.access_towards(flow->origin) == nullptr;
}

Result<StreamBuffer> FlowTable::make_buffer(RingSize size) {
  const OverlayConfig& config = state_.config;
  const bool small = size == RingSize::Small;
  const std::size_t first = small || state_.rings.scarce() ? kLeastRingBytes : kFirstRingBytes;
  const std::size_t most = small ? std::min(kSmallRingBytesMax, config.ring_bytes) : config.ring_bytes;
  auto buffer = StreamBuffer::create(state_.rings, std::min(first, most));
  if (buffer) buffer->may_grow(most, config.history);
  return buffer;
}

Flow* FlowTable::create(const NodeId& origin, const StreamInfo& info, RingSize size) {
  if (flows_.size() >= state_.config.limits.flows) {
    ++state_.counters.flows_refused;
    state_.log.warning(
        fmt::format("stream {}: no room for more than {}", info.name, counted(flows_.size(), "stream")));
    return nullptr;
  }
  auto buffer = make_buffer(size);
  if (!buffer) {
    ++state_.counters.flows_refused;
    state_.log.error(fmt::format("stream {}: {}", info.name, buffer.error().message));
    return nullptr;
  }
  auto flow = std::make_unique<Flow>(std::move(*buffer), origin, info);
  flow->numbering = flow->buffer_number = ++buffers_made_;
  flow->watched_here = flow->joins_here = interests_.here(info.id);
  Flow* created = flow.get();
  flows_[info.id] = std::move(flow);
  return created;
}

Result<Flow*> FlowTable::create_own(const StreamInfo& info, RingSize size) {
  Flow* flow = create(state_.self, info, size);
  if (flow == nullptr) return fail("stream " + info.name + ": no memory for its ring");
  flow->own = true;
  flow->label = make_label(info.id, 1);
  return flow;
}

void FlowTable::erase_own(Flow& flow) {
  OTT_ASSERT(flow.own);
  erase(flow);
}

// ---- the tree, from the top ------------------------------------------------------------------------------

/// True if the TRACKER is not taken since the stream comes here by another way. A member's place in a tree
/// counts more than what its access node says, and a guest's newer access node more than the former.
bool FlowTable::is_outranked(const Flow& flow, const PeerLink& link, const TrackerMessage& message,
                             Now now) const {
  if (link.is_access()) {
    const bool instead_of_former = state_.links.access() == &link && comes_by_access(flow);
    return flow.own || (flow.parent && flow.parent != link.id && !instead_of_former);
  }
  return !comes_by_access(flow) && outranks(flow, link, message, now);
}

/// A TRACKER is believed from the neighbour that handled it last, if it began at the origin, which lists the
/// stream, and if its path has no more nodes than are known; and from an access node, if it leads to here
/// alone.
bool FlowTable::is_announced(PeerLink& link, const TrackerMessage& message) const {
  const Tracker& tracker = message.tracker;
  if (link.is_access()) return interests_.find(message.stream.id) && tracker.path.entries.size() == 1;
  if (tracker.path.root().node != state_.self || tracker.has_visited(state_.self)) return false;
  if (tracker.visited.empty() || tracker.visited.front() != message.origin) return false;
  if (tracker.visited.back() != link.peer) return false;
  if (tracker.path.entries.size() > state_.db.all().size() + 1) return false;
  const LinkState* origin = state_.db.find(message.origin);
  return origin != nullptr && offers(*origin, message.stream);
}

/// True if there are so many streams already that are in no list, and of which only TRACKERs tell.
bool FlowTable::is_invention(const TrackerMessage& message) {
  const auto is_unlisted = [this](const StreamInfo& info, const NodeId& from) {
    const LinkState* origin = state_.db.find(from);
    return origin != nullptr && !lists(*origin, info.id);
  };
  if (!is_unlisted(message.stream, message.origin)) return false;
  const auto unlisted = std::ranges::count_if(flows_, [&](const auto& entry) {
    return !entry.second->own && is_unlisted(entry.second->info, entry.second->origin);
  });
  if (static_cast<std::size_t>(unlisted) < state_.config.limits.unlisted_flows) return false;
  ++state_.counters.flows_refused;
  return true;
}

void FlowTable::on_tracker(PeerLink& link, const TrackerMessage& message, Now now) {
  if (state_.log.enabled(LogLevel::Debug)) {
    state_.log.debug(fmt::format("TRACKER {} of {} from {}: {}", version_of(message.label),
                                 message.stream.name, link.name(), to_string(message.tracker.path)));
  }
  Flow* flow = find(message.stream.id);
  const bool outranked = flow != nullptr && is_outranked(*flow, link, message, now);
  if (outranked || !is_announced(link, message) || (flow != nullptr && is_avoided(*flow, link, now))) {
    const bool feeds_us = flow != nullptr && (flow->parent == link.id || flow->former_parent == link.id);
    if (!feeds_us) state_.links.send(link, Stop{message.label});
    return;
  }
  if (flow == nullptr && !is_invention(message)) flow = create(message.origin, message.stream);
  if (flow == nullptr) {
    roomless_.push_back(message.stream.id);
    return state_.links.send(link, Stop{message.label});
  }
  if (flow->origin != message.origin) flow->unreachable_since = MonoTime::max();
  flow->origin = message.origin;
  flow->label = message.label;
  flow->labelled_at = now.mono;
  flow->unlisted_since = MonoTime::max();
  flow->info = message.stream;
  flow->levels = depth(message.tracker.path.subtree(0));
  if (flow->parent != link.id) set_parent(*flow, link, now);
  if (message.expects_start) flow->owe_start();
  if (!flow->start_sent) flow->start_deadline = now.mono + start_patience(*flow);
  install_children(*flow, message.tracker, now);
  install_guests(*flow);
  // The origin may count this node as a watcher although it is none any more, or not count it since somebody
  // else spoke in its name.
  const bool watched = interests_.viewers(flow->id()) > 0;
  if (message.tracker.for_here() != watched) miscounted_.push_back(flow->id());
  maybe_start(*flow, now);
  erase_if_unneeded(*flow);
}

void FlowTable::install_own(Flow& flow, Label label, const PathTree& tree, Now now) {
  OTT_ASSERT(flow.own && tree.root().node == state_.self);
  flow.label = label;
  flow.levels = depth(tree.subtree(0));
  install_children(flow, Tracker::along(tree), now);
  install_guests(flow);
}

void FlowTable::install_children(Flow& flow, const Tracker& tracker, Now now) {
  for (const auto& child : flow.children) {
    if (PeerLink* link = state_.links.find(child->link)) link->sort_feed(*child);
  }
  const std::vector<Branch> branches = split(tracker);
  flow.tree_children.clear();
  for (const Branch& branch : branches) flow.tree_children.push_back(branch.next);
  // A child that has not sent START and is not in the new tree is dropped: another tree serves it.
  for (std::size_t i = flow.children.size(); i-- > 0;) {
    const Child& child = *flow.children[i];
    if (child.guest || child.asked || contains(flow.tree_children, child.node)) continue;
    if (PeerLink* link = state_.links.find(child.link)) drop_child(flow, *link);
  }
  for (const Branch& branch : branches) {
    PeerLink* link = state_.links.neighbour(branch.next);
    if (link == nullptr || flow.parent == link->id) {
      state_.log.debug(
          fmt::format("stream {}: no link to {} for its tree", flow.info.name, to_string(branch.next)));
      continue;
    }
    if (flow.child(link->id) == nullptr) {
      Child& child = flow.add_child(link->id, branch.next);
      child.since = now.mono;
      link->add_feed(child);
    }
    Child& child = *flow.child(link->id);
    child.tracker_sent = true;
    // The child needs the origin's link state before the TRACKER.
    states_.write_before(*link, flow.origin, now);
    state_.links.send(*link,
                      TrackerMessage{branch.tracker, flow.label, flow.origin, flow.info, !child.asked});
  }
}

void FlowTable::install_guests(Flow& flow) {
  const Interests::Interest* interest = interests_.find(flow.id());
  if (interest == nullptr) return;
  for (const LinkId guest : interest->guests) {
    PeerLink* link = state_.links.find(guest);
    if (link != nullptr) send_guest_tracker(flow, *link);
  }
}

void FlowTable::send_guest_tracker(Flow& flow, PeerLink& link) {
  if (flow.child(link.id) == nullptr) {
    Child& child = flow.add_child(link.id, link.peer);
    child.guest = true;
    link.add_feed(child);
  }
  Child& child = *flow.child(link.id);
  if (child.tracker_sent) return;
  child.tracker_sent = true;
  state_.links.send(link, TrackerMessage{route_over_link(state_.self, link.peer), flow.label, flow.origin,
                                         flow.info, true});
}

void FlowTable::feed_guest(StreamId stream, PeerLink& link) {
  if (Flow* flow = find(stream)) send_guest_tracker(*flow, link);
}

void FlowTable::drop_guest(StreamId stream, PeerLink& link) {
  if (Flow* flow = find(stream)) drop_child(*flow, link);
}

// ---- the flow, from below --------------------------------------------------------------------------------

void FlowTable::set_parent(Flow& flow, PeerLink& link, Now now) {
  if (flow.former_parent == link.id) {  // it is the parent again before it got STOP
    flow.former_parent.reset();
    leave_link(flow, link.id);
  }
  // The tree has turned round: the former child is the parent now. Two nodes that feed each other would never
  // end.
  drop_child(flow, link);
  const PeerLink* before = flow.parent ? state_.links.find(*flow.parent) : nullptr;
  const bool starving = before != nullptr && before->is_neighbour() && !is_fed(flow, now);
  flow.suspect = starving ? std::optional(before->peer) : std::nullopt;
  // The parent so far goes on until the new one's first record is here. If it has not begun to send, the
  // former parent before it goes on instead.
  if (flow.parent && flow.started) {
    stop_former_parent(flow);
    flow.former_parent = flow.parent;
  } else if (flow.parent) {
    stop_parent(flow, *flow.parent);
  }
  flow.parent = link.id;
  flow.parent_fed_at = flow.parent_since = now.mono;
  ++link.flows_in;
  flow.owe_start();
}

void FlowTable::stop_former_parent(Flow& flow) {
  if (flow.former_parent) stop_parent(flow, *std::exchange(flow.former_parent, std::nullopt));
}

void FlowTable::stop_parent(Flow& flow, LinkId id) {
  leave_link(flow, id);
  if (PeerLink* link = state_.links.find(id)) state_.links.send(*link, Stop{flow.label});
}

void FlowTable::leave_link(Flow& flow, LinkId id) {
  PeerLink* link = state_.links.find(id);
  if (flow.receiver == id) set_receiver(flow, nullptr);
  if (link != nullptr && link->flows_in > 0) --link->flows_in;
}

/// Moves what the receiver so far has in the buffer behind the head to its link, where it waits for the rest.
void FlowTable::set_receiver(Flow& flow, PeerLink* link) {
  PeerLink* before = flow.receiver ? state_.links.find(*flow.receiver) : nullptr;
  if (before == link && before != nullptr) return;
  if (before != nullptr) {
    const std::uint8_t* bytes = flow.buffer.at(flow.buffer.head());
    before->partial.assign(bytes, bytes + before->receiving_bytes);
    before->receiving = nullptr;
    before->receiving_bytes = 0;
  }
  flow.receiver.reset();
  if (link == nullptr) return;
  flow.receiver = link->id;
  link->receiving = &flow;
  link->receiving_bytes = 0;
}

void FlowTable::maybe_start(Flow& flow, Now now) {
  if (flow.own || flow.start_sent || !flow.parent) return;
  const bool knows = flow.buffer.last_done().value != 0;
  const bool nobody_else = flow.children.empty() && flow.watched_here;
  const bool all_asked = !flow.children.empty() && flow.all_children_asked();
  if (!knows && !nobody_else && !all_asked && now.mono < flow.start_deadline) return;
  PeerLink* link = state_.links.find(*flow.parent);
  if (link == nullptr) return;
  flow.start_sent = true;
  const bool anew = flow.buffer.last_done().value == 0;
  if (anew) {
    flow.began_after = flow.start_after();
    flow.asked_for_beginning = flow.began_after.value != 0 && flow.somebody_joins();
  }
  flow.start_deadline = MonoTime::max();
  state_.log.debug(
      fmt::format("START {} after {} to {}", flow.info.name, flow.start_after().value, link->name()));
  flow.started = false;
  flow.asked_after = flow.start_after();
  state_.links.send(*link, Start{flow.id(), flow.asked_after, ++flow.start_number,
                                 flow.buffer.ends_with_skip(), anew && flow.asked_for_beginning});
}

void FlowTable::on_start(PeerLink& link, const Start& message, Now now) {
  state_.log.debug(fmt::format("START after {} from {}", message.last.value, link.name()));
  Flow* flow = find(message.stream);
  Child* child = flow == nullptr ? nullptr : flow->child(link.id);
  if (child == nullptr) return;  // it has no place in the tree any more; another TRACKER will follow
  if (child->feed.started()) child->feed.leave(flow->buffer);
  child->asked = true;
  child->last = message.last;
  child->gap = message.gap;
  child->start_number = message.number;
  if (must_rewind(*flow, *child, now)) {
    state_.links.send(link, Started{message.stream, message.number, message.last});
    return rewind(*flow, now);
  }
  const MonoTime oldest = now.mono - state_.config.history;
  // No other parent can have more of a stream than its origin.
  const bool beyond = flow->own && message.last > flow->buffer.last_frame();
  child->last =
      child->feed.start(flow->buffer, beyond ? FrameNumber{} : message.last, message.gap, oldest, now.mono);
  if (child->last != message.last) ++state_.counters.numbers_refused;
  if (message.joins && child->last == message.last) child->feed.begin_earlier(flow->buffer);
  state_.links.send(link, Started{message.stream, message.number, child->last});
  state_.links.want_send(link, *child);
  maybe_start(*flow, now);
}

void FlowTable::tell_restarted(Flow& flow, Child& child) {
  ++state_.counters.numbers_refused;
  child.last = {};
  if (PeerLink* link = state_.links.find(child.link)) {
    state_.links.send(*link, Started{flow.id(), child.start_number, FrameNumber{0}});
  }
}

void FlowTable::on_started(PeerLink& link, const Started& message, Now now) {
  Flow* flow = find(message.stream);
  if (flow == nullptr || flow->parent != link.id || flow->start_number != message.number) return;
  // A second answer to the same START: the parent has begun anew.
  const FrameNumber here =
      flow->started ? std::max(flow->asked_after, flow->buffer.last_done()) : flow->asked_after;
  flow->started = true;
  flow->began_after = std::min(flow->began_after, message.after);
  if (message.after < here) begin_anew(*flow, now);
}

/// True if the child asks for older frames than the flow began with, or joins and needs such, or has got all
/// up to where this node waits for a sync point: this node's parent may have them. A guest can be anybody, so
/// guests get this once in the time that a history lasts.
bool FlowTable::must_rewind(const Flow& flow, const Child& child, Now now) const {
  const FrameNumber last = child.last;
  if (child.guest && now.mono - flow.rewound_at < state_.config.history) return false;
  if (last.value == 0 && flow.lacks_beginning()) return true;
  if (!flow.own && !child.gap && last.value != 0 && flow.leaves_out_all_after(last)) return true;
  const bool older = last.value != 0 && (flow.began_after.value == 0 || last < flow.began_after);
  if (flow.own || !older) return false;
  const auto* oldest = flow.buffer.oldest();
  if (oldest == nullptr) return flow.start_sent;
  return last.value + 1 < oldest->number.value && oldest->arrived > now.mono - state_.config.history;
}

/// Begins the flow in another buffer, without a frame. Its children have left the former one. False if there
/// is no room for it.
bool FlowTable::empty(Flow& flow) {
  auto buffer = make_buffer();
  if (!buffer) {
    state_.log.error(fmt::format("stream {}: {}", flow.info.name, buffer.error().message));
    return false;
  }
  set_receiver(flow, nullptr);
  for (const auto& child : flow.children) {
    if (!child->feed.started()) continue;
    const Feed::Place place = child->feed.leave(flow.buffer);
    child->last = place.last;
    child->gap = place.gap;
  }
  flow.buffer = std::move(*buffer);
  flow.sync_points_lost = 0;
  flow.buffer_number = ++buffers_made_;
  return true;
}

void FlowTable::forget_frames(Flow& flow, Now now) {
  OTT_ASSERT(flow.own);
  if (!empty(flow)) return;
  for (const auto& child : flow.children) {
    if (child->asked) child->feed.start(flow.buffer, child->last, true, now.mono, now.mono);
  }
}

/// Begins the flow again from the oldest frame that a child needs. The other children continue after their
/// last frame once it is here again.
void FlowTable::rewind(Flow& flow, Now now) {
  const FrameNumber done = flow.buffer.last_done();
  const bool joined_in_vain = flow.buffer.newest_sync_point() == nullptr;
  if (!empty(flow)) return;
  flow.reached = std::max(flow.reached, done);
  flow.joins_here = flow.joins_here && joined_in_vain;
  flow.since_rewound = {};
  flow.rewound_at = now.mono;
  for (const auto& child : flow.children) {
    if (!child->asked) continue;
    child->feed.start(flow.buffer, child->last, child->gap, now.mono - state_.config.history, now.mono);
  }
  flow.owe_start();
  flow.start_deadline = now.mono + start_patience(flow);
  maybe_start(flow, now);
}

/// The parent says that frames which are here do not belong to the stream: forgets them, here and below.
void FlowTable::begin_anew(Flow& flow, Now now) {
  const FrameNumber done = flow.buffer.last_done();
  if (!empty(flow)) return;
  state_.log.warning(fmt::format(
      "stream {}: frames up to {} were here, and its parent has none of them: the stream begins anew",
      flow.info.name, done.value));
  ++state_.counters.numbers_refused;
  stop_former_parent(flow);
  flow.numbering = flow.buffer_number;
  flow.began_after = flow.asked_after = flow.reached = {};
  for (const auto& child : flow.children) {
    if (!child->asked) continue;
    child->feed.start(flow.buffer, FrameNumber{0}, false, MonoTime{}, now.mono);
    tell_restarted(flow, *child);
  }
}

/// As begin_anew(), for a viewer here: the frames are gone already, and only their numbers are remembered.
void FlowTable::forget_reached(Flow& flow) {
  state_.log.warning(fmt::format(
      "stream {}: frames up to {} were here, and the stream does not come to them: it begins anew",
      flow.info.name, flow.reached.value));
  ++state_.counters.numbers_refused;
  flow.reached = {};
  flow.numbering = ++buffers_made_;
}

void FlowTable::on_stop(PeerLink& link, const Stop& message, Now now) {
  state_.log.debug(fmt::format("STOP by tree {} from {}", version_of(message.label), link.name()));
  Flow* flow = find(stream_of(message.label));
  if (flow == nullptr || flow->child(link.id) == nullptr) return;
  drop_child(*flow, link);
  if (is_older_version(message.label, flow->label) && contains(flow->tree_children, link.peer)) {
    // It sent STOP before the tree came that makes it our child again.
    Child& child = flow->add_child(link.id, link.peer);
    child.since = now.mono;
    child.tracker_sent = true;
    link.add_feed(child);
  }
  maybe_start(*flow, now);
  erase_if_unneeded(*flow);
}

void FlowTable::drop_child(Flow& flow, PeerLink& link) {
  Child* child = flow.child(link.id);
  if (child == nullptr) return;
  // The rest of a half-sent record goes out as a message of its own, ahead of all others.
  const ByteSpan rest = child->feed.rest_of_record(flow.buffer);
  link.outbox.insert(link.outbox.begin() + static_cast<std::ptrdiff_t>(link.outbox_sent), rest.begin(),
                     rest.end());
  if (!rest.empty()) state_.links.want_send(link);
  link.remove_feed(*child);
  flow.remove_child(link.id);
}

void FlowTable::on_interest_changed(StreamId stream, Now now) {
  Flow* flow = find(stream);
  if (flow == nullptr) return;
  const bool here = interests_.here(stream);
  const bool joins = here && !flow->watched_here;
  flow->joins_here = here && (joins || flow->joins_here);
  flow->watched_here = here;
  if (joins && flow->lacks_beginning()) rewind(*flow, now);
  if (interests_.viewers(stream) == 0 && flow->children.empty() && !flow->own) {
    flow->linger_until = now.mono + kLinger;
  } else {
    flow->linger_until = MonoTime::max();
  }
}

void FlowTable::erase_if_unneeded(Flow& flow) {
  if (flow.own || !flow.children.empty() || interests_.viewers(flow.id()) > 0) return;
  if (flow.linger_until == MonoTime::max()) erase(flow);
}

void FlowTable::erase(Flow& flow) {
  stop_former_parent(flow);
  if (flow.parent) stop_parent(flow, *flow.parent);
  while (!flow.children.empty()) {
    PeerLink* link = state_.links.find(flow.children.back()->link);
    OTT_ASSERT(link != nullptr);
    drop_child(flow, *link);
  }
  const StreamId id = flow.id();
  recent_[id.value % recent_.size()] = nullptr;
  flows_.erase(id);
}

// ---- changes and time ------------------------------------------------------------------------------------

void FlowTable::on_link_ended(PeerLink& link, Now now) {
  std::vector<StreamId> touched;
  for (auto& [stream, flow] : flows_) {
    if (flow->receiver == link.id) {
      // Bytes of a record that will never be whole.
      flow->receiver.reset();
      link.receiving = nullptr;
    }
    if (flow->former_parent == link.id) flow->former_parent.reset();
    if (flow->parent == link.id) {
      flow->parent.reset();
      // An access node that was about to be replaced is asked again. It sends a guest no other TRACKER.
      const PeerLink* former = flow->former_parent ? state_.links.find(*flow->former_parent) : nullptr;
      if (former != nullptr && former->is_access()) flow->parent.swap(flow->former_parent);
      flow->owe_start();
      flow->start_deadline = MonoTime::max();
      touched.push_back(stream);
    }
    if (flow->child(link.id) == nullptr) continue;
    drop_child(*flow, link);
    touched.push_back(stream);
  }
  for (const StreamId stream : touched) {
    Flow* flow = find(stream);
    if (flow == nullptr) continue;
    if (!has_path(stream)) changed_.push_back(stream);
    maybe_start(*flow, now);
    erase_if_unneeded(*flow);
  }
}

void FlowTable::give_up_parent(StreamId stream, const PeerLink& link, Now now) {
  Flow* flow = find(stream);
  if (flow == nullptr || flow->parent != link.id || link.is_access()) return;
  stop_former_parent(*flow);
  stop_parent(*flow, *std::exchange(flow->parent, std::nullopt));
  flow->owe_start();
  flow->start_deadline = MonoTime::max();
  changed_.push_back(stream);
  maybe_start(*flow, now);
  erase_if_unneeded(*flow);
}

/// A stream that its origin no longer lists is over, unless the origin soon lists it again: then somebody
/// else spoke in its name.
void FlowTable::on_overlay_changed(Now now) {
  for (const auto& [stream, flow] : flows_) {
    if (flow->own) continue;
    const bool reachable = !state_.db.graph().shortest_path(state_.self, flow->origin).empty();
    flow->unreachable_since = reachable ? MonoTime::max() : std::min(flow->unreachable_since, now.mono);
    const LinkState* origin = state_.db.find(flow->origin);
    if (origin == nullptr) continue;
    const bool offered = offers(*origin, flow->info);
    flow->unlisted_since = offered ? MonoTime::max() : std::min(flow->unlisted_since, now.mono);
  }
}

void FlowTable::erase_unlisted(Now now) {
  std::vector<StreamId> over;
  for (const auto& [stream, flow] : flows_) {
    if (now.mono >= flow->unlisted_since && now.mono - flow->unlisted_since >= kUnlistedMax)
      over.push_back(stream);
  }
  for (const StreamId stream : over) {
    erase(*find(stream));
    changed_.push_back(stream);
  }
}

/// Parents that send nothing have no deadline: tick() looks for them, and hellos make it called often enough.
[[gnu::hot]] MonoTime FlowTable::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& [stream, flow] : flows_) {
    next = std::min({next, flow->start_deadline, flow->linger_until});
  }
  return next;
}

/// Removes children that have not answered their TRACKER in time: the stream reaches them by another tree.
void FlowTable::drop_silent_children(Flow& flow, Now now) {
  for (std::size_t i = flow.children.size(); i-- > 0;) {
    const Child& child = *flow.children[i];
    if (child.guest || child.asked || now.mono - child.since < kStartWaitMax) continue;
    if (PeerLink* link = state_.links.find(child.link)) drop_child(flow, *link);
  }
}

/// Says once of a stream that who joins has to wait for a sync point, and counts it always.
void FlowTable::note_lost_sync_points(Flow& flow) {
  const std::uint64_t lost = flow.buffer.sync_points_lost();
  if (lost == flow.sync_points_lost) return;
  if (flow.sync_points_lost == 0) {
    state_.log.warning(
        fmt::format("stream {}: its ring of {} KiB does not hold all since the last frame at which decoding "
                    "can begin: viewers that join wait for the next one",
                    flow.info.name, flow.buffer.capacity() >> 10U));
  }
  state_.counters.sync_points_lost += lost - std::exchange(flow.sync_points_lost, lost);
}

[[gnu::hot]] void FlowTable::tick(Now now) {
  const bool look = now.mono >= look_at_;
  if (look) {
    look_at_ = now.mono + kLookInterval;
    erase_unlisted(now);
  }
  std::vector<StreamId> lingered;
  for (auto& [stream, flow] : flows_) {
    if (look) {
      leave_starving(*flow, state_, now);
      if (is_complaint_due(*flow, state_, now)) starving_.push_back(stream);
      check_label(*flow);
      note_lost_sync_points(*flow);
      if (fails_to_reach(*flow)) forget_reached(*flow);
      if (sends_only_known(*flow, now)) {
        flow->owe_start();
        maybe_start(*flow, now);
      }
      const std::size_t before = flow->children.size();
      drop_silent_children(*flow, now);
      if (flow->children.size() < before) lingered.push_back(stream);
    }
    if (now.mono >= flow->linger_until) lingered.push_back(stream);
    if (now.mono < flow->start_deadline) continue;
    maybe_start(*flow, now);
    flow->start_deadline = MonoTime::max();
  }
  for (const StreamId stream : lingered) {
    if (find(stream) == nullptr) continue;
    Flow& flow = *find(stream);
    flow.linger_until = MonoTime::max();
    erase_if_unneeded(flow);
  }
}

}  // namespace ott
