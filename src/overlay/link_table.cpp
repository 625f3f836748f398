#include "overlay/link_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/count.h"
#include "ott/text.h"

namespace ott {

LinkCounts& LinkCounts::operator+=(const LinkCounts& more) {
  add_to_count(bytes_in, more.bytes_in);
  add_to_count(bytes_out, more.bytes_out);
  add_to_count(frames_in, more.frames_in);
  add_to_count(frames_out, more.frames_out);
  add_to_count(frames_skipped, more.frames_skipped);
  return *this;
}

void PeerLink::add_feed(Child& child) {
  child.urgent = child.flow->is_urgent();
  queue_of(child).add(child);
}

void PeerLink::remove_feed(Child& child) {
  queue_of(child).remove(child);
  if (sending == &child) sending = nullptr;
}

void PeerLink::sort_feed(Child& child) {
  if (child.urgent == child.flow->is_urgent()) return;
  const bool awake = child.awake;
  queue_of(child).remove(child);
  add_feed(child);
  if (awake) queue_of(child).wake(child);
}

std::size_t PeerLink::waiting_bytes() const {
  std::size_t bytes = outbox.size() - outbox_sent;
  for (const FeedQueue* queue : {&urgent_feeds, &feeds}) {
    for (const Child* child = queue->first(); child != nullptr; child = child->next_awake)
      bytes += child->feed.pending(child->flow->buffer).size();
  }
  return bytes;
}

std::string_view PeerLink::what_peer_is() const {
  switch (relation) {
    case Relation::Control:
      return was_measured() ? "measured" : "control";
    case Relation::Neighbour:
      return "neighbour";
    case Relation::Guest:
      return outgoing() ? "access node" : "guest";
  }
  return "?";
}

PeerLink& LinkTable::add(Purpose purpose, const NodeId& remote, Now now) {
  auto link = std::make_unique<PeerLink>();
  std::uint32_t slot = static_cast<std::uint32_t>(links_.size());
  if (!free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  link->id = make_link_id(slot, ++links_made_);
  link->purpose = purpose;
  link->remote = remote;
  link->handshake = link->outgoing() ? Handshake::connecting() : Handshake::accepting();
  link->opened_at = link->last_heard = link->last_sent = now.mono;
  if (!link->outgoing()) ++accepted_in_handshake_;
  const LinkId id = link->id;
  in_handshake_.push_back(id);
  return links_.insert(id, std::move(link));
}

void LinkTable::remove(LinkId id) {
  const auto link = links_.take(id);
  if (link == nullptr) return;
  free_slots_.push_back(slot_of(id));
  if (link->shown) {
    --shown_;
  } else if (link->up) {
    counted_before_[link->what_peer_is()] += link->counts();
  }
}

PeerLink* LinkTable::neighbour(const NodeId& id) {
  const auto found = neighbours_.find(id);
  return found == neighbours_.end() ? nullptr : find(found->second);
}

void LinkTable::note_up(PeerLink& link) {
  link.up = true;
  if (!link.outgoing()) --accepted_in_handshake_;
  if (link.is_of_guest()) ++guests_;
  if (link.is_neighbour()) neighbours_[link.peer] = link.id;
  if (link.is_access()) former_access_ = std::exchange(access_, link.id);
  link.shown = (link.is_neighbour() || link.is_access()) && shown_ < kShownMax;
  if (link.shown) ++shown_;
}

void LinkTable::note_ended(PeerLink& link) {
  if (link.ended) return;
  if (!link.up && !link.outgoing()) --accepted_in_handshake_;
  if (link.up && link.is_of_guest()) --guests_;
  link.closing = link.ended = true;
  if (former_access_ == link.id) former_access_.reset();
  if (access_ == link.id) access_ = std::exchange(former_access_, std::nullopt);
  const auto found = neighbours_.find(link.peer);
  if (found != neighbours_.end() && found->second == link.id) neighbours_.erase(found);
  ended_.push_back(link.id);
}

PeerLink* LinkTable::with_node(const NodeId& id) {
  for (PeerLink& link : links_) {
    if (link.peer_known && link.peer == id && !link.closing && link.relation != Relation::Guest &&
        !link.is_measured())
      return &link;
  }
  return nullptr;
}

const std::deque<LinkId>& LinkTable::in_handshake() {
  std::erase_if(in_handshake_, [this](LinkId id) {
    const PeerLink* link = find(id);
    return link == nullptr || link->closing || link->handshake.over();
  });
  return in_handshake_;
}

std::vector<NodeId> LinkTable::neighbours() const {
  std::vector<NodeId> ids;
  ids.reserve(neighbours_.size());
  for (const auto& [id, link] : neighbours_) ids.push_back(id);
  return ids;
}

void LinkTable::close(PeerLink& link, ByeReason reason, const std::string& text) {
  if (link.closing) return;
  if (!link.peer_bye && link.handshake.state() != HandshakeState::AckSending) {
    encode(link.outbox, Bye{reason, text});
  }
  link.closed_for = reason;
  link.close_reason = text;
  requests_.close.push_back(link.id);
  note_ended(link);
}

void LinkTable::close_for_violation(PeerLink& link, const std::string& what) {
  log_.warning(fmt::format("{}: closing: {}", link.name(), what));
  close(link, ByeReason::Protocol, what);
}

void LinkTable::answer_echo(PeerLink& link, std::uint64_t time) {
  link.echo_due = time;
  if (link.outbox.empty()) outbox_empty(link);
}

bool LinkTable::outbox_empty(PeerLink& link) {
  const std::uint64_t time = std::exchange(link.echo_due, 0);
  if (time == 0 || link.closing) return false;
  send(link, Heartbeat{true, time});
  return true;
}

void LinkTable::bound_message(PeerLink& link, std::size_t begins_at) {
  const std::size_t bytes = link.outbox.size() - begins_at;
  if (bytes <= kHeaderBytes + kBodyBytesMax) return;
  const int type = link.outbox[begins_at + 1];
  link.outbox.resize(begins_at);
  log_.warning(fmt::format("{}: a message of type {} is not sent: {} is too long", link.name(), type,
                           counted(bytes, "byte")));
}

void LinkTable::bound_outbox(PeerLink& link) {
  const std::size_t waiting = link.outbox.size() - link.outbox_sent;
  const std::size_t large =
      (link.streams_queued ? kBodyBytesMax : 0) + (link.view_queued ? kBodyBytesMax : 0);
  if (waiting <= (link.up && link.is_of_guest() ? limits_.guest_outbox_bytes + large : limits_.outbox_bytes))
    return;
  ++counters_.links_unread;
  link.outbox.clear();
  link.outbox_sent = 0;
  log_.warning(fmt::format("{}: closing: it reads nothing ({} waiting for it)", link.name(),
                           counted(waiting, "byte")));
  close(link, ByeReason::Silent, "you read nothing");
}

}  // namespace ott
