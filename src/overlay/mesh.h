// Which neighbours a node that finds them itself wants. Pure decisions from what it knows of the overlay: no
// clock, no connections (joining.h has these). The same view gives the same decision everywhere.
//
// Two kinds of links make the overlay. The *ring* leads through all nodes in the order of a hash of their
// ids: whatever else is chosen, it connects them, and its links go far. All others are chosen by round trip:
// a link is *needed* as much as the way around it is longer than the link itself. A node links to whom it
// reaches by a clear detour only, and lets go of a link that has a way around which is hardly longer.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "ott/time.h"
#include "ott/types.h"

namespace ott {

class LinkStateDb;

/// The nodes that can be reached from one of them, with their links and round trips.
struct MeshView {
  using Index = std::uint32_t;
  struct Link {
    Index to = 0;
    std::uint32_t length_us = 0;  // its round trip, and some for the relay at its end
  };
  struct Node {
    NodeId id;
    std::uint64_t place = 0;  // on the ring
    bool takes = true;        // neighbours that call it
    std::vector<Link> links;  // by the node at the other end
  };

  std::vector<Node> nodes;  // by id
  Index self = 0;

  [[nodiscard]] std::optional<Index> find(const NodeId& id) const;
  [[nodiscard]] Link* link(Index from, Index to);
  [[nodiscard]] std::size_t degree(Index node) const { return nodes[node].links.size(); }
  [[nodiscard]] const Node& here() const { return nodes[self]; }
};

/// What a round trip counts as, with what a relay at its end adds: so a network whose round trips hardly
/// differ is not told apart by noise.
std::uint32_t mesh_length_us(Duration round_trip);

/// A node's place on the ring: the same at every node.
std::uint64_t ring_place(const NodeId& id);

class Mesh {
 public:
  struct Degrees {
    std::size_t least = 3;
    std::size_t most = 8;
  };

  Mesh(const MeshView& view, Degrees degrees);

  /// The next node on the ring that takes neighbours and that `unfit` does not name; none if there is no
  /// other node.
  template <class Unfit>
  [[nodiscard]] static std::optional<NodeId> successor(const MeshView& view, const Unfit& unfit) {
    const MeshView::Node* next = nullptr;
    const auto distance_to = [&view](const MeshView::Node& node) { return node.place - view.here().place; };
    for (const MeshView::Node& node : view.nodes) {
      if (&node == &view.here() || !node.takes || unfit(node.id)) continue;
      if (next == nullptr || distance_to(node) < distance_to(*next)) next = &node;
    }
    return next == nullptr ? std::nullopt : std::optional(next->id);
  }
  /// True if the link between them is one of the ring.
  [[nodiscard]] static bool is_ring_link(const MeshView& view, MeshView::Index a, MeshView::Index b);

  /// How much longer the way to a node is than a direct link of this round trip would be: 1 or more. Infinite
  /// if there is no way.
  [[nodiscard]] double detour(MeshView::Index to, Duration direct) const;
  /// True if a link of this round trip is to be made: it shortens the way clearly, and both ends have room,
  /// or it is needed clearly more than another of this node's links, which can go then.
  [[nodiscard]] bool is_worth_a_link(MeshView::Index to, Duration direct) const;

  struct Needed {
    MeshView::Index peer = 0;
    double need = 1;  // the length of the way around the link, of its own
  };
  /// Of this node's links the one that is needed least, ring links aside; none if no other can go.
  [[nodiscard]] const std::optional<Needed>& least_needed() const { return least_; }
  /// The link that is to go now, if there is one: since this node has more than it wants, or since another
  /// way is hardly longer.
  [[nodiscard]] std::optional<NodeId> surplus() const;

  /// The lengths of the ways from this node to all others, in µs.
  [[nodiscard]] const std::vector<std::uint32_t>& lengths() const { return lengths_; }
  static constexpr std::uint32_t kNoWay = std::numeric_limits<std::uint32_t>::max();

  /// How many links a node makes and takes that no ring asks for: one place is left for who comes.
  [[nodiscard]] std::size_t wanted_most() const { return degrees_.most - 1; }

 private:
  [[nodiscard]] std::vector<std::uint32_t> lengths_from_here(std::optional<MeshView::Index> without,
                                                             std::uint32_t at_most) const;
  [[nodiscard]] std::optional<Needed> find_least_needed() const;

  const MeshView& view_;
  Degrees degrees_;
  std::vector<std::uint32_t> lengths_;
  std::optional<Needed> least_;
};

/// What this node's link states say.
MeshView mesh_view(const LinkStateDb& db, const NodeId& self);

}  // namespace ott
