#include "overlay/stream_list.h"

#include <algorithm>

#include "ott/measured_cost.h"
#include "overlay/recosted.h"

namespace ott {
namespace {

/// What a link that does not keep up costs on the way from a source, on top: 200 ms. Frames are skipped
/// there, whatever its round trip.
constexpr std::uint32_t kNarrowCost = 200'000 / kCostUnitUs;

/// How soon the nearest sources are looked for when what is measured has changed.
constexpr Duration kLookInterval = std::chrono::milliseconds(500);

/// How many bytes of STREAMS a stream takes, at most.
std::size_t wire_bytes(const StreamInfo& stream) {
  constexpr std::size_t kNumbersBytesMax = 100;  // with its origin, its state and the lengths of texts
  return kNumbersBytesMax + stream.name.size() + stream.kind.size() + stream.format.encoding.size() +
         stream.format.parameters.size();
}

bool is_measured(const StreamInfo& stream) { return stream.metric != Metric::Cost && !stream.on_request; }

}  // namespace

const KnownStream* StreamList::find(StreamId stream) const {
  const auto found = place_.find(stream);
  if (found != place_.end()) return &streams_[found->second];
  const auto unlisted = unlisted_.find(stream);
  return unlisted == unlisted_.end() ? nullptr : &unlisted->second;
}

void StreamList::set(std::vector<KnownStream> streams) {
  ++version_;
  streams_ = std::move(streams);
  place_.clear();
  for (std::size_t i = 0; i < streams_.size(); ++i) place_.emplace(streams_[i].info.id, i);
}

/// Of the cheapest way from its origin to here, by its metric.
std::uint64_t StreamList::cost_of(const KnownStream& stream) const {
  Graph& graph = state_.db.lend(stream.info.metric);
  Recosted narrow(graph);
  for (const auto& [link, facts] : state_.db.limited())
    narrow.set(link.first, link.second, [](std::uint32_t cost) { return cost + kNarrowCost; });
  const std::vector<NodeId> path = graph.shortest_path(stream.origin, state_.self);
  std::uint64_t cost = 0;
  for (std::size_t i = 1; i < path.size(); ++i) cost += graph.link_cost(path[i - 1], path[i]).value_or(0);
  return cost;
}

/// Sources of one name keep the places that they have in the list among them.
void StreamList::put_nearest_first(std::vector<KnownStream>& streams, Now now) {
  has_choice_ = false;
  look_at_ = MonoTime::max();
  std::map<std::string, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < streams.size(); ++i) by_name[streams[i].info.name].push_back(i);
  for (const auto& [name, places] : by_name) {
    if (places.size() < 2 ||
        !std::ranges::all_of(places, [&](std::size_t i) { return is_measured(streams[i].info); }))
      continue;
    has_choice_ = true;
    std::vector<SourceOrder::Source> sources;
    for (const std::size_t i : places) {
      sources.push_back(
          {streams[i].info.id, cost_of(streams[i]), streams[i].info.state == StreamState::Live});
    }
    const StreamId first = sources_.first(name, sources, now.mono);
    const auto at = std::ranges::find(places, first, [&](std::size_t i) { return streams[i].info.id; });
    for (auto place = at; place != places.begin(); --place) std::swap(streams[*place], streams[*(place - 1)]);
  }
  sources_.forget_others();
}

void StreamList::tick(Now now) {
  if (now.mono >= next_deadline()) on_overlay_changed(now);
}

void StreamList::on_facts_changed(Now now) {
  if (has_choice_) look_at_ = std::min(look_at_, now.mono + kLookInterval);
}

void StreamList::on_overlay_changed(Now now) {
  if (!state_.self_known || state_.config.kind == PeerKind::Guest) return;
  std::vector<KnownStream> now_there = known_streams(state_.db, state_.self);
  put_nearest_first(now_there, now);
  const std::size_t own = now_there.size();
  for (const KnownStream& stream : of_access_) {
    const auto same = [&stream](const KnownStream& known) { return known.info.id == stream.info.id; };
    const auto end_of_own = now_there.begin() + static_cast<std::ptrdiff_t>(own);
    if (now_there.size() < kStreamsMax && std::none_of(now_there.begin(), end_of_own, same))
      now_there.push_back(stream);
  }
  const bool same = std::ranges::equal(now_there, streams_, [](const KnownStream& a, const KnownStream& b) {
    return a.origin == b.origin && a.info == b.info;
  });
  if (same) {
    ++version_;
    return;
  }
  set(std::move(now_there));
  for (PeerLink& link : state_.links.all()) {
    if (link.is_guest()) send_to(link);
  }
}

void StreamList::on_streams(const PeerLink& link, const Streams& message, Now now) {
  std::vector<KnownStream>& said = said_[link.id];
  said.clear();
  for (std::size_t i = 0; i < message.streams.size(); ++i) {
    said.push_back({message.origins[i], message.streams[i]});
  }
  const PeerLink* access = state_.links.access();
  if (access == &link || !said_.contains(access->id)) take(said, now);
}

void StreamList::take(std::vector<KnownStream> streams, Now now) {
  if (!state_.is_member()) return set(std::move(streams));
  of_access_ = std::move(streams);
  on_overlay_changed(now);
}

void StreamList::on_access_ended(const PeerLink& link, Now now) {
  said_.erase(link.id);
  const PeerLink* access = state_.links.access();
  const auto other = access == nullptr ? said_.end() : said_.find(access->id);
  if (other != said_.end()) return take(other->second, now);
  if (of_access_.empty() || access != nullptr) return;
  of_access_.clear();
  on_overlay_changed(now);
}

/// Queues STREAMS. A guest that has not read the former list yet gets only the newest one afterwards.
void StreamList::send_to(PeerLink& guest) {
  if (guest.streams_due) return;
  if (guest.streams_queued) {
    guest.streams_due = true;
    return;
  }
  Streams message;
  std::size_t bytes = sizeof(std::uint32_t);
  for (const KnownStream& stream : streams_) {
    bytes += wire_bytes(stream.info);
    if (bytes > kBodyBytesMax) break;
    message.streams.push_back(stream.info);
    message.origins.push_back(stream.origin);
  }
  guest.streams_queued = true;
  state_.links.send(guest, message);
}

}  // namespace ott
