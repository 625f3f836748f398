// What only a bootstrapper does: it knows the topology, registers the nodes that are in it and tells each its
// neighbours, and offers access nodes to clients that are not. Owned by Handshakes.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "overlay/admission.h"
#include "overlay/neighbours.h"

namespace ott {

class Controller {
 public:
  Controller(OverlayState& state, Neighbours& neighbours, Admission& admission)
      : state_(state), neighbours_(neighbours), admission_(admission) {}

  /// Takes its own place in the topology. REQUIRES: there is a topology, with config.id in it.
  void begin(Now now);
  /// Answers the ACK of any peer but a guest.
  void on_ack(PeerLink& link, const Ack& message, Now now);
  /// Goes by this topology from now on. Nodes whose place in it is another now are told; those that have none
  /// any more are let go. Returns how many both are. An error, and nothing changes, if this process is not in
  /// it.
  Result<std::size_t> take(Topology topology, Now now);
  /// A handshake has ended well.
  void on_connected(PeerLink& link);
  /// A registered member has no neighbours and asks for access nodes.
  void on_access_nodes(PeerLink& link, Now now);

 private:
  /// The nodes of the topology that the ids name, but for the bootstrapper itself.
  [[nodiscard]] std::vector<NodeId> named_by(const Ack& message) const;
  [[nodiscard]] static Place place_of(const Topology& topology, const NodeId& id);
  [[nodiscard]] Place place_of(const NodeId& id) const { return place_of(*state_.config.topology, id); }
  void tell(PeerLink& link);
  void take_own_place(Now now);
  [[nodiscard]] std::vector<Peer> access_offers(const NodeId& guest) const;
  [[nodiscard]] std::vector<NodeId> access_nodes(const IpAddress& guest) const;
  [[nodiscard]] NodeId nearest_address(const NodeId& node, const IpAddress& guest) const;
  void refuse_stranger(PeerLink& link, const Ack& message);

  OverlayState& state_;
  Neighbours& neighbours_;
  Admission& admission_;
  std::set<LinkId> told_former_place_;  // their handshake was under way when the topology changed
};

}  // namespace ott
