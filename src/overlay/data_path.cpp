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
/// How much one of several feeds of a link may send before it is another's turn.
constexpr std::size_t kTurnBytes = 128U << 10U;

}  // namespace

DataPath::DataPath(OverlayState& state, FlowTable& flows)
    : state_(state), flows_(flows), scratch_(std::make_unique_for_overwrite<std::uint8_t[]>(kScratchBytes)) {}

// ---- receiving -------------------------------------------------------------------------------------------

/// How many bytes may be read at once. A link that carries several streams is read record by record, so that
/// each record's bytes can go to their own ring: to the end of this one and the beginning of the next.
std::size_t DataPath::receive_limit(const PeerLink& link, ByteSpan pending) const {
  if (link.flows_in < 2) return kReceiveBytesMax;
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
    if (!record || stream_of(record->label) != flow.id() || !may_feed(link, flow) ||
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
/// begin with one of them.
bool DataPath::may_feed(const PeerLink& link, const Flow& flow) {
  if (flow.parent == link.id) return flow.started;
  return flow.former_parent == link.id && !flow.buffer.untouched();
}

void DataPath::note_taken(PeerLink& link, Flow& flow, const Record& record, Now now) {
  if (!record.is_skip() && record.last()) ++link.frames_in;
  if (flow.parent != link.id) return;
  flow.parent_fed_at = now.mono;
  flow.only_known_since = MonoTime::max();
  if (flow.former_parent) flows_.stop_former_parent(flow);
}

/// False if the record cannot be the stream's.
bool DataPath::take_by_copy(PeerLink& link, const Record& record, ByteSpan message, Now now) {
  Flow* flow = flows_.find(stream_of(record.label));
  if (flow == nullptr || !may_feed(link, *flow)) return true;  // late, from a parent that is no longer one
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
  if (link.is_guest()) return static_cast<std::uint32_t>(state_.config.limits.guest_message_bytes);
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
    state_.links.want_send(*link);
  }
}

ByteSpan DataPath::what_to_send(const Child& child, Now now) const {
  const StreamBuffer& buffer = child.flow->buffer;
  const bool late = child.feed.late(buffer, now.mono, state_.config.lag_max);
  return late ? child.feed.rest_of_frame(buffer) : child.feed.pending(buffer);
}

ByteSpan DataPath::from_feed(PeerLink& link, Child& child, Now now) const {
  const StreamBuffer& buffer = child.flow->buffer;
  child.feed.pass_over_known(buffer, now.mono);
  child.feed.limit_lag(buffer, now.mono, state_.config.lag_max);
  if (child.feed.take_restarted()) {
    flows_.tell_restarted(*child.flow, child);
    link.sending = nullptr;
    return link.outbox;
  }
  if (const auto skip = child.feed.take_skip()) {
    add_to_count(link.frames_skipped, skip->last.value - skip->first.value + 1);
    link.outbox.resize(kRecordHeaderBytes);
    Header header{MessageType::Skip, 0, 0, kRecordHeaderBytes - kHeaderBytes};
    store_record_header(link.outbox.data(), header, child.flow->label, skip->first, skip->last.value);
    link.sending = nullptr;
    return link.outbox;
  }
  link.sending = &child;
  const ByteSpan pending = what_to_send(child, now);
  return link.several_feeds() ? pending.first(std::min(pending.size(), kTurnBytes)) : pending;
}

ByteSpan DataPath::send_slice(PeerLink& link, Now now) {
  // A half-sent record goes first: by itself if a control message waits, or else with all that follows it.
  if (link.sending != nullptr) {
    Child& child = *link.sending;
    const ByteSpan rest = child.feed.rest_of_record(child.flow->buffer);
    const bool alone = link.outbox.empty() && !link.several_feeds();
    if (!rest.empty()) return alone ? what_to_send(child, now) : rest;
  }
  link.sending = nullptr;
  if (!link.outbox.empty()) return ByteSpan(link.outbox).subspan(link.outbox_sent);
  const Child* first = link.feeds;
  while (link.feeds != nullptr) {
    Child& child = *link.feeds;
    link.feeds = child.next_on_link;
    const ByteSpan bytes = from_feed(link, child, now);
    if (!bytes.empty()) return bytes;
    if (link.feeds == first) break;
  }
  link.sending = nullptr;
  return {};
}

bool DataPath::send_advance(PeerLink& link, std::size_t bytes, Now now) {
  link.bytes_out += bytes;
  link.last_sent = now.mono;
  if (link.sending != nullptr) {
    Child& child = *link.sending;
    const StreamBuffer& buffer = child.flow->buffer;
    link.frames_out += child.feed.advance(buffer, bytes, now.mono);
    return child.feed.has_pending(buffer) || !link.outbox.empty() || link.several_feeds();
  }
  link.outbox_sent += bytes;
  OTT_ASSERT(link.outbox_sent <= link.outbox.size());
  if (link.outbox_sent < link.outbox.size()) return true;
  link.outbox.clear();
  link.outbox_sent = 0;
  constexpr std::size_t kOutboxKeptBytes = 1024;
  if (link.outbox.capacity() > kOutboxKeptBytes) link.outbox.shrink_to_fit();
  if (link.echo_due != 0 && state_.links.outbox_empty(link)) return true;
  return link.feeds != nullptr;
}

}  // namespace ott
