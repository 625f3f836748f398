#include "overlay/data_path.h"

#include <algorithm>
#include <cstring>

#include "ott/assert.h"
#include "ott/count.h"

namespace ott {
namespace {

constexpr std::size_t kReceiveBytesMax = 256U << 10U;
/// The longest unfinished message, and what is received behind it.
constexpr std::size_t kScratchBytes = kHeaderBytes + kBodyBytesMax + kReceiveBytesMax;
/// What must be there of a record to know whether its flow takes it: up to the RTP sequence number.
constexpr std::size_t kRecordPeekBytes = kRecordHeaderBytes + 4;
/// How much one of several feeds of a link may send before it is another's turn, and all in one call.
constexpr std::size_t kTurnBytes = 128U << 10U;
constexpr std::size_t kGatherBytes = 256U << 10U;
/// Records that are smaller on average cost less to copy than to read one by one.
constexpr std::size_t kSmallRecordBytes = 4U << 10U;
/// The bound on the lag of audio and text.
constexpr Duration kUrgentLagMax = std::chrono::milliseconds(80);

}  // namespace

DataPath::DataPath(OverlayState& state, FlowTable& flows)
    : state_(state), flows_(flows), scratch_(std::make_unique_for_overwrite<std::uint8_t[]>(kScratchBytes)) {}

// ---- receiving -------------------------------------------------------------------------------------------

/// True if the link carries several streams whose records are copied to their rings.
bool DataPath::has_small_records(const PeerLink& link) const {
  return link.flows_in >= 2 && link.record_bytes / 16 < kSmallRecordBytes;
}

/// How many bytes may be read at once. A link that carries several streams of large records is read record by
/// record, so that each record's bytes can go to their own ring: to the end of this one and the beginning of
/// the next.
std::size_t DataPath::receive_limit(const PeerLink& link, ByteSpan pending) const {
  if (link.flows_in < 2 || has_small_records(link)) return kReceiveBytesMax;
  const Framed framed = next_message(pending, kBodyBytesMax);
  const std::size_t rest = framed.has_header ? framed.header.total() - pending.size() : 0;
  if (framed.has_header && !is_record(framed.header.type)) return rest + kRecordPeekBytes;
  return pending.size() < kRecordPeekBytes ? kRecordPeekBytes - pending.size() : rest + kRecordPeekBytes;
}

MutableByteSpan DataPath::recv_slice(PeerLink& link) {
  if (link.closing) return {};
  if (link.receiving != nullptr) {
    Flow& flow = *link.receiving;
    const ByteSpan pending(flow.buffer.at(flow.buffer.head()), link.receiving_bytes);
    const std::size_t limit = std::min(receive_limit(link, pending), flow.buffer.capacity() / 4);
    return flow.room(link.receiving_bytes + limit).subspan(link.receiving_bytes);
  }
  std::copy(link.partial.begin(), link.partial.end(), scratch_.get());
  const std::size_t limit = std::min(receive_limit(link, link.partial), kScratchBytes - link.partial.size());
  return {scratch_.get() + link.partial.size(), limit};
}

bool DataPath::received(PeerLink& link, std::size_t bytes, Now now) {
  link.bytes_in += bytes;
  link.last_heard = now.mono;
  scratch_begin_ = scratch_end_ = 0;
  came_for_here_ = false;
  if (link.receiving != nullptr) {
    link.receiving_bytes += bytes;
    take_from_ring(link, now);
  } else {
    scratch_end_ = link.partial.size() + bytes;
    link.partial.clear();
  }
  return link.receiving != nullptr;
}

void DataPath::take_from_ring(PeerLink& link, Now now) {
  Flow& flow = *link.receiving;
  bool taken = false;
  while (link.receiving_bytes > 0) {
    std::uint8_t* at = flow.buffer.room(link.receiving_bytes).data();
    const ByteSpan pending(at, link.receiving_bytes);
    const Framed framed = next_message(pending, kBodyBytesMax);
    const bool whole = framed.kind == Framed::Kind::Whole;
    bool ours =
        framed.kind == Framed::Kind::Incomplete && (!framed.has_header || is_record(framed.header.type));
    if (ours && pending.size() >= kRecordHeaderBytes) {
      ours = stream_of(Label{load_be<std::uint64_t>(at + kHeaderBytes)}) == flow.id();
    }
    if (ours) break;  // incomplete: the rest follows
    const auto record =
        whole && is_record(framed.header.type) ? parse_record(framed.header, pending) : std::nullopt;
    if (!record || stream_of(record->label) != flow.id() || !may_feed(link, flow, *record) ||
        !flow.buffer.takes(*record)) {
      std::copy(pending.begin(), pending.end(), scratch_.get());
      scratch_end_ = pending.size();
      link.receiving_bytes = 0;
      flows_.set_receiver(flow, nullptr);
      link.partial.clear();
      break;
    }
    increment_hops(at);
    flow.buffer.commit(*record, now.mono);
    link.receiving_bytes -= record->header.total();
    note_taken(link, flow, *record, now);
    taken = true;
  }
  if (taken) wake_children(flow);
}

/// True if a flow takes records from this link. A new parent's records count only after its STARTED: those
/// that it sent before would leave a gap. The former parent's records go on, but an empty buffer does not
/// begin with one of them, and if it leaves out all up to a sync point, the new one may do better.
bool DataPath::may_feed(const PeerLink& link, const Flow& flow, const Record& record) {
  if (flow.parent == link.id) return flow.started;
  if (flow.former_parent != link.id || flow.buffer.untouched()) return false;
  return !record.is_skip() || flow.buffer.all_are_sync_points();
}

void DataPath::note_taken(PeerLink& link, Flow& flow, const Record& record, Now now) {
  if (!record.is_skip() && record.last()) ++link.frames_in;
  came_for_here_ |= flow.watched_here;
  if (link.flows_in >= 2) link.record_bytes += record.header.total() - link.record_bytes / 16;
  if (flow.parent != link.id) return;
  flow.parent_fed_at = now.mono;
  flow.only_known_since = MonoTime::max();
  if (flow.former_parent) flows_.stop_former_parent(flow);
}

/// False if the record cannot be the stream's.
bool DataPath::take_by_copy(PeerLink& link, const Record& record, ByteSpan message, Now now) {
  Flow* flow = flows_.find(stream_of(record.label));
  if (flow == nullptr || !may_feed(link, *flow, record))
    return true;  // late, from a parent that is no longer one
  if (flow->buffer.is_beyond(record)) {
    ++state_.counters.numbers_refused;
    return false;
  }
  if (flow->buffer.takes(record)) {
    if (flow->receiver) flows_.set_receiver(*flow, nullptr);
    const MutableByteSpan room = flow->room(message.size());
    std::copy(message.begin(), message.end(), room.begin());
    increment_hops(room.data());
    flow->buffer.commit(record, now.mono);
    note_taken(link, *flow, record, now);
    wake_children(*flow);
  } else if (flow->parent == link.id) {
    flow->only_known_since = std::min(flow->only_known_since, now.mono);
    // The new parent is there, if only with what is here already.
    if (flow->former_parent) flows_.stop_former_parent(*flow);
  }
  return true;
}

/// The longest body that this peer may send now.
std::uint32_t DataPath::body_limit(const PeerLink& link) const {
  if (link.up && link.is_of_guest()) {
    return static_cast<std::uint32_t>(state_.config.limits.guest_message_bytes);
  }
  return link.handshake.over() || link.outgoing() ? kBodyBytesMax : kBodyBytesMaxUnauthenticated;
}

std::optional<DataPath::Control> DataPath::next_control(PeerLink& link, Now now, std::string& complaint) {
  const std::uint32_t body_bytes_max = body_limit(link);
  while (scratch_begin_ < scratch_end_) {
    const ByteSpan bytes(scratch_.get() + scratch_begin_, scratch_end_ - scratch_begin_);
    const Framed framed = next_message(bytes, body_bytes_max);
    if (framed.kind == Framed::Kind::Incomplete) return std::nullopt;
    if (framed.kind == Framed::Kind::Malformed) {
      complaint = framed.complaint;
      return std::nullopt;
    }
    const ByteSpan message = bytes.first(framed.header.total());
    scratch_begin_ += message.size();
    if (!is_record(framed.header.type)) return Control{framed.header, message.subspan(kHeaderBytes)};
    const auto record = parse_record(framed.header, message);
    if (!record) {
      ++state_.counters.numbers_refused;
      complaint = "malformed DATA or SKIP";
      return std::nullopt;
    }
    if (!link.connected()) {
      complaint = "DATA before the handshake is over";
      return std::nullopt;
    }
    if (!take_by_copy(link, *record, message, now)) {
      complaint = "frame numbers that are far beyond the stream's";
      return std::nullopt;
    }
  }
  return std::nullopt;
}

Flow* DataPath::only_flow_of(const PeerLink& link) const {
  if (link.flows_in != 1) return nullptr;
  for (const auto& [id, flow] : flows_.all()) {
    if (flow->parent == link.id || flow->former_parent == link.id) return flow.get();
  }
  return nullptr;
}

void DataPath::keep_rest(PeerLink& link) {
  if (link.receiving != nullptr) return;
  const ByteSpan rest(scratch_.get() + scratch_begin_, scratch_end_ - scratch_begin_);
  if (has_small_records(link)) {
    link.partial.assign(rest.begin(), rest.end());
    return;
  }
  // The next bytes belong to the stream of the incomplete record, or else to the link's only stream.
  Flow* flow = only_flow_of(link);
  const Framed framed = next_message(rest, kBodyBytesMax);
  if (framed.has_header && !is_record(framed.header.type)) flow = nullptr;
  if (framed.has_header && rest.size() >= kRecordPeekBytes && is_record(framed.header.type)) {
    Flow* named = flows_.find(stream_of(Label{load_be<std::uint64_t>(rest.data() + kHeaderBytes)}));
    flow = named != nullptr && named->parent == link.id ? named : nullptr;
  }
  if (flow != nullptr && flow->parent == link.id) {
    flows_.set_receiver(*flow, &link);
    const MutableByteSpan room = flow->room(rest.size());
    std::copy(rest.begin(), rest.end(), room.begin());
    link.receiving_bytes = rest.size();
  } else {
    link.partial.assign(rest.begin(), rest.end());
  }
}

// ---- sending ---------------------------------------------------------------------------------------------

void DataPath::wake_children(Flow& flow) {
  for (const auto& child : flow.children) {
    if (!child->feed.started()) continue;
    PeerLink* link = state_.links.find(child->link);
    OTT_ASSERT(link != nullptr);
    state_.links.want_send(*link, *child);
  }
}

Duration DataPath::lag_max(const Child& child) const {
  return child.urgent ? std::min(state_.config.lag_max, kUrgentLagMax) : state_.config.lag_max;
}

ByteSpan DataPath::what_to_send(const Child& child, Now now) const {
  const StreamBuffer& buffer = child.flow->buffer;
  const bool late = child.feed.late(buffer, now.mono, lag_max(child));
  return late ? child.feed.rest_of_frame(buffer) : child.feed.pending(buffer);
}

/// Moves the feed to what is to be sent next. False if the child must be told something before that: then it
/// is in the outbox, or stays to be said where something has been gathered already.
bool DataPath::prepare(PeerLink& link, Child& child, Now now) {
  const StreamBuffer& buffer = child.flow->buffer;
  child.feed.pass_over_known(buffer, now.mono);
  child.feed.limit_lag(buffer, now.mono, lag_max(child));
  if (!child.feed.has_news()) return true;
  if (gathering_.count > 0) return false;
  if (child.feed.take_restarted()) {
    flows_.tell_restarted(*child.flow, child);
  } else if (const auto skip = child.feed.take_skip()) {
    add_to_count(link.frames_skipped, skip->last.value - skip->first.value + 1);
    link.outbox.resize(kRecordHeaderBytes);
    Header header{MessageType::Skip, 0, 0, kRecordHeaderBytes - kHeaderBytes};
    store_record_header(link.outbox.data(), header, child.flow->label, skip->first, skip->last.value);
  }
  return false;
}

void DataPath::give(Child* child, ByteSpan bytes) {
  gathering_.pieces[gathering_.count] = bytes;
  gathering_.given[gathering_.count] = {child, bytes.size()};
  ++gathering_.count;
  gathering_.bytes += bytes.size();
  if (gathering_.bytes >= kGatherBytes) gathering_.full = true;
}

/// As much of it as may be under way: whole records, or one that is longer where the link is drained.
ByteSpan DataPath::bounded(PeerLink& link, const Child& child, ByteSpan bytes) {
  const std::size_t room = link.flight.room();
  if (bytes.size() <= room) return bytes;
  link.flight.reached();
  const std::uint64_t from = child.feed.position().value;
  std::size_t whole = 0;
  while (whole < bytes.size()) {
    const std::size_t next = child.flow->buffer.record_at(Position{from + whole}).header.total();
    if (whole + next > room && (whole > 0 || !link.flight.is_drained())) break;
    whole += next;
  }
  return bytes.first(std::min(whole, bytes.size()));
}

/// Adds what the feeds have, beginning with the one whose turn it is.
void DataPath::gather_in_turn(PeerLink& link, FeedQueue& feeds, Now now) {
  const bool several = link.several_feeds();
  Child* next = nullptr;
  for (Child* at = feeds.first(); at != nullptr && gathering_.has_room(); at = next) {
    Child& child = *at;
    next = child.next_awake;
    if (child.feed.is_idle(child.flow->buffer)) {
      feeds.rest(child);
      continue;
    }
    if (!prepare(link, child, now)) {
      if (gathering_.count == 0) give(nullptr, link.outbox);
      gathering_.full = true;
      return;
    }
    const ByteSpan all = what_to_send(child, now);
    ByteSpan bytes = several ? all.first(std::min(all.size(), kTurnBytes)) : all;
    if (!child.urgent && !bytes.empty() && link.has_both_kinds()) {
      bytes = bounded(link, child, bytes);
      if (bytes.empty()) return hold(link, now);
    }
    if (!bytes.empty()) give(&child, bytes);
    if (bytes.size() < child.feed.pending(child.flow->buffer).size()) {
      gathering_.full = true;  // it may end within a record
      if (!child.urgent && link.has_both_kinds() && link.flight.room() <= bytes.size()) hold(link, now);
    }
  }
}

void DataPath::hold(PeerLink& link, Now now) {
  if (link.held) return;
  link.held = true;
  held_.push_back(link.id);
  look_at_ = std::min(look_at_, now.mono + FlightBound::kLookAgain);
}

void DataPath::wake_held(Now now) {
  if (now.mono < look_at_) return;
  look_at_ = MonoTime::max();
  for (const LinkId id : held_) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr) continue;
    link->held = false;
    state_.links.want_send(*link);
  }
  held_.clear();
}

