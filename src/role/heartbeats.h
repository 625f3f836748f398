// Signs of life on all links: sends what is due, measures round trips, and closes links whose peers are
// silent.
#pragma once

#include "role/overlay_config.h"

namespace ott {

class Membership;

class Heartbeats {
 public:
  Heartbeats(OverlayState& state, const Membership& membership) : state_(state), membership_(membership) {}

  void begin(Now now) { beat_at_ = now.mono + state_.config.heartbeat; }
  [[nodiscard]] MonoTime next_deadline() const { return beat_at_; }
  /// From when on tick() does, in a round that happens anyway, what would be due a little later.
  [[nodiscard]] MonoTime early_deadline() const;
  /// True if it was time.
  bool tick(Now now);

  /// Asks for an answer that tells the round trip.
  void send_echo(PeerLink& link, Now now);
  void on_heartbeat(PeerLink& link, const Heartbeat& message, Now now);

 private:
  void beat(PeerLink& link, Now now);

  OverlayState& state_;
  const Membership& membership_;
  MonoTime beat_at_ = MonoTime::max();
};

}  // namespace ott
