// How a member goes on when all its neighbours are gone: it asks the bootstrapper for access nodes (or tries
// the nodes that it knows, while the bootstrapper is away), and is a guest of one of them as well, by an
// access link beside its place in the topology. Meanwhile it connects to its neighbours as ever. When its
// streams come by a neighbour again it gives the access link up. Owned by Handshakes.
//
// Clients alone do so. A node that was a guest could not give others what it has, and two nodes could become
// guests of each other.
#pragma once

#include <vector>

#include "overlay/access.h"
#include "overlay/joining.h"
#include "overlay/neighbours.h"
#include "overlay/registration.h"

namespace ott {

class Fallback {
 public:
  Fallback(OverlayState& state, const Neighbours& neighbours, const Registration& registration,
           Access& access, const Joining& joining)
      : state_(state),
        neighbours_(neighbours),
        registration_(registration),
        access_(access),
        joining_(joining) {}

  /// Draws the consequences of links and flows that have come or gone.
  [[gnu::hot]] void settle(Now now);
  /// Asks for access nodes, again if need be.
  void seek(Now now);
  /// The bootstrapper's answer. Nothing is taken from anybody else, nor unless it was asked for.
  void on_access_nodes(const PeerLink& link, const AccessNodes& message, Now now);
  /// The link to an access node is up.
  void on_attached(const PeerLink& link);

  [[nodiscard]] MonoTime next_deadline() const { return std::min({begin_at_, known_at_, end_at_}); }
  void tick(Now now);

 private:
  [[nodiscard]] bool applies() const;
  void try_known(Now now);
  [[nodiscard]] std::vector<Peer> known_nodes();
  void end();

  OverlayState& state_;
  const Neighbours& neighbours_;
  const Registration& registration_;
  Access& access_;
  const Joining& joining_;
  bool active_ = false;                  // it looks for an access node, or has one
  bool had_neighbours_ = false;          // since the start of the process
  bool failed_ = false;                  // the access nodes that were offered last did not answer
  MonoTime begin_at_ = MonoTime::max();  // when it has had no neighbour for long enough
  MonoTime known_at_ = MonoTime::max();  // when the bootstrapper has not answered in time
  MonoTime end_at_ = MonoTime::max();    // when nothing has come by the access link for long enough
};

}  // namespace ott
