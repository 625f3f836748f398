#include "overlay/parent_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A parent that sends nothing of a stream for so long is complained of to the origin, which knows whether
/// there was something to send. Each node on the way from it adds a little, so that of several nodes one
/// below the other the uppermost complains first.
constexpr Duration kStarvedAfter = seconds(2);
constexpr Duration kStarvedPerNode = milliseconds(150);
constexpr Duration kComplainInterval = seconds(2);
/// How long nothing is taken from such a parent once another one has come: the first time, and at most.
constexpr Duration kAvoidFirst = seconds(5);
constexpr Duration kAvoidLongest = seconds(60);
/// An origin that cannot be reached for so long no longer has a say. For less, somebody may have spoken in
/// its name.
constexpr Duration kUnreachableMax = seconds(1);
/// A frame that carries a tree's label is here so long after the tree's TRACKER, at the latest.
constexpr Duration kLabelArrivesWithin = seconds(2);
/// How long a parent may send only what is here already.
constexpr Duration kOnlyKnownMax = seconds(2);

}  // namespace

bool is_fed(const Flow& flow, Now now) {
  return flow.parent && now.mono - flow.parent_fed_at <= kStarvedAfter;
}

bool outranks(const Flow& flow, const PeerLink& link, const TrackerMessage& message, Now now) {
  if (flow.own) return true;
  if (flow.parent == link.id || !is_fed(flow, now)) return false;
  if (message.origin == flow.origin) return is_older_version(message.label, flow.label);
  // Another origin lists a stream with this id, too. One that cannot be reached may have been invented.
  return now.mono - std::min(flow.unreachable_since, now.mono) < kUnreachableMax;
}

bool is_avoided(const Flow& flow, const PeerLink& link, Now now) {
  return flow.avoided == link.peer && now.mono < flow.avoided_until && flow.parent != link.id &&
         is_fed(flow, now);
}

void leave_starving(Flow& flow, OverlayState& state, Now now) {
  if (!flow.parent || !flow.suspect || flow.parent_fed_at <= flow.parent_since) return;
  flow.avoided_for =
      flow.avoided == flow.suspect ? std::min(2 * flow.avoided_for, kAvoidLongest) : kAvoidFirst;
  flow.avoided = std::exchange(flow.suspect, std::nullopt);
  flow.avoided_until = now.mono + flow.avoided_for;
  ++state.counters.parents_left;
  state.log.warning(
      fmt::format("stream {}: {} lives and has sent nothing of it; another parent does, and nothing is taken "
                  "from it for {} s",
                  flow.info.name, to_string(*flow.avoided), flow.avoided_for / seconds(1)));
}

bool is_complaint_due(Flow& flow, const OverlayState& state, Now now) {
  if (flow.own || !flow.parent || !flow.start_sent) return false;
  const Duration starved = now.mono - flow.parent_fed_at;
  if (starved < kStarvedAfter || now.mono < flow.complain_at) return false;
  // By this node's own graph: what the tree said of itself may be forged.
  const std::size_t distance = state.db.graph().shortest_path(state.self, flow.origin).size();
  if (starved < kStarvedAfter + kStarvedPerNode * std::min<int>(static_cast<int>(distance), 20)) return false;
  flow.complain_at = now.mono + kComplainInterval;
  return true;
}

void check_label(Flow& flow) {
  const StreamBuffer::Frame* newest = flow.buffer.newest();
  if (flow.own || newest == nullptr || newest->arrived - flow.labelled_at < kLabelArrivesWithin) return;
  const Label carried = flow.buffer.record_at(newest->start).label;
  if (is_older_version(carried, flow.label)) flow.label = carried;
}

bool fails_to_reach(Flow& flow) {
  if (flow.reached <= flow.buffer.last_frame()) flow.reached = {};
  const StreamBuffer::Frame* newest = flow.buffer.newest();
  if (flow.reached.value == 0 || newest == nullptr) return false;
  return flow.since_rewound.over_with(newest->number, flow.buffer.source_time_ns(*newest), newest->arrived);
}

bool sends_only_known(const Flow& flow, Now now) {
  return now.mono >= flow.only_known_since && now.mono - flow.only_known_since >= kOnlyKnownMax;
}

}  // namespace ott
