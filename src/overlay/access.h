// The way into the overlay of a guest, or of a member that has lost all its neighbours (fallback.h): the
// access nodes that it was offered (or that --node names), which of them it attaches to, and when it goes to
// another one. Owned by Handshakes.
//
// It connects to all of them at once. The nearest is the one whose SPEERS came soonest after its connection
// was there: it gets FINALACK. Of the others a guest keeps the connections to the two nearest, on which
// nothing is sent but HEARTBEATs that measure their round trips (they are OFFLINE: see
// PeerLink::is_measured), and closes the rest.
//
// A move makes before it breaks: the guest attaches to the other node as well, and asks it for all that it
// watches. The former one is left when no stream comes by it any more. Meanwhile LinkTable::access() is the
// new one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ott/retry.h"
#include "overlay/access_standing.h"
#include "overlay/move_damper.h"
#include "overlay/overlay_config.h"

namespace ott {

class Access {
 public:
  explicit Access(OverlayState& state);

  /// Takes these as the access nodes from now on, and connects to all of them.
  void offered(const std::vector<Peer>& nodes, Now now);
  /// Has no access nodes any more: closes the connections to them.
  void leave(const std::string& why);
  void on_speers(PeerLink& link, const Speers& message, Now now);
  void on_connected(const PeerLink& link, Now now);
  void on_closed(const PeerLink& link, std::string_view why, Now now);
  /// A round trip was measured on a link to an access node, attached or kept.
  void on_round_trip(const PeerLink& link, Now now);
  /// The bootstrapper cannot be asked for other access nodes: tries the known ones again.
  void on_bootstrapper_away(Now now);
  /// False as long as none was ever offered, and after leave().
  [[nodiscard]] bool has_nodes() const { return !nodes_.empty(); }
  /// Why no access node takes this guest; empty: one does, or may still.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// The access node that this link leads to, as it was offered: "10.0.0.1 (n2)".
  [[nodiscard]] std::string describe(const PeerLink& link) const { return describe(link.remote); }

  /// The access node lives and does not give a stream that it lists, since then: goes to the best other one.
  void on_withheld(const std::string& stream, MonoTime since, Now now);
  /// Null if this guest is not about to leave a node for the one that it has attached to; else the link to
  /// the former.
  [[nodiscard]] PeerLink* former();
  /// Ends a move: the former node is left, if no stream needs it any more or it has had the time for that.
  /// `only_former`: some stream comes by the former node and was not begun by the new one.
  void settle_move(bool only_former, Now now);
  /// The new access node is of no use: stays with the former one.
  void abandon_move(const std::string& why, Now now);

  [[nodiscard]] MonoTime next_deadline() const;
  /// True if somebody must be asked for access nodes now: the bootstrapper, or what a member knows.
  bool tick(Now now);

 private:
  struct Node {
    std::string name;
    std::optional<LinkId> link;  // by which this guest is attached, or wants to be
    std::optional<LinkId> kept;  // by which it is measured alone
    std::optional<Duration> answered_after{};
    AccessStanding standing{};
    bool takes_measuring = true;  // as far as is known
    Retry keep_retry{};
  };
  using Nodes = std::map<NodeId, Node>;
  struct Move {
    std::optional<NodeId> from;    // none: this guest was not attached
    std::optional<LinkId> former;  // none: its link has ended
    NodeId to;
    std::string why{};
    bool measured = false;              // round trips are the reason
    MonoTime end_at = MonoTime::max();  // once it is attached: when the former is left whatever comes by it
  };

  void close_all(const std::string& why);
  void call(const NodeId& id, Node& node, Now now);
  void choose(Now now);
  void attach(PeerLink& best);
  void finish_handshake(PeerLink& link, Relation relation);
  void note_trouble(const PeerLink& last, std::string_view why);
  [[nodiscard]] std::string describe(const NodeId& id) const;
  [[nodiscard]] PeerLink* link_of(const std::optional<LinkId>& id) const;
  [[nodiscard]] bool keeps() const;
  void keep_some(Now now);
  void keep(PeerLink& link, Node& node);
  void on_kept_closed(Node& node, const PeerLink& link, Now now);
  void on_own_closed(const PeerLink& link, std::string_view why, Now now);
  [[nodiscard]] Nodes::iterator best_other(Now now);
  void compare(Now now);
  void move_to(const NodeId& to, Move move, Now now);
  void moved(Now now);

  OverlayState& state_;
  Nodes nodes_;
  std::optional<NodeId> own_;  // the node that this guest is attached to
  MonoTime own_since_{};
  std::optional<Move> move_;
  MoveDamper damper_;  // of moves that round trips cause
  MonoTime choose_at_ = MonoTime::max();
  MonoTime keep_at_ = MonoTime::max();
  Retry retry_;
  bool ask_bootstrapper_ = false;  // the next retry asks it
  std::string trouble_;
  bool complained_ = false;  // it was logged that none answers
};

}  // namespace ott
