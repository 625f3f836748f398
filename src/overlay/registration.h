// A node's or client's registration at the bootstrapper: the connection to the address that --bootstrap
// gives, which id this process has, and when it tries again or gives up. Owned by Handshakes.
//
// The address to connect to is the one that was given, always. The id that the bootstrapper says it has only
// tells which of the neighbours it is: behind an address translation the two differ.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "overlay/neighbours.h"
#include "overlay/overlay_config.h"
#include "overlay/retry.h"

namespace ott {

class Registration {
 public:
  Registration(OverlayState& state, Neighbours& neighbours) : state_(state), neighbours_(neighbours) {}

  /// REQUIRES: there is a bootstrapper to connect to.
  void connect(Now now);
  /// What ACK is to say: this process's id, or while that is not known all that it could be.
  [[nodiscard]] std::vector<NodeId> ids(const PeerLink& link) const;
  /// True if this process is not in the topology, and access nodes are offered instead.
  bool on_speers(PeerLink& link, const Speers& message, Now now);
  void on_connected();
  /// True if it is to be tried again.
  bool on_closed(const PeerLink& link, std::string_view why);
  void try_later(Now now);

  [[nodiscard]] MonoTime next_deadline() const { return retry_.due_at(); }
  void tick(Now now);

 private:
  void connect_as(const NodeId& id, PeerLink& link, Now now);
  void take_place(PeerLink& link, const Speers& message, Now now);

  OverlayState& state_;
  Neighbours& neighbours_;
  std::optional<LinkId> current_;  // the connection that counts
  std::optional<NodeId> told_;     // the id to connect as, said by the bootstrapper
  Retry retry_;
  bool complained_ = false;  // about a bootstrapper that is not there: once
  unsigned refusals_ = 0;    // as a duplicate, in a row
};

}  // namespace ott
