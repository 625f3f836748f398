#include "overlay/figures.h"

#include "overlay/source_route.h"

namespace ott {
namespace {

/// How long a round waits for an origin that does not answer.
constexpr Duration kAnswerTimeMax = std::chrono::milliseconds(500);

}  // namespace

StreamFigures Figures::of(StreamId stream) const {
  const auto found = figures_.find(stream);
  return found == figures_.end() ? StreamFigures{stream} : found->second;
}

void Figures::ask(Now now) {
  if (answer_at_ == MonoTime::max()) begin_round(now);
}

void Figures::begin_round(Now now) {
  coming_.clear();
  awaited_.clear();
  answer_at_ = now.mono + kAnswerTimeMax;
  Query query;
  query.number = ++number_;
  if (PeerLink* access = state_.links.access()) {
    query.asker = access->you;
    query.tracker = route_over_link(access->you, access->peer);
    awaited_.insert(access->peer);
    state_.links.send(*access, query);
  }
  if (!state_.is_member()) return;
  query.asker = state_.self;
  for (const StreamFigures& own : origin_.figures()) coming_[own.stream] = own;
  for (const KnownStream& stream : streams_.all()) {
    if (stream.origin == state_.self || state_.access_towards(stream.origin) != nullptr) continue;
    if (!awaited_.insert(stream.origin).second) continue;
    query.tracker = route_to(state_, stream.origin);
    forward(state_.links, query);
  }
  if (awaited_.empty()) end_round();
}

void Figures::end_round() {
  answer_at_ = MonoTime::max();
  figures_ = std::exchange(coming_, {});
  ++round_;
  Report report;
  for (const auto& [stream, figures] : figures_) report.figures.push_back(figures);
  for (const auto& [id, number] : std::exchange(guests_, {})) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr || !link->is_guest()) continue;
    report.tracker = route_over_link(state_.self, link->peer);
    report.number = number;
    state_.links.send(*link, report);
  }
}

void Figures::on_query(PeerLink& link, const Query& message, Now now) {
  if (link.is_guest()) {
    guests_[link.id] = message.number;
    return ask(now);
  }
  if (message.tracker.path.root().node != state_.self) return;
  if (!message.tracker.for_here()) return forward(state_.links, message);
  Report report;
  report.tracker = route_to(state_, message.asker);
  if (report.tracker.path.empty()) return;
  report.number = message.number;
  report.figures = origin_.figures();
  forward(state_.links, report);
}

void Figures::on_report(PeerLink& link, const Report& message, Now) {
  const bool from_access = link.is_access();
  if (!from_access && message.tracker.path.root().node != state_.self) return;
  if (!from_access && !message.tracker.for_here()) return forward(state_.links, message);
  if (message.number != number_ || answer_at_ == MonoTime::max()) return;
  // The message names the nodes that have handled it, the sender first.
  const NodeId& from = message.tracker.visited.empty() ? link.peer : message.tracker.visited.front();
  if (awaited_.erase(from_access ? link.peer : from) == 0) return;
  for (const StreamFigures& figures : message.figures) {
    if (coming_.size() < kStreamsMax) coming_[figures.stream] = figures;
  }
  if (awaited_.empty()) end_round();
}

[[gnu::hot]] void Figures::tick(Now now) {
  if (now.mono >= answer_at_) end_round();
}

}  // namespace ott
