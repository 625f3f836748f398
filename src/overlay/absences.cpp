#include "overlay/absences.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds(250);
/// How long a stream may be away before that is worth a word: most failures are over by then.
constexpr Duration kAbsentAfter = std::chrono::seconds(1);
constexpr int kAbsentAfterFrames = 3;
/// How long a node waits, beyond that, for what its parent or access node has to say.
constexpr Duration kSayPatience = std::chrono::seconds(1);
/// How often children and guests hear of a reason that has changed, and how long it is for them.
constexpr Duration kTellInterval = std::chrono::seconds(1);
constexpr std::size_t kReasonBytesMax = 300;
/// How much longer than any other a stream may take that has never come: its source may have to begin.
constexpr Duration kBeginningMax = std::chrono::seconds(4);

void add(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += "; ";
  text += more;
}

Duration interval_of(const StreamInfo& info) {
  return info.fps_milli == 0 ? Duration{} : std::chrono::nanoseconds(1'000'000'000'000 / info.fps_milli);
}

}  // namespace

const Absences::Absence* Absences::find(StreamId stream) const {
  const auto found = wanted_.find(stream);
  if (found == wanted_.end() || !found->second.absence) return nullptr;
  // A frame may have come since the last look.
  const Flow* flow = flows_.find(stream);
  const StreamBuffer::Frame* newest = flow == nullptr ? nullptr : flow->buffer.newest();
  const Absence& absence = *found->second.absence;
  return newest != nullptr && newest->arrived > absence.since ? nullptr : &absence;
}

std::optional<std::pair<const KnownStream*, MonoTime>> Absences::withheld() const {
  if (state_.links.access() == nullptr) return std::nullopt;
  for (const auto& [stream, wanted] : wanted_) {
    const KnownStream* known = streams_.find(stream);
    if (!wanted.absence || find(stream) == nullptr || !interests_.here(stream) || known == nullptr) continue;
    if (!streams_.is_listed(stream) || known->info.on_request || known->info.state != StreamState::Live)
      continue;
    return std::pair(known, wanted.absence->since + (wanted.last.value == 0 ? kBeginningMax : Duration{}));
  }
  return std::nullopt;
}

// ---- why -------------------------------------------------------------------------------------------------

std::string Absences::why(StreamId stream) const {
  const auto found = wanted_.find(stream);
  return found == wanted_.end() ? why(stream, Wanted{}) : why(stream, found->second);
}

std::string Absences::why(StreamId stream, const Wanted& wanted) const {
  const KnownStream* known = streams_.find(stream);
  if (known != nullptr && known->info.state == StreamState::Stalled) return "the origin has no input";
  if (known != nullptr && known->info.state == StreamState::Ended) return "the stream has ended";
  const Flow* flow = flows_.find(stream);
  if (flow != nullptr && flow->own) return "the origin has no input";
  if (has_informant(flow) && !wanted.said.empty()) return wanted.said;
  const PeerLink* parent = flow != nullptr && flow->parent ? state_.links.find(*flow->parent) : nullptr;
  if (parent != nullptr) return neighbours_.describe(parent->peer) + " sends nothing of it";
  std::string reason = wanted.parent_lost;
  add(reason, why_without_parent(stream, wanted));
  return reason.empty() ? "the overlay has not answered yet" : reason;
}

/// True if there is somebody who tells this node why the stream does not come.
bool Absences::has_informant(const Flow* flow) const {
  if (flow != nullptr && flow->own) return false;
  return (flow != nullptr && flow->parent) || state_.links.access() != nullptr;
}

std::string Absences::why_without_parent(StreamId stream, const Wanted& wanted) const {
  const KnownStream* known = streams_.find(stream);
  if (const PeerLink* access = state_.links.access()) {
    return fmt::format("access node {} {}", neighbours_.describe(access->peer),
                       known == nullptr ? "does not offer it" : "has been asked for it");
  }
  if (state_.config.kind == PeerKind::Guest || !state_.self_known) return handshakes_.trouble();
  if (!wanted.origin) return "nobody offers it";
  const std::string origin = "the origin " + neighbours_.describe(*wanted.origin);
  if (!state_.db.reaches(state_.self, *wanted.origin)) {
    std::string reason = wanted.parent_lost.empty() ? broken(wanted.path) : "";
    add(reason, "no path to " + origin);
    return reason;
  }
  return origin + (known == nullptr ? " does not offer it any more" : " has been asked for it");
}

/// Says which node or link of a former path is gone.
std::string Absences::broken(const std::vector<NodeId>& path) const {
  const Graph& graph = state_.db.graph();
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (graph.link_cost(path[i - 1], path[i])) continue;
    const auto vertex = graph.vertex_of(path[i]);
    if (!vertex || graph.edges(*vertex).empty()) return neighbours_.describe(path[i]) + " is gone";
    return fmt::format("the link between {} and {} is gone", neighbours_.describe(path[i - 1]),
                       neighbours_.describe(path[i]));
  }
  return "";
}

