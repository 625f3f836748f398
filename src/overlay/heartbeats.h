// Signs of life on all links: sends what is due, measures round trips, and closes links whose peers are
// silent.
#pragma once

#include "overlay/overlay_config.h"

namespace ott {

class Membership;

class Heartbeats {
 public:
  Heartbeats(OverlayState& state, const Membership& membership) : state_(state), membership_(membership) {}

  void begin(Now now) { beat_at_ = all_at_ = now.mono + state_.config.heartbeat; }
  /// The link is up: measures its round trip, and looks after it from now on.
  void on_link_up(PeerLink& link, Now now);
  void on_heartbeat(PeerLink& link, const Heartbeat& message, Now now);

  [[nodiscard]] MonoTime next_deadline() const { return beat_at_; }
  /// From when on tick() does, in a round that happens anyway, what would be due a little later.
  [[nodiscard]] MonoTime early_deadline() const;
  /// True if it was the turn of all links, and not only of those that streams come and go by.
  [[gnu::hot]] bool tick(Now now);

 private:
  /// Whose turn comes before half of the next interval has it now.
  [[nodiscard]] Duration slack() const { return state_.config.heartbeat / 2; }
  [[gnu::hot]] void beat(PeerLink& link, Now now);
  void send_echo(PeerLink& link, Now now);

  OverlayState& state_;
  const Membership& membership_;
  MonoTime beat_at_ = MonoTime::max();
  MonoTime all_at_ = MonoTime::max();
  std::vector<LinkId> quick_;  // neighbours and the access node; some may have ended
};

}  // namespace ott
