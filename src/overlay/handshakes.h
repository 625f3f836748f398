// How a process becomes part of the overlay: walks the handshake of each connection (PROTOCOL.md, "The
// handshake") and asks the part that the connection belongs to what it is to say: Registration, Neighbours or
// Access for connections made, Controller or Neighbours for those accepted. Owned by Overlay.
//
// A link that take_connected() has named is CONNECTED or OFFLINE, and its peer is known.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "overlay/access.h"
#include "overlay/admission.h"
#include "overlay/controller.h"
#include "overlay/fallback.h"
#include "overlay/joining.h"
#include "overlay/neighbours.h"
#include "overlay/overlay_config.h"
#include "overlay/registration.h"
#include "overlay/rivals.h"

namespace ott {

class Handshakes {
 public:
  Handshakes(OverlayState& state, Neighbours& neighbours);

  void begin(Now now);
  /// The addresses of the host that was named: the bootstrapper's, or those of access nodes. Begins, or is to
  /// be called again when they have changed.
  void found(const std::vector<NodeId>& addresses, Now now);
  /// More addresses of nodes to join at.
  void found_to_join(const std::vector<NodeId>& addresses, Now now) { joining_.found(addresses, now); }
  void discovered(const NodeId& at, Now now) { joining_.discovered(at, now); }
  void on_listening(const NodeId& at, const std::optional<Error>& error, Now now);
  LinkId on_accepted(const NodeId& remote, Now now);
  void on_opened(PeerLink& link, const NodeId& local, Now now);
  /// REQUIRES: still in the table.
  void on_closed(PeerLink& link, std::string_view why, Now now);

  void on_ack(PeerLink& link, const Ack& message, Now now);
  void on_speers(PeerLink& link, const Speers& message, Now now);
  void on_final_ack(PeerLink& link, const FinalAck& message, Now now);
  void on_place(PeerLink& link, const Place& m, Now now) { registration_.on_place(link, m, now); }
  Result<std::size_t> take_topology(Topology topology, Now now) {
    return controller_.take(std::move(topology), now);
  }

  /// Why this process has no place in the overlay yet, or a guest no access node.
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] bool is_in_trouble() const {
    return !access_.trouble().empty() || !registration_.trouble().empty() || !joining_.trouble().empty();
  }
  void on_access_nodes(PeerLink& link, const AccessNodes& message, Now now);

  /// How a guest goes from one access node to another.
  [[nodiscard]] Access& access() { return access_; }
  /// True if nodes that find their neighbours themselves may call this one.
  [[nodiscard]] bool takes_neighbours() const { return joining_.takes_neighbours(); }
  /// The graph has changed.
  void on_graph_changed(Now now) { joining_.on_graph_changed(now); }
  /// Links and flows have come or gone.
  [[gnu::hot]] void settle(Now now) { fallback_.settle(now); }

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

  /// Links whose handshake has ended, CONNECTED or OFFLINE, since the last call.
  std::vector<LinkId> take_connected() { return std::exchange(connected_, {}); }

 private:
  void say_ack(PeerLink& link, const NodeId& local, Now now);
  [[nodiscard]] bool is_other_overlay(PeerLink& link, const std::string& name);
  void offer(const std::vector<NodeId>& access_nodes, Now now);
  void make_room();
  void finish(PeerLink& link, Now now);
  [[nodiscard]] bool no_room_for(const PeerLink& guest) const;

  OverlayState& state_;
  Neighbours& neighbours_;
  Admission admission_;
  Controller controller_;
  Registration registration_;
  Access access_;
  Joining joining_;
  Fallback fallback_;
  Rivals rivals_;
  std::vector<LinkId> connected_;
};

}  // namespace ott
