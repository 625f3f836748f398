// Another bootstrapper of the same overlay: there must be one alone, since each would give nodes their places
// and be the first origin. When a bootstrapper starts it calls on the other nodes of its topology as a
// guest-to-be does, which everybody answers and which changes nothing. If one says that it is a bootstrapper,
// and it was there before, this process ends. Later, link states tell of one that could not be reached then;
// they may be forged, so they are worth a warning and no more. Owned by Handshakes.
#pragma once

#include <set>

#include "overlay/neighbours.h"

namespace ott {

class Rivals {
 public:
  Rivals(OverlayState& state, const Neighbours& neighbours) : state_(state), neighbours_(neighbours) {}

  /// REQUIRES: this is a bootstrapper that has taken its place in the topology.
  void begin(Now now);
  void on_speers(PeerLink& link, const Speers& message);
  void tick(Now now);

 private:
  [[nodiscard]] std::string two_of_them(const NodeId& other) const;

  OverlayState& state_;
  const Neighbours& neighbours_;
  std::set<NodeId> warned_of_;
  MonoTime look_at_{};
};

}  // namespace ott
