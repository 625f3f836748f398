// A node that finds its neighbours itself (--join, --discover): how it comes into the overlay, which
// neighbours it links with and lets go of (mesh.h decides), whom it takes, and how it finds former members
// again. Owned by Handshakes.
//
// Link states are the gossip: whoever has one neighbour knows all nodes. A call is a connection that ends
// with SPEERS, which measures the round trip, or goes on to a link, if one is wanted then.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "overlay/acquaintances.h"
#include "overlay/admission.h"
#include "overlay/mesh.h"
#include "overlay/neighbours.h"
#include "overlay/overlay_config.h"

namespace ott {

class Joining {
 public:
  Joining(OverlayState& state, Neighbours& neighbours, Admission& admission);

  void begin(Now now);
  /// More addresses to begin with.
  void found(const std::vector<NodeId>& addresses, Now now);
  /// Somebody at this address says that it belongs to the overlay.
  void discovered(const NodeId& at, Now now);

  /// The connection is there. True if this process knows its id and listens, so that ACK may be said;
  /// otherwise take_waiting() names the link when it does.
  bool on_opened(PeerLink& link, const NodeId& local);
  std::vector<LinkId> take_waiting() { return std::exchange(waiting_, {}); }
  void on_listening();
  /// True if another port is tried in place of this one.
  bool on_not_listening();

  /// A peer that finds its neighbours itself says ACK.
  void on_ack(PeerLink& link, const Ack& message, Now now);
  void on_speers(PeerLink& link, const Speers& message, Now now);
  [[nodiscard]] bool takes_neighbours() const {
    return active() && listening_ && state_.self_known && !state_.translated;
  }
  /// True if there is room for this accepted peer as a neighbour; else the link is closed.
  bool takes(PeerLink& link);
  void on_connected(PeerLink& link);
  void on_closed(const PeerLink& link, std::string_view why, Now now);
  /// The graph has changed.
  void on_graph_changed(Now now);

  /// Nodes that may take this process as a guest when none takes it as a neighbour.
  [[nodiscard]] std::vector<NodeId> known() const { return acquaintances_.all(); }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

 private:
  enum class Reason : std::uint8_t { Enter, Merge, Ring, Few, Near, Probe };
  struct Call {
    NodeId to;
    Reason reason;
  };
  struct Measured {
    Duration round_trip{};
    MonoTime at;
  };

  [[nodiscard]] bool active() const;
  [[nodiscard]] Mesh::Degrees degrees() const;
  void choose_id(const NodeId& id);
  void settle_id();
  bool is_called(const NodeId& here, PeerLink& link);
  void call(const NodeId& to, Reason reason, Now now);
  [[nodiscard]] bool is_being_called(const NodeId& to) const;
  [[nodiscard]] bool may_be_called(const NodeId& id, Now now) const;

  void enter(Now now);
  void look(Now now);
  void update_members(const MeshView& view, Now now);
  void merge(std::size_t members, Now now);
  bool close_ring(const MeshView& view, Now now);
  bool have_enough(const MeshView& view, Now now);
  void improve(const MeshView& view, Now now);
  bool link_to_best(const MeshView& view, const Mesh& mesh, Now now);
  bool probe(const MeshView& view, const Mesh& mesh, Now now);
  void note_measured(const NodeId& id, Duration round_trip, Now now);
  [[nodiscard]] bool is_wanted(const Call& call, const NodeId& id, Duration round_trip) const;
  void end_call(PeerLink& link, const std::string& why);
  [[nodiscard]] std::vector<Peer> sample();
  void complain(const PeerLink& link, std::string_view why);

  OverlayState& state_;
  Neighbours& neighbours_;
  Admission& admission_;
  Acquaintances acquaintances_;
  std::map<LinkId, Call> calls_;
  std::vector<LinkId> waiting_;
  bool listening_ = false;
  unsigned ports_tried_ = 0;
  MonoTime choose_id_at_ = MonoTime::max();

  std::vector<NodeId> members_;          // those that were reached when it was looked last, by id
  std::map<NodeId, Measured> measured_;  // direct round trips to members that are no neighbours
  std::map<NodeId, MonoTime> let_go_;    // links that were let go of: not again before
  MonoTime look_at_ = MonoTime::max();   // when neighbours are looked at
  MonoTime improve_at_{};                // and better ones looked for
  Duration improve_pause_{};
  MonoTime change_at_{};  // and the next change may be made
  MonoTime merge_at_ = MonoTime::max();
  RateLimit joins_in_;
  RateLimit calls_out_;

  std::string trouble_;
  bool complained_ = false;
  unsigned duplicates_ = 0;  // BYE 3, in a row
};

}  // namespace ott
