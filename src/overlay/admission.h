// The decision about the peer of an accepted connection: which ids are believed from where, and which of two
// connections with one id stays. Used by the bootstrapper's Controller and by a node's Neighbours; owned by
// Handshakes.
//
// A link has a peer (peer_known) only once its claim was believed here, so nothing that a stranger says of
// itself can close or refuse another link.
#pragma once

#include "overlay/overlay_config.h"

namespace ott {

class Neighbours;

class Admission {
 public:
  Admission(OverlayState& state, const Neighbours& neighbours) : state_(state), neighbours_(neighbours) {}

  /// True if a node with this id may be at the other end: the connection comes from the id's own address, or
  /// from a further one that the topology gives the node. This is the only place where an identity is
  /// decided.
  [[nodiscard]] bool may_claim(const NodeId& id, const PeerLink& link) const;

  /// True if the peer is believed to be `id` and its link stays. Otherwise the link was closed with the
  /// reason.
  bool admits(PeerLink& link, const NodeId& id, Now now);
  /// Closes the link: its peer may not claim `id`.
  void refuse_address(PeerLink& link, const NodeId& id);
  /// Closes the link of a guest that there is no room for.
  void refuse_guest(PeerLink& link);

  /// Sends SPEERS to a peer that is `id` from here on; from the bootstrapper with its place in the topology.
  void accept(PeerLink& link, const NodeId& id, Relation relation, Place place);
  /// Sends SPEERS to a peer that gets no place here: it learns as whom it is to connect, or to whom.
  void advise(PeerLink& link, const NodeId& you, std::vector<Peer> access_nodes);

 private:
  void send_peers(PeerLink& link, const NodeId& you, Place place);
  bool is_taken(PeerLink& link, const NodeId& id, Now now);

  OverlayState& state_;
  const Neighbours& neighbours_;
};

}  // namespace ott
