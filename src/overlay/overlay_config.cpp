#include "overlay/overlay_config.h"

#include <algorithm>

namespace ott {
namespace {

/// Guests' links beat slower than neighbours', and control links, which carry nobody's stream, slower still.
constexpr Duration kGuestLinkBeat = std::chrono::milliseconds(500);
constexpr Duration kControlBeat = std::chrono::seconds(1);
constexpr int kBeatsMissedMax = 3;
/// Guests are many, and a viewer that stands still for a while finds its place again.
constexpr Duration kGuestSilenceMax = std::chrono::seconds(60);

}  // namespace

Duration OverlayState::beat_interval(const PeerLink& link) const {
  switch (link.relation) {
    case Relation::Neighbour:
      return config.heartbeat;
    case Relation::Guest:
      return std::max(kGuestLinkBeat, config.heartbeat);
    case Relation::Control:
      return std::max(kControlBeat, config.heartbeat);
  }
  return config.heartbeat;
}

Greeting OverlayState::greeting() const {
  const auto hello_ms = config.heartbeat / std::chrono::milliseconds(1);
  return {config.kind, config.incarnation, static_cast<std::uint32_t>(hello_ms), 0};
}

Duration OverlayState::silence_max(const PeerLink& link) const {
  return link.is_guest() ? kGuestSilenceMax : kBeatsMissedMax * beat_interval(link);
}

}  // namespace ott
