#include "overlay/flow_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ott/assert.h"

namespace ott {
namespace {

/// How long a relay that is new to a stream waits for its children's STARTs before it sends its own, for each
/// level below it: they wait for theirs. One that is dead is noticed by its link; this is for the others.
constexpr Duration kStartPatience = std::chrono::milliseconds(100);
constexpr Duration kStartPatienceMax = std::chrono::seconds(1);
/// A stream's ring at first, and when the memory of all rings is nearly used up.
constexpr std::size_t kFirstRingBytes = 1U << 20U;
constexpr std::size_t kSmallRingBytes = 256U << 10U;
/// How often a request to watch is repeated until a path is there.
constexpr Duration kWatchRetry = std::chrono::milliseconds(500);
/// How often the origin hears of a number of viewers that has changed (a first and a last one at once).
constexpr Duration kViewersRefresh = std::chrono::seconds(1);

/// Serial order of tree versions, which wrap (RFC 1982).
bool is_older(std::uint32_t version, std::uint32_t than) {
  const std::uint32_t distance = (than - version) & ((1U << kTreeVersionBits) - 1);
  return distance != 0 && distance < (1U << (kTreeVersionBits - 1));
}

Duration start_patience(const Flow& flow) {
  const auto levels = static_cast<Duration::rep>(1 + depth(flow.tree.subtree(0)));
  return std::min(kStartPatience * levels, kStartPatienceMax);
}

bool has_child(const PathTree& tree, const NodeId& node) {
  for (const PathTree::View child : tree.children()) {
    if (child.front().node == node) return true;
  }
  return false;
}

}  // namespace

Flow* FlowTable::find(StreamId id) {
  const auto found = flows_.find(id);
  return found == flows_.end() ? nullptr : found->second.get();
}

Result<StreamBuffer> FlowTable::make_buffer() {
  const OverlayConfig& config = state_.config;
  const std::size_t first = state_.rings.scarce() ? kSmallRingBytes : kFirstRingBytes;
  auto buffer = StreamBuffer::create(state_.rings, std::min(first, config.ring_bytes));
  if (buffer) buffer->may_grow(config.ring_bytes, config.history);
  return buffer;
}

Flow* FlowTable::create(const NodeId& origin, const StreamInfo& info) {
  auto buffer = make_buffer();
  if (!buffer) {
    state_.log.error(fmt::format("stream {}: {}", info.name, buffer.error().message));
    return nullptr;
  }
  auto flow = std::make_unique<Flow>(std::move(*buffer), origin, info);
  Flow* created = flow.get();
  flows_[info.id] = std::move(flow);
  const auto watching = watching_.find(info.id);
  created->watched_here = watching != watching_.end() && watching->second.here;
  return created;
}

Result<Flow*> FlowTable::create_own(const StreamInfo& info) {
  Flow* flow = create(state_.self, info);
  if (flow == nullptr) return fail("stream " + info.name + ": no room for its ring");
  flow->own = true;
  flow->label = make_label(info.id, 1);
  flow->tree.entries = {{state_.self, 1, false}};
  return flow;
}

// ---- the tree, from the top ------------------------------------------------------------------------------

void FlowTable::on_tracker(PeerLink& link, const TrackerMessage& message, Now now) {
  state_.log.debug(
      fmt::format("TRACKER {} of {} from {}", version_of(message.label), message.stream.name, link.name()));
  Flow* flow = find(message.stream.id);
  const bool for_us = message.tracker.path.root().node == state_.self;
  const bool stale =
      flow != nullptr && (flow->own || is_older(version_of(message.label), version_of(flow->label)));
  if (!for_us || stale) {
    const bool from_parent = flow != nullptr && flow->parent == link.id;
    if (!from_parent) state_.links.send(link, Stop{flow != nullptr ? flow->label : message.label});
    return;
  }
  if (flow == nullptr) flow = create(message.origin, message.stream);
  if (flow == nullptr) return state_.links.send(link, Stop{message.label});
  flow->label = message.label;
  flow->info = message.stream;
  flow->tree = message.tracker.path;
  if (flow->parent != link.id) set_parent(*flow, link);
  if (message.expects_start) flow->owe_start();
  if (!flow->start_sent) flow->start_deadline = now.mono + start_patience(*flow);
  install_children(*flow, message.tracker);
  install_guests(*flow);
  if (message.tracker.for_here() && viewers(flow->id()) == 0) {
    // The origin takes us for a viewer that we no longer are.
    Watching gone{message.origin, {}, false, 1, MonoTime::max()};
    tell_origin(flow->id(), gone, now);
  }
  maybe_start(*flow, now);
  erase_if_unneeded(*flow);
}

void FlowTable::install_own(Flow& flow, Label label, PathTree tree) {
  OTT_ASSERT(flow.own);
  flow.label = label;
  flow.tree = std::move(tree);
  install_children(flow, Tracker::along(flow.tree));
  install_guests(flow);
}

void FlowTable::install_children(Flow& flow, const Tracker& tracker) {
  const std::vector<Branch> branches = split(tracker);
  // A child that has not asked yet and is no longer ours finds its way by another tree.
  for (std::size_t i = flow.children.size(); i-- > 0;) {
    const Child& child = *flow.children[i];
    const bool listed = std::any_of(branches.begin(), branches.end(),
                                    [&child](const Branch& branch) { return branch.next == child.node; });
    if (child.guest || child.asked || listed) continue;
    if (PeerLink* link = state_.links.find(child.link)) drop_child(flow, *link);
  }
  for (const Branch& branch : branches) {
    PeerLink* link = state_.links.neighbour(branch.next);
    if (link == nullptr) {
      state_.log.debug(
          fmt::format("stream {}: no link to {} for its tree", flow.info.name, to_string(branch.next)));
      continue;
    }
    if (flow.child(link->id) == nullptr) {
      Child& child = flow.add_child(link->id, branch.next);
      link->add_feed(child);
    }
    Child& child = *flow.child(link->id);
    child.tracker_sent = true;
    state_.links.send(*link,
                      TrackerMessage{branch.tracker, flow.label, flow.origin, flow.info, !child.asked});
  }
}

void FlowTable::install_guests(Flow& flow) {
  const auto watching = watching_.find(flow.id());
  if (watching == watching_.end()) return;
  for (const LinkId guest : watching->second.guests) {
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
  PathTree path;
  path.entries = {{link.peer, 1, true}};
  Tracker tracker = Tracker::along(std::move(path));
  tracker.visited = {state_.self};
  tracker.hops = 1;
  state_.links.send(link, TrackerMessage{std::move(tracker), flow.label, flow.origin, flow.info, true});
}

// ---- the flow, from below --------------------------------------------------------------------------------

void FlowTable::set_parent(Flow& flow, PeerLink& link) {
  if (flow.former_parent == link.id) {  // back again, before it was told to stop
    flow.former_parent.reset();
    leave_link(flow, link.id);
  }
  // Where a tree has turned round, who was fed by us feeds us now: two that feed each other would never end.
  drop_child(flow, link);
  // Whoever feeds us goes on until the new parent's first record is here: the parent so far, or the one
  // before it, if that has not begun.
  if (flow.parent && flow.started) {
    stop_former_parent(flow);
    flow.former_parent = flow.parent;
  } else if (flow.parent) {
    stop_parent(flow, *flow.parent);
  }
  flow.parent = link.id;
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
  if (flow.buffer.last_done().value == 0) flow.began_after = flow.start_after();
  flow.start_deadline = MonoTime::max();
  state_.log.debug(
      fmt::format("START {} after {} to {}", flow.info.name, flow.start_after().value, link->name()));
  flow.started = false;
  state_.links.send(*link, Start{flow.id(), flow.start_after(), ++flow.start_number});
}

void FlowTable::on_start(PeerLink& link, const Start& message, Now now) {
  state_.log.debug(fmt::format("START after {} from {}", message.last.value, link.name()));
  Flow* flow = find(message.stream);
  Child* child = flow == nullptr ? nullptr : flow->child(link.id);
  if (child == nullptr) return;  // its place in the tree is gone; it will hear of another
  state_.links.send(link, Started{message.stream, message.number});
  if (child->feed.started()) child->feed.leave(flow->buffer);
  child->asked = true;
  child->last = message.last;
  if (must_rewind(*flow, *child, now) && rewind(*flow, now)) return;
  const MonoTime oldest = now.mono - state_.config.history;
  child->feed.start(flow->buffer, message.last, state_.late_until > oldest ? MonoTime{} : oldest, now.mono);
  state_.links.want_send(link);
  maybe_start(*flow, now);
}

void FlowTable::on_started(PeerLink& link, const Started& message) {
  Flow* flow = find(message.stream);
  if (flow != nullptr && flow->parent == link.id && flow->start_number == message.number)
    flow->started = true;
}

/// A child that comes to us with an older need than all that this flow began for finds its frames further up.
/// Guests, who are anybody, can have that done once in the time that a history lasts.
bool FlowTable::must_rewind(const Flow& flow, const Child& child, Now now) const {
  const FrameNumber last = child.last;
  if (child.guest && now.mono - flow.rewound_at < state_.config.history) return false;
  const bool older = last.value != 0 && (flow.began_after.value == 0 || last < flow.began_after);
  if (flow.own || !older) return false;
  const auto* oldest = flow.buffer.oldest();
  if (oldest == nullptr) return flow.start_sent;
  return last.value + 1 < oldest->number.value && oldest->arrived > now.mono - state_.config.history;
}

/// Begins the flow anew from the oldest frame that a child needs. The others go on with the frame after their
/// last one, once it is here again. False, and nothing has changed, if there is no room for another ring.
bool FlowTable::rewind(Flow& flow, Now now) {
  auto buffer = make_buffer();
  if (!buffer) {
    state_.log.error(fmt::format("stream {}: {}", flow.info.name, buffer.error().message));
    return false;
  }
  set_receiver(flow, nullptr);
  for (const auto& child : flow.children) {
    if (child->feed.started()) child->last = child->feed.leave(flow.buffer);
  }
  flow.buffer = std::move(*buffer);
  flow.rewound_at = now.mono;
  ++flow.buffer_number;
  for (const auto& child : flow.children) {
    if (child->asked) child->feed.start(flow.buffer, child->last, MonoTime{}, now.mono);
  }
  flow.owe_start();
  flow.start_deadline = now.mono + start_patience(flow);
  maybe_start(flow, now);
  return true;
}

void FlowTable::on_stop(PeerLink& link, const Stop& message, Now now) {
  state_.log.debug(fmt::format("STOP by tree {} from {}", version_of(message.label), link.name()));
  const StreamId stream = stream_of(message.label);
  Flow* flow = find(stream);
  const auto watching = watching_.find(stream);
  if (watching != watching_.end() && std::erase(watching->second.guests, link.id) > 0) {
    watching_changed(stream, now);
  }
  if (flow == nullptr || flow->child(link.id) == nullptr) return;
  drop_child(*flow, link);
  if (is_older(version_of(message.label), version_of(flow->label)) && has_child(flow->tree, link.peer)) {
    // It has not seen the tree that makes it our child again.
    Child& child = flow->add_child(link.id, link.peer);
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

void FlowTable::erase_if_unneeded(Flow& flow) {
  if (flow.own || flow.watched_here || !flow.children.empty() || viewers(flow.id()) > 0) return;
  erase(flow);
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
  flows_.erase(id);
}

// ---- wanting to watch ------------------------------------------------------------------------------------

std::uint32_t FlowTable::viewers(StreamId stream) const {
  const auto watching = watching_.find(stream);
  return watching == watching_.end() ? 0 : watching->second.viewers();
}

void FlowTable::watch_here(StreamId stream, const NodeId& origin, bool wanted, Now now) {
  Watching& watching = watching_[stream];
  watching.origin = origin;
  watching.here = wanted;
  Flow* flow = find(stream);
  if (flow != nullptr) flow->watched_here = wanted;
  watching_changed(stream, now);
  if (flow != nullptr && !wanted) erase_if_unneeded(*flow);
}

void FlowTable::on_guest_watch(PeerLink& link, const Watch& message, Now now) {
  NodeId origin = state_.self;
  if (find(message.stream) == nullptr) {
    const std::vector<KnownStream> streams = known_streams(state_.db, state_.self);
    const auto known = std::find_if(streams.begin(), streams.end(), [&message](const KnownStream& stream) {
      return stream.info.id == message.stream;
    });
    if (known == streams.end()) return;  // gone meanwhile; the guest's list of streams will say so
    origin = known->origin;
  } else {
    origin = find(message.stream)->origin;
  }
  Watching& watching = watching_[message.stream];
  watching.origin = origin;
  std::erase(watching.guests, link.id);
  if (message.viewers > 0) watching.guests.push_back(link.id);
  watching_changed(message.stream, now);
  Flow* flow = find(message.stream);
  if (flow == nullptr) return;
  if (message.viewers > 0) {
    send_guest_tracker(*flow, link);
  } else {
    drop_child(*flow, link);
    erase_if_unneeded(*flow);
  }
}

bool FlowTable::has_path(const Flow* flow) const { return flow != nullptr && (flow->own || flow->parent); }

void FlowTable::watching_changed(StreamId stream, Now now) {
  const auto found = watching_.find(stream);
  if (found == watching_.end()) return;
  Watching& watching = found->second;
  const std::uint32_t viewers = watching.viewers();
  const bool at_once = (viewers == 0) != (watching.told == 0) || (viewers > 0 && !has_path(find(stream)));
  if (at_once) {
    tell_origin(stream, watching, now);
  } else if (viewers != watching.told && watching.tell_at == MonoTime::max()) {
    watching.tell_at = now.mono + kViewersRefresh;
  }
  if (viewers == 0 && watching.told == 0) watching_.erase(found);
}

void FlowTable::tell_origin(StreamId stream, Watching& watching, Now now) {
  const Flow* flow = find(stream);
  const bool wanted = watching.viewers() > 0 || (flow != nullptr && !flow->children.empty());
  const bool wants_tracker = wanted && !has_path(flow);
  watching.tell_at = wants_tracker ? now.mono + kWatchRetry : MonoTime::max();
  const bool nothing_new = !wants_tracker && watching.viewers() == 0 && watching.told == 0;
  watching.told = watching.viewers();
  if (nothing_new || watching.origin == state_.self) return;
  // As a guest, the way to the origin is our access node's business.
  PathTree path;
  PeerLink* next = nullptr;
  if (state_.config.kind == PeerKind::Guest) {
    for (PeerLink& link : state_.links.all()) {
      if (link.is_access()) next = &link;
    }
    if (next != nullptr) path.entries = {{state_.self, 2, false}, {next->peer, 1, true}};
  } else {
    const std::vector<std::vector<NodeId>> paths = {
        state_.db.graph().shortest_path(state_.self, watching.origin)};
    path = multicast_path(paths);
    if (path.entries.size() >= 2) next = state_.links.neighbour(path.entries[1].node);
  }
  if (next == nullptr) return;
  Watch message;
  message.tracker = split(Tracker::along(std::move(path))).front().tracker;
  message.stream = stream;
  message.watcher = state_.self;
  message.incarnation = state_.config.incarnation;
  message.viewers = watching.viewers();
  message.wants_tracker = wants_tracker;
  state_.links.send(*next, message);
}

// ---- changes and time ------------------------------------------------------------------------------------

void FlowTable::on_link_ended(PeerLink& link, Now now) {
  std::vector<StreamId> changed;
  for (auto& [stream, watching] : watching_) {
    if (std::erase(watching.guests, link.id) > 0) changed.push_back(stream);
  }
  for (const StreamId stream : changed) watching_changed(stream, now);

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
    if (!has_path(flow)) {
      watching_changed(stream, now);
      ask_for_children(*flow, now);
    }
    maybe_start(*flow, now);
    erase_if_unneeded(*flow);
  }
}

/// A link that comes back before the origin has looked changes no tree, and nobody below sees that it was
/// gone: a relay that has children and no parent by then says so.
void FlowTable::ask_for_children(const Flow& flow, Now now) {
  if (flow.children.empty()) return;
  Watching& watching = watching_[flow.id()];
  watching.origin = flow.origin;
  watching.tell_at = std::min(watching.tell_at, now.mono + kWatchRetry);
}

void FlowTable::on_overlay_changed(Now now) {
  // A stream that its origin no longer has is over: its origin has ended it, or has begun anew.
  std::vector<StreamId> over;
  for (const auto& [stream, flow] : flows_) {
    const LinkState* origin = state_.db.find(flow->origin);
    if (flow->own || origin == nullptr) continue;
    const bool exists = std::any_of(origin->streams.begin(), origin->streams.end(),
                                    [id = stream](const StreamInfo& info) { return info.id == id; });
    if (!exists) over.push_back(stream);
  }
  for (const StreamId stream : over) {
    watching_.erase(stream);
    erase(*find(stream));
  }
  for (auto& [stream, watching] : watching_) {
    if (watching.viewers() > 0 && !has_path(find(stream))) tell_origin(stream, watching, now);
  }
}

MonoTime FlowTable::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& [stream, flow] : flows_) next = std::min(next, flow->start_deadline);
  for (const auto& [stream, watching] : watching_) next = std::min(next, watching.tell_at);
  return next;
}

void FlowTable::tick(Now now) {
  for (auto& [stream, flow] : flows_) {
    if (now.mono < flow->start_deadline) continue;
    maybe_start(*flow, now);
    flow->start_deadline = MonoTime::max();
  }
  for (auto& [stream, watching] : watching_) {
    if (now.mono >= watching.tell_at) tell_origin(stream, watching, now);
  }
  std::erase_if(watching_, [](const auto& entry) {
    const Watching& watching = entry.second;
    return watching.viewers() == 0 && watching.told == 0 && watching.tell_at == MonoTime::max();
  });
}

}  // namespace ott
