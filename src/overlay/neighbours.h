// A node's neighbours, as the bootstrapper has named them: their costs and names, the connections to those
// that are not linked yet, and the ACKs of those that connect here. Owned by Overlay.
//
// Both ends of a link connect to each other. The bootstrapper is the exception: it connects to no node, and a
// node's link to it is the connection by which the node registers.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ott/retry.h"
#include "overlay/overlay_config.h"

namespace ott {

class Admission;

class Neighbours {
 public:
  explicit Neighbours(OverlayState& state) : state_(state) {}

  /// Takes these for all neighbours there are. Links to others are listed no more, so that streams take other
  /// ways, and end when none needs them.
  void set(const std::vector<Peer>& peers, Now now);
  /// A neighbour that this node has found itself, or taken: it stays until let_go() or its link's end.
  void add(const NodeId& id);
  /// Its link is listed no more, so that streams take other ways, and ends when none needs it.
  void let_go(const NodeId& id, Now now);
  /// True for one that add() has brought.
  [[nodiscard]] bool is_found(const NodeId& id) const {
    const auto known = all_.find(id);
    return known != all_.end() && known->second.found;
  }
  [[nodiscard]] bool any_named() const {
    return std::ranges::any_of(all_, [](const auto& entry) { return !entry.second.found; });
  }
  /// True for one that the bootstrapper has named.
  [[nodiscard]] bool is_named(const NodeId& id) const { return all_.contains(id) && !is_found(id); }
  /// This node listens now, so it may connect to its neighbours.
  void on_listening(Now now);
  /// Connects to those that have no link, once this node listens.
  void connect(Now now);

  /// Answers the ACK of any peer but a guest, at a node that is not the bootstrapper.
  void on_ack(PeerLink& link, const Ack& message, Admission& admission, Now now);
  void on_connected(const PeerLink& link);
  void on_closed(const PeerLink& link, Now now);

  [[nodiscard]] MonoTime next_deadline() const;
  void tick(Now now);

  [[nodiscard]] bool contains(const NodeId& id) const { return all_.contains(id); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }
  /// True if what this node's link state says of its neighbours has changed since the last call.
  bool take_changed() { return std::exchange(changed_, false); }
  /// A node's further addresses, where they are known: at the bootstrapper anybody's, else a neighbour's.
  [[nodiscard]] std::span<const NodeId> addresses(const NodeId& id) const;
  /// All of them, for people: "10.0.0.1 (n2), 10.0.1.2 (n5)".
  [[nodiscard]] std::string names() const;
  /// The cost of the link to a neighbour, by the topology.
  [[nodiscard]] std::uint32_t cost(const NodeId& neighbour) const;
  /// The nodes of this name: of the neighbours, or at the bootstrapper of all.
  [[nodiscard]] std::vector<NodeId> named(std::string_view name) const;
  /// The topology's name for a node; empty where none is known.
  [[nodiscard]] std::string name(const NodeId& id) const;
  /// "10.0.0.1 (n2)" where the topology gives a name.
  [[nodiscard]] std::string describe(const NodeId& id) const;

 private:
  struct Neighbour {
    Peer peer;
    Retry retry;
    bool found = false;  // by this node itself: whether it is called again is not decided here
  };

  /// False for the bootstrapper, at the bootstrapper, and for those that were found.
  [[nodiscard]] bool is_to_be_called(const NodeId& id) const;
  void end_unused(Now now);
  void call(const Neighbour& neighbour, Now now);

  OverlayState& state_;
  std::map<NodeId, Neighbour> all_;
  std::map<NodeId, MonoTime> leaving_;  // links to nodes that are no neighbours any more, and until when
  MonoTime look_at_{};                  // when the next of them may end
  bool changed_ = false;
  bool listening_ = false;
};

}  // namespace ott
