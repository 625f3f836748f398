// A node's or client's registration at the bootstrapper: the connection to the address that --bootstrap
// gives, which id this process has, and when it tries again or gives up. Owned by Handshakes.
//
// The address to connect to is always the one that was given. The id that the bootstrapper says it has tells
// only which neighbour it is: behind an address translation the two differ.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ott/retry.h"
#include "overlay/neighbours.h"
#include "overlay/overlay_config.h"

namespace ott {

class Registration {
 public:
  Registration(OverlayState& state, Neighbours& neighbours) : state_(state), neighbours_(neighbours) {}

  /// The addresses of the bootstrapper's host: connects to the first, and to the next when that fails.
  void found(std::vector<NodeId> addresses, Now now);
  /// REQUIRES: there is a bootstrapper to connect to.
  void connect(Now now);
  /// The ids that ACK is to name: this process's own, or, while it is not known, all that it could be.
  [[nodiscard]] std::vector<NodeId> ids(const PeerLink& link) const;
  /// True if this process is not in the topology: then SPEERS offers access nodes.
  bool on_speers(PeerLink& link, const Speers& message, Now now);
  void on_connected();
  /// The bootstrapper has another topology.
  void on_place(PeerLink& link, const Place& message, Now now);
  /// True if the connection is to be tried again.
  bool on_closed(const PeerLink& link, std::string_view why, Now now);
  void try_later(Now now);
  /// Why the bootstrapper has not given this process a place, or access nodes; empty: it has.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  /// The OFFLINE link by which this process is registered; null while there is none.
  [[nodiscard]] PeerLink* control_link() const;

  [[nodiscard]] MonoTime next_deadline() const { return retry_.due_at(); }
  void tick(Now now);

 private:
  [[nodiscard]] bool take_next_address();
  void connect_as(const NodeId& id, PeerLink& link, Now now);
  void take_place(PeerLink& link, const Speers& message, Now now);

  OverlayState& state_;
  Neighbours& neighbours_;
  std::optional<LinkId> current_;  // the connection that counts
  std::optional<NodeId> told_;     // the id to connect as, named by the bootstrapper
  Retry retry_;
  std::vector<NodeId> addresses_;  // of a host that was named; the one in use first
  std::size_t tried_ = 0;          // of them, since the last pause
  bool next_at_once_ = false;
  std::string trouble_;
  bool complained_ = false;  // it was logged that the bootstrapper is away
  unsigned refusals_ = 0;    // BYE 3, in a row
};

}  // namespace ott
