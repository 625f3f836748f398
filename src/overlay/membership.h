// How a process becomes part of the overlay: registration with the bootstrapper, connections to the
// neighbours that it names, or, for a guest, to the nearest access node; the accepting side of all three.
// It walks the handshake of each link and says which links are up (take_connected).
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "overlay/overlay_config.h"

namespace ott {

class Membership {
 public:
  explicit Membership(OverlayState& state);

  void begin(Now now);
  void on_listening(const std::optional<Error>& error, Now now);
  void on_opened(PeerLink& link, const NodeId& local, Now now);
  /// REQUIRES: still in the table.
  void on_closed(PeerLink& link, std::string_view why, Now now);

  void on_ack(PeerLink& link, const Ack& message, Now now);
  void on_speers(PeerLink& link, const Speers& message, Now now);
  void on_final_ack(PeerLink& link, const FinalAck& message, Now now);

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

  /// Links whose handshake has ended, CONNECTED or OFFLINE, since the last call.
  std::vector<LinkId> take_connected() { return std::exchange(connected_, {}); }
  /// The cost of the link to a neighbour, by the topology.
  [[nodiscard]] std::uint32_t cost(const NodeId& neighbour) const;
  /// "10.0.0.1 (n2)" where the topology gives a name.
  [[nodiscard]] std::string describe(const NodeId& id) const;

 private:
  struct Retry {
    MonoTime at = MonoTime::max();
    Duration backoff{};
  };
  struct Neighbour {
    std::uint32_t cost = 1;
    std::string name;
    Retry retry;
  };
  struct AccessNode {
    std::optional<LinkId> link;
    std::optional<Duration> answered_after;
  };

  void connect(Purpose purpose, const NodeId& to, Now now);
  void schedule(Retry& retry, Duration first, Duration longest, Now now);
  void protocol_error(PeerLink& link, std::string_view what);
  void finish(PeerLink& link);
  void quit(std::string message);

  // Accepting.
  void ack_at_bootstrapper(PeerLink& link, const Ack& message, Now now);
  void ack_at_node(PeerLink& link, const Ack& message, Now now);
  void send_peers(PeerLink& link, const NodeId& you, Relation relation, std::vector<Peer> peers);
  bool is_taken(PeerLink& link, const NodeId& id, std::uint64_t incarnation, Now now);
  [[nodiscard]] std::vector<NodeId> identities(const Ack& message) const;
  [[nodiscard]] std::vector<Peer> access_offers(const NodeId& guest) const;

  // Connecting.
  void registered(PeerLink& link, const Speers& message, Now now);
  void become_guest(PeerLink& link, const Speers& message, Now now);
  void choose_access(Now now);
  void find_access(Now now);
  void registration_closed(PeerLink& link, std::string_view why, Now now);
  void access_closed(PeerLink& link, std::string_view why, Now now);
  void connect_neighbours(Now now);

  OverlayState& state_;
  std::mt19937_64 random_;
  std::map<NodeId, Neighbour> neighbours_;
  std::map<NodeId, AccessNode> access_;
  MonoTime choose_access_at_ = MonoTime::max();
  Retry registration_retry_;
  Retry access_retry_;
  bool ask_for_access_ = false;  // the bootstrapper, next time
  bool complained_ = false;      // about a bootstrapper or access node that is not there: once
  unsigned refusals_ = 0;        // as a duplicate, in a row
  bool listening_ = false;
  std::vector<LinkId> connected_;
};

}  // namespace ott