std::size_t DataPath::send_slices(PeerLink& link, Now now, std::span<ByteSpan> pieces) {
  gathering_.pieces = pieces;
  gathering_.count = gathering_.bytes = 0;
  gathering_.full = gathering_.complete = false;
  if (link.has_both_kinds() && !link.measured) {
    link.measured = true;
    state_.links.requests().measure.push_back(link.id);
  }
  // A half-sent record goes first: by itself if something else waits, or else with all that follows it.
  if (Child* const sending = link.sending) {
    const ByteSpan rest = sending->feed.rest_of_record(sending->flow->buffer);
    const bool alone = link.outbox.empty() && !link.several_feeds();
    if (!rest.empty()) {
      give(sending, alone ? what_to_send(*sending, now) : rest);
      gathering_.complete = alone && gathering_.bytes == sending->feed.pending(sending->flow->buffer).size();
      return 1;
    }
  }
  link.sending = nullptr;
  if (!link.outbox.empty()) {
    give(nullptr, ByteSpan(link.outbox).subspan(link.outbox_sent));
    return 1;
  }
  gather_in_turn(link, link.urgent_feeds, now);
  if (gathering_.has_room()) gather_in_turn(link, link.feeds, now);
  gathering_.complete = gathering_.has_room();
  return gathering_.count;
}

