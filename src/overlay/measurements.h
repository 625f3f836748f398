// What this node measures of its links to neighbours (link_meter.h): feeds the meters, asks the driver for
// what the kernel counts, and says when the node's link state is to say it. Owned by Overlay.
#pragma once

#include <map>

#include "overlay/link_meter.h"
#include "overlay/overlay_config.h"

namespace ott {

class Measurements {
 public:
  explicit Measurements(OverlayState& state) : state_(state) {}

  /// A neighbour's link is up. Its handshake has ended with an answer: this measures its first round trip.
  void on_link_up(PeerLink& link, Now now);
  void on_round_trip(const PeerLink& link, Duration sample, Now now);
  void on_flight(const PeerLink& link, const Flight& flight, Now now);

  /// Null if there has been no link to this neighbour.
  [[nodiscard]] const LinkMeter* of(const NodeId& neighbour) const;
  [[nodiscard]] LinkFacts facts(const NodeId& neighbour) const;
  /// True if the link state has to say other facts now. That is once a second, at most.
  bool take_changed(Now now);

  [[nodiscard]] MonoTime next_deadline() const { return look_at_; }
  void tick(Now now);

 private:
  struct Metered {
    LinkMeter meter;
    MonoTime gone_at = MonoTime::max();
  };

  OverlayState& state_;
  std::map<NodeId, Metered> metered_;  // neighbours, and those of a while ago
  MonoTime look_at_ = MonoTime::max();
  bool changed_ = false;
  RateLimit said_;
};

}  // namespace ott
