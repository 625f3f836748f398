// Hellos on all links: sends HEARTBEAT where this end has sent nothing for its hello interval, closes links
// whose peers have sent nothing for their dead interval, and measures round trips. Owned by Overlay.
//
// A connection that waits for a lost segment has nothing to read, while those behind it come: on a link with
// a long queue that may take longer than a dead interval. So before a link is taken for dead the kernel is
// asked whether segments with data have come meanwhile. A process that hangs sends none. Nor is a link dead
// before two round trips have passed, as the kernel measures them: where what this end sends stands in a
// queue, the peer's TCP takes what it sent itself for lost, and waits.
//
// Links to neighbours and to a guest's access node are looked at each hello interval and when one's dead
// interval ends. All others, which may be many, are looked at four times a second.
#pragma once

#include <vector>

#include "overlay/overlay_config.h"

namespace ott {

class Measurements;
class Neighbours;

class Liveness {
 public:
  Liveness(OverlayState& state, const Neighbours& neighbours, Measurements& measurements)
      : state_(state), neighbours_(neighbours), measurements_(measurements) {}

  void begin(Now now) { hellos_at_ = all_at_ = now.mono + state_.config.heartbeat; }
  /// The link is up: measures its round trip, and looks after it from now on.
  void on_link_up(PeerLink& link, Now now);
  /// True if the link's round trip was measured by it.
  bool on_heartbeat(PeerLink& link, const Heartbeat& message, Now now);

  /// What the kernel says of a link, for which tick() asks.
  void on_flight(PeerLink& link, const Flight& flight, Now now);

  /// When tick() is to be called. If it is called later, this process was late itself.
  [[nodiscard]] MonoTime due_at() const { return std::min(hellos_at_, dead_at_); }
  /// From this time on tick(), called in a round that happens anyway, does what is due a little later.
  [[nodiscard]] MonoTime early_deadline() const;
  /// True if all links were looked at, not only those of neighbours and of the access node.
  [[gnu::hot]] bool tick(Now now);

 private:
  /// What is due within half of a hello interval is done with what is due now.
  [[nodiscard]] Duration slack() const { return state_.config.heartbeat / 2; }
  [[gnu::hot]] void look_at(PeerLink& link, Now now);
  [[nodiscard]] bool echo_is_due(const PeerLink& link, Now now) const;
  [[nodiscard]] MonoTime silence_looked_at(const PeerLink& link) const;
  void close_as_dead(PeerLink& link, Now now);
  void send_echo(PeerLink& link, Now now);

  OverlayState& state_;
  const Neighbours& neighbours_;
  Measurements& measurements_;
  MonoTime hellos_at_ = MonoTime::max();  // the next look at quick_, for hellos
  MonoTime dead_at_ =
      MonoTime::max();  // the soonest end of a dead interval among quick_, if nothing is received
  MonoTime all_at_ = MonoTime::max();  // the next look at all links
  std::vector<LinkId> quick_;          // neighbours and the access node; some may have ended
};

}  // namespace ott
