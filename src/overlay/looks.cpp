#include "overlay/looks.h"

#include <algorithm>

#include "overlay/source_route.h"

namespace ott {
namespace {

std::string without_control_characters(std::string text) {
  std::ranges::replace_if(
      text,
      [](char c) {
        return has_control_character({&c, 1});
      },
      ' ');
  return text;
}

}  // namespace

std::optional<Looks::Number> Looks::begin(const Waiting& waiting, Now now) {
  std::erase_if(waiting_, [now](const auto& entry) { return now.mono - entry.second.at >= kAnswerTimeMax; });
  if (waiting_.size() >= state_.config.limits.looks) {
    ++state_.counters.looks_refused;
    return std::nullopt;
  }
  if (++number_ == 0) ++number_;
  waiting_[number_] = waiting;
  return number_;
}

Looks::Number Looks::ask(const NodeId& node, LookAt at, Now now) {
  return send(node, at, {std::nullopt, 0, node, std::nullopt, now.mono}, now);
}

Looks::Number Looks::ask_guest(LinkId guest, LookAt at, Now now) {
  PeerLink* link = state_.links.find(guest);
  if (link == nullptr || !link->is_guest()) return 0;
  const auto number = begin({std::nullopt, 0, {}, guest, now.mono}, now);
  if (!number) return 0;
  state_.links.send(*link, Look{route_over_link(state_.self, link->peer), state_.self, *number, at, {}});
  return *number;
}

Looks::Number Looks::send(const NodeId& node, LookAt at, const Waiting& waiting, Now now) {
  PeerLink* access = state_.access_towards(node);
  if (access == nullptr && !state_.is_member()) access = state_.links.access();
  Look question{{}, {}, 0, at, node};
  if (access != nullptr) {
    question.asker = access->you;
    question.tracker = route_over_link(access->you, access->peer);
  } else {
    question.asker = state_.self;
    question.tracker = route_to(state_, node);
    if (question.tracker.path.empty()) return 0;
  }
  const auto number = begin(waiting, now);
  if (!number) return 0;
  question.number = *number;
  if (access != nullptr) {
    state_.links.send(*access, question);
  } else {
    forward(state_.links, question);
  }
  return *number;
}

void Looks::on_look(PeerLink& link, const Look& message, Now now) {
  const bool by_guest = link.is_guest();
  const bool elsewhere = by_guest && !message.node.address.is_unspecified() && message.node != state_.self;
  if (elsewhere) {
    (void)send(message.node, message.at, {link.id, message.number, message.node, std::nullopt, now.mono},
               now);
    return;
  }
  if (!by_guest && !link.is_access()) {
    if (message.tracker.path.root().node != state_.self) return;
    if (!message.tracker.for_here()) return forward(state_.links, message);
  }
  const Limits& limits = state_.config.limits;
  if (!asked_rate_.take(limits.looks_per_s, limits.burst_s, now.mono)) {
    ++state_.counters.looks_refused;
    return;
  }
  asked_.push_back({message.at, link.id, message.asker, message.number, by_guest});
}

void Looks::answer(const Asked& asked, std::string json) {
  PeerLink* link = state_.links.find(asked.link);
  if (json.size() > kViewBytesMax) return;
  if (link != nullptr && link->is_guest()) return show_guest(*link, asked.number, std::move(json));
  View view{{}, asked.number, without_control_characters(std::move(json))};
  if (link != nullptr && link->is_access()) {
    view.tracker = route_over_link(link->you, link->peer);
    return state_.links.send(*link, view);
  }
  view.tracker = route_to(state_, asked.asker);
  forward(state_.links, view);
}

/// A guest that does not read is not sent another.
void Looks::show_guest(PeerLink& guest, Number number, std::string json) {
  const std::size_t waiting = guest.outbox.size() - guest.outbox_sent;
  if (guest.view_queued && waiting + json.size() > kViewBytesMax) {
    ++state_.counters.looks_refused;
    return;
  }
  guest.view_queued = true;
  state_.links.send(guest, View{route_over_link(state_.self, guest.peer), number,
                                without_control_characters(std::move(json))});
}

void Looks::on_view(PeerLink& link, const View& message) {
  if (!link.is_access() && !link.is_guest()) {
    if (message.tracker.path.root().node != state_.self) return;
    if (!message.tracker.for_here()) return forward(state_.links, message);
  }
  const auto found = waiting_.find(message.number);
  if (found == waiting_.end()) return;
  const Waiting waiting = found->second;
  // The message names the nodes that have handled it, the sender first.
  const NodeId& from = message.tracker.visited.empty() ? link.peer : message.tracker.visited.front();
  const bool by_access = link.is_access();  // which has asked in its own name
  const bool from_asked = waiting.asked_guest ? waiting.asked_guest == link.id
                                              : by_access || (!link.is_guest() && from == waiting.asked);
  if (!from_asked) return;
  waiting_.erase(found);
  if (!waiting.guest) {
    answers_.push_back({message.number, message.json});
    return;
  }
  PeerLink* guest = state_.links.find(*waiting.guest);
  if (guest != nullptr && guest->is_guest()) show_guest(*guest, waiting.guest_number, message.json);
}

}  // namespace ott
