// The way into the overlay of a guest, or of a member that has lost all its neighbours (fallback.h): the
// access nodes that it was offered (or that --node names), which of them it attaches to, and what it does
// when that one is gone. Owned by Handshakes.
//
// The guest connects to all of them at once. The nearest is the one whose SPEERS came soonest after its
// connection was there: it gets FINALACK, and the other connections are closed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ott/retry.h"
#include "overlay/overlay_config.h"

namespace ott {

class Access {
 public:
  explicit Access(OverlayState& state) : state_(state) {}

  /// Takes these as the access nodes from now on, and connects to all of them.
  void offered(const std::vector<Peer>& nodes, Now now);
  /// Has no access nodes any more: closes the connections to them.
  void leave(const std::string& why);
  void on_speers(PeerLink& link, const Speers& message, Now now);
  void on_connected(const PeerLink& link);
  void on_closed(const PeerLink& link, std::string_view why, Now now);
  /// The bootstrapper cannot be asked for other access nodes: tries the known ones again.
  void on_bootstrapper_away(Now now);
  /// False as long as none was ever offered, and after leave().
  [[nodiscard]] bool has_nodes() const { return !nodes_.empty(); }
  /// Why no access node takes this guest; empty: one does, or may still.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  /// The access node that this link leads to, as it was offered: "10.0.0.1 (n2)".
  [[nodiscard]] std::string describe(const PeerLink& link) const;

  [[nodiscard]] MonoTime next_deadline() const { return std::min(retry_.due_at(), choose_at_); }
  /// True if somebody must be asked for access nodes now: the bootstrapper, or what a member knows.
  bool tick(Now now);

 private:
  struct Node {
    std::string name;
    std::optional<LinkId> link;
    std::optional<Duration> answered_after;
  };

  void call(const NodeId& id, Node& node, Now now);
  void choose(Now now);
  void attach(PeerLink& best, Duration answered_after);
  void note_trouble(const PeerLink& last, std::string_view why);
  [[nodiscard]] PeerLink* link_of(const Node& node) const;

  OverlayState& state_;
  std::map<NodeId, Node> nodes_;
  MonoTime choose_at_ = MonoTime::max();
  Retry retry_;
  bool ask_bootstrapper_ = false;  // the next retry asks it
  std::string trouble_;
  bool complained_ = false;  // it was logged that none answers
};

}  // namespace ott