bool DataPath::send_advance(PeerLink& link, std::size_t bytes, Now now) {
  link.bytes_out += bytes;
  link.last_sent = now.mono;
  bool all = gathering_.complete;
  for (std::size_t i = 0; i < gathering_.count; ++i) {
    const auto [child, given] = gathering_.given[i];
    const std::size_t sent = std::min(bytes, given);
    bytes -= sent;
    if (child == nullptr) {
      link.outbox_sent += sent;
    } else if (sent > 0) {
      const StreamBuffer& buffer = child->flow->buffer;
      link.frames_out += child->feed.advance(buffer, sent, now.mono);
      if (!child->urgent) link.flight.given(sent);
      link.sending = child->feed.rest_of_record(buffer).empty() ? nullptr : child;
    }
    if (sent < given) {  // it is this one's turn still
      all = false;
      break;
    }
    if (child == nullptr) continue;
    FeedQueue& queue = link.queue_of(*child);
    if (child->feed.is_idle(child->flow->buffer)) {
      queue.rest(*child);
    } else {
      queue.to_end(*child);
    }
  }
  gathering_.count = 0;
  if (link.outbox_sent > 0 && !outbox_advanced(link)) return true;
  if (!link.outbox.empty()) return true;
  if (all) return false;
  return link.feeds_wait();
}

/// True once all of the outbox is sent, and nothing new is in it.
bool DataPath::outbox_advanced(PeerLink& link) {
  OTT_ASSERT(link.outbox_sent <= link.outbox.size());
  if (link.outbox_sent < link.outbox.size()) return false;
  link.outbox.clear();
  link.outbox_sent = 0;
  constexpr std::size_t kOutboxKeptBytes = 1024;
  if (link.outbox.capacity() > kOutboxKeptBytes) link.outbox.shrink_to_fit();
  return link.echo_due == 0 || !state_.links.outbox_empty(link);
}

}  // namespace ott