std::string Absences::how_ended(const PeerLink& link) const {
  const std::string peer = neighbours_.describe(link.peer);
  if (link.peer_bye && link.peer_bye->reason == ByeReason::Leaving) return peer + " left";
  if (link.closed_for == ByeReason::Silent) return peer + " does not answer";
  return fmt::format("{} is gone ({})", peer, link.close_reason);
}

// ---- what happens ----------------------------------------------------------------------------------------

void Absences::on_link_ended(const PeerLink& link) {
  for (auto& [stream, wanted] : wanted_) {
    const Flow* flow = flows_.find(stream);
    if (flow != nullptr && flow->parent == link.id) wanted.parent_lost = how_ended(link);
    if (link.relation == Relation::Guest || (flow != nullptr && flow->parent == link.id)) wanted.said.clear();
  }
}

void Absences::on_absent(const PeerLink& link, const Absent& message) {
  const auto found = wanted_.find(message.stream);
  if (found == wanted_.end()) return;
  const Flow* flow = flows_.find(message.stream);
  const bool from_parent = flow != nullptr && flow->parent == link.id;
  if (!from_parent && !link.is_access()) return;
  found->second.said = message.reason.substr(0, kReasonBytesMax);
  look_at_ = MonoTime{};  // whoever is below waits for it
}

void Absences::on_refused(StreamId stream, const std::string& why) {
  const auto found = wanted_.find(stream);
  if (found != wanted_.end()) found->second.parent_lost = why.substr(0, kReasonBytesMax);
}

void Absences::on_guest(StreamId stream, PeerLink& guest) {
  const Absence* absence = find(stream);
  if (absence != nullptr && interests_.wants(stream, guest.id))
    state_.links.send(guest, Absent{stream, absence->reason});
}

/// Notes the streams that viewers or children want here, and forgets the others.
void Absences::note_wanted(Now now) {
  std::erase_if(wanted_, [this](const auto& entry) {
    const Flow* flow = flows_.find(entry.first);
    return interests_.viewers(entry.first) == 0 && (flow == nullptr || flow->children.empty());
  });
  const auto note = [this, now](StreamId stream) {
    const auto [entry, is_new] = wanted_.try_emplace(stream);
    if (is_new) entry->second.since = now.mono;
  };
  for (const auto& [stream, interest] : interests_.all()) note(stream);
  for (const auto& [stream, flow] : flows_.all()) {
    if (!flow->children.empty()) note(stream);
  }
}

void Absences::look_at(StreamId stream, Wanted& wanted, Now now) {
  const Flow* flow = flows_.find(stream);
  const KnownStream* known = streams_.find(stream);
  if (flow != nullptr) wanted.origin = flow->origin;
  if (flow == nullptr && known != nullptr) wanted.origin = known->origin;
  const StreamBuffer::Frame* newest = flow == nullptr ? nullptr : flow->buffer.newest();
  if (newest != nullptr && newest->arrived > wanted.last_at) {
    const std::uint64_t frames = newest->number > wanted.last ? newest->number.value - wanted.last.value : 1;
    if (wanted.last.value != 0)
      wanted.interval = (newest->arrived - wanted.last_at) /
                        static_cast<Duration::rep>(std::min<std::uint64_t>(frames, 1U << 20U));
    wanted.last = newest->number;
    wanted.last_at = newest->arrived;
    wanted.said.clear();
    if (flow->parent) wanted.parent_lost.clear();
  }
  const Duration nominal = known == nullptr ? Duration{} : interval_of(known->info);
  Duration patience = std::max(kAbsentAfter, kAbsentAfterFrames * std::max(wanted.interval, nominal));
  if (wanted.said.empty() && has_informant(flow)) patience += kSayPatience;
  const MonoTime since = std::max(wanted.since, wanted.last_at);
  if (now.mono - since < patience) {
    wanted.absence.reset();
    wanted.told.clear();
    if (wanted.origin && flow != nullptr && flow->parent)
      wanted.path = state_.db.graph().shortest_path(state_.self, *wanted.origin);
    return;
  }
  wanted.absence = {since, why(stream, wanted)};
  tell(stream, wanted, now);
}

void Absences::tell(StreamId stream, Wanted& wanted, Now now) {
  if (wanted.told == wanted.absence->reason || now.mono < wanted.tell_at) return;
  wanted.told = wanted.absence->reason;
  wanted.tell_at = now.mono + kTellInterval;
  const Absent message{stream, wanted.told.substr(0, kReasonBytesMax)};
  if (const Interests::Interest* interest = interests_.find(stream)) {
    for (const LinkId guest : interest->guests) {
      if (PeerLink* link = state_.links.find(guest)) state_.links.send(*link, message);
    }
  }
  const Flow* flow = flows_.find(stream);
  if (flow == nullptr) return;
  for (const auto& child : flow->children) {
    PeerLink* link = child->guest ? nullptr : state_.links.find(child->link);
    if (link != nullptr) state_.links.send(*link, message);
  }
}

void Absences::tick(Now now) {
  if (now.mono < look_at_) return;
  look_at_ = now.mono + kLookInterval;
  note_wanted(now);
  for (auto& [stream, wanted] : wanted_) look_at(stream, wanted, now);
}

}  // namespace ott
