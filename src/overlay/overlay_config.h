// What an overlay process is told at its start, and what all parts of one share.
#pragma once

#include <optional>
#include <vector>

#include "ott/graph.h"
#include "ott/link_state.h"
#include "ott/topology.h"
#include "overlay/link_table.h"
#include "plane/ring_budget.h"

namespace ott {

struct OverlayConfig {
  PeerKind kind = PeerKind::Node;
  std::optional<NodeId> id;                // --id; the bootstrapper's own
  std::vector<IpAddress> local_addresses;  // of this host's interfaces, to find the id among
  std::optional<NodeId> bootstrap;         // whom to register with
  std::vector<NodeId> access;              // a guest without a bootstrapper: nodes to try
  std::optional<Topology> topology;        // the bootstrapper's
  TreePolicy tree_policy = TreePolicy::Shortest;
  std::uint64_t incarnation = 0;  // start of the process, ns since the epoch
  std::uint64_t random_seed = 0;  // for the jitter of retries

  Duration heartbeat = std::chrono::milliseconds(100);
  Duration lag_max = std::chrono::milliseconds(300);
  Duration history = std::chrono::seconds(2);          // how old a frame a START may ask for
  std::size_t ring_bytes = std::size_t{16} << 20U;     // a stream's ring grows to this for its history
  std::size_t memory_bytes = std::size_t{256} << 20U;  // and all rings together to this
};

/// One process's view of the overlay, owned by its Overlay and borrowed by the overlay's parts.
struct OverlayState {
  OverlayState(OverlayConfig c, Log& l) : config(std::move(c)), log(l), links(l) {}

  /// How long a link may be quiet before its ends show a sign of life, but for a guest's own end.
  [[nodiscard]] Duration beat_interval(const PeerLink& link) const;
  /// How long nothing may be heard of its peer.
  [[nodiscard]] Duration silence_max(const PeerLink& link) const;

  OverlayConfig config;
  RingBudget rings{config.memory_bytes};
  Log& log;
  LinkTable links;
  LinkStateDb db;
  bool leaving = false;  // guests are sent away
  bool self_known = false;
  NodeId self;
  /// When this process was last found to have run too late. What has waited here since before then is nobody
  /// else's lag, and no older than that.
  MonoTime late_until{};
};

}  // namespace ott
