#include "role/overlay_config.h"

#include <algorithm>

namespace ott {
namespace {

/// All links but neighbours' beat slower: nobody's way depends on them alone.
constexpr Duration kSlowBeat = std::chrono::seconds(1);
constexpr int kBeatsMissedMax = 3;
/// Guests are many, and a viewer that stands still for a while finds its place again.
constexpr Duration kGuestSilenceMax = std::chrono::seconds(60);

}  // namespace

Duration OverlayState::beat_interval(const PeerLink& link) const {
  return link.relation == Relation::Neighbour ? config.heartbeat : std::max(kSlowBeat, config.heartbeat);
}

Duration OverlayState::silence_max(const PeerLink& link) const {
  return link.is_guest() ? kGuestSilenceMax : kBeatsMissedMax * beat_interval(link);
}

}  // namespace ott
