// What only a bootstrapper does: it knows the topology, registers the nodes that are in it and tells each its
// neighbours, and offers access nodes to clients that are not. Owned by Handshakes.
#pragma once

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
  void begin();
  /// Answers the ACK of any peer but a guest.
  void on_ack(PeerLink& link, const Ack& message, Now now);
  /// A registered member has no neighbours and asks for access nodes.
  void on_access_nodes(PeerLink& link, Now now);

 private:
  /// The nodes of the topology that the ids name, but for the bootstrapper itself.
  [[nodiscard]] std::vector<NodeId> named_by(const Ack& message) const;
  [[nodiscard]] std::vector<Peer> neighbours_of(const NodeId& id) const;
  [[nodiscard]] std::vector<Peer> access_offers(const NodeId& guest) const;
  [[nodiscard]] std::vector<NodeId> access_nodes(const IpAddress& guest) const;
  void refuse_stranger(PeerLink& link, const Ack& message);

  OverlayState& state_;
  Neighbours& neighbours_;
  Admission& admission_;
};

}  // namespace ott
