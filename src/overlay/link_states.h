// The link states: this node's own and the others'. Each is flooded, kept for its lifetime, and sent to a
// neighbour whose link comes up.
//
// A reporter's newest state is the one with the highest sequence number. Sequence numbers go on over
// restarts: a node that receives a state of its own that it has not sent (from before a restart, or forged)
// takes that number over and floods the next one. At the end of the range it floods a withdrawal first, which
// clears the number everywhere, and begins at 1 again. So a node can always outbid what is sent in its name.
//
// What there is to say goes out at once. When much changes, as while many nodes join, a node collects what it
// hands on for a moment (kStatesAtOncePerS): then it says several states with one write, and those not at all
// that the neighbour has sent meanwhile itself.
//
// Limits: how many states and bytes are kept (those that cannot be reached go first), how often a reporter's
// state may change, and how many new ones a link may bring in a second. Whatever a limit made this node miss
// it asks for again by SYNC, once there is room.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "overlay/overlay_config.h"

namespace ott {

class LinkStates {
 public:
  explicit LinkStates(OverlayState& state)
      : state_(state), number_(state.config.incarnation >> kFirstShift) {}

  /// This node's own state has changed and must be flooded. own_due() says when.
  void own_changed() {
    own_wanted_ = true;
    own_at_ = MonoTime{};
  }
  /// The same, of something that the others need not know at once (a new link, what was measured): the more
  /// nodes have to be told, the longer it waits for what else may change.
  void own_changes(Now now);
  /// True if the next state of this node may be flooded now.
  [[nodiscard]] bool own_due(Now now);
  /// Floods it. The number and the lifetime are filled in.
  void publish(LinkState state, Now now);

  void on_links(PeerLink& link, const Links& message, Now now);
  void on_sync(PeerLink& link, Now now);
  /// A neighbour's link is up: all known states become due to it.
  void send_all(PeerLink& link);
  /// Writes the next states that are due to the outbox. REQUIRES: link.states_due, and the outbox is empty.
  void write_due(PeerLink& link, Now now);
  /// All that is due to this neighbour about one reporter goes out before what is sent next.
  void write_before(PeerLink& link, const NodeId& reporter, Now now);

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

  /// What has changed since the last call.
  struct Changes {
    bool states = false;            // some state is new or gone
    bool graph = false;             // and with it, some link
    bool facts = false;             // or what is measured of one
    bool outbid = false;            // a state in this node's name was outbid: requests to others may be lost
    std::vector<NodeId> restarted;  // reporters that are another process than before
  };
  Changes take_changes() { return std::exchange(changes_, {}); }

 private:
  struct Held {
    Tracker tracker;  // as it came, for the next hops
    MonoTime expires;
    MonoTime withdrawn_until{};  // until then only low sequence numbers are taken
    bool withdrawn = false;      // and none of these has come yet
    MonoTime unreachable_since = MonoTime::max();
    RateLimit rate;
    std::size_t bytes = 0;
  };

  void on_own(PeerLink& link, const LinkState& heard, Now now);
  void note_rival(const LinkState& heard, Now now);
  [[nodiscard]] LinkState own_withdrawal() const;
  [[nodiscard]] bool is_new(const LinkState& state, const Held* held, Now now) const;
  bool make_room(std::size_t states, std::size_t bytes, Now now);
  void accept(const Links& message, const PeerLink* from, Now now);
  void flood_on(const NodeId& reporter, const PeerLink* from, Now now);
  void flood_collected();
  void withdraw(Now now);
  void tell_withdrawn(PeerLink& link, const LinkState& withdrawal, Now now);
  void mark_due(PeerLink& link, const NodeId& reporter);
  void write(PeerLink& link, const LinkState& state, const Tracker& tracker, Now now);
  void forget(const NodeId& reporter);
  void missed(Now now);
  void forget_unreachable(Now now, bool at_once);

  OverlayState& state_;
  std::map<NodeId, Held> held_;  // of each state in the database
  std::size_t bytes_ = 0;

  /// The first sequence number of a process is the time of its start, in units of about a millisecond. So as
  /// a rule its states are newer than those of the run before it. If its clock was set back, neighbours send
  /// it its former state, and it takes that number over.
  static constexpr unsigned kFirstShift = 20;
  std::uint64_t number_;  // of this node's last state
  bool own_wanted_ = false;
  MonoTime own_at_{};  // not before
  RateLimit own_rate_;
  MonoTime rival_since_{};  // when another process was heard of that has this node's id
  unsigned rival_states_ = 0;
  MonoTime refresh_at_ = MonoTime::max();
  MonoTime withdrawn_until_{};  // until then only small numbers are taken over

  RateLimit at_once_;
  MonoTime flood_at_ = MonoTime::max();  // when what is collected is handed on

  MonoTime look_at_{};  // for what has expired or cannot be reached
  bool graph_moved_ = false;
  bool some_unreachable_ = false;
  MonoTime made_room_at_{};
  MonoTime sync_at_ = MonoTime::max();
  Changes changes_;
};

}  // namespace ott
