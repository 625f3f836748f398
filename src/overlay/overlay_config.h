// What an overlay process is told at its start, and the state that all of its parts share.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ott/graph.h"
#include "ott/link_state.h"
#include "ott/topology.h"
#include "overlay/limits.h"
#include "overlay/link_table.h"

namespace ott {

/// What --join and --discover say: this process finds its neighbours itself.
struct JoinConfig {
  std::vector<NodeId> at;  // processes of the overlay to begin with
  bool discovers = false;  // others may be found on this host's links, too
  unsigned degree_min = 3;
  unsigned degree_max = 8;
};

struct OverlayConfig {
  PeerKind kind = PeerKind::Node;
  std::optional<NodeId> id;                // --id; the bootstrapper's own
  std::vector<IpAddress> local_addresses;  // of this host's interfaces, to find the id among
  std::optional<NodeId> bootstrap;         // the address to register at
  std::vector<NodeId> access;              // a guest without a bootstrapper: nodes to try
  bool access_named = false;               // by --node; if not, they are this host's addresses
  std::optional<Topology> topology;        // the bootstrapper's
  std::optional<JoinConfig> join;
  std::string overlay_name{kOverlayNameDefault};  // those of other overlays are sent away
  TreePolicy tree_policy = TreePolicy::Shortest;
  std::uint64_t incarnation = 0;  // start of the process, ns since the epoch
  std::uint64_t random_seed = 0;  // for the jitter of retries

  Duration heartbeat = std::chrono::milliseconds(100);
  Duration lag_max = std::chrono::milliseconds(300);
  Duration history = std::chrono::seconds(2);  // how old a frame a START may ask for
  std::size_t ring_bytes = std::size_t{16} << 20U;
  std::size_t memory_bytes = std::size_t{256} << 20U;  // of all rings together
  Limits limits;
};

/// How often the round trip of a link is measured, but to neighbours: of control links by both ends, and by
/// guests alone on theirs.
inline constexpr Duration kEchoInterval = std::chrono::seconds(5);

/// A node that retires forwards until its children have moved, takes no guests and lists no links.
enum class Phase : std::uint8_t { Running, Retiring, Left };

/// One process's view of the overlay, owned by its Overlay and borrowed by the overlay's parts.
struct OverlayState {
  OverlayState(OverlayConfig c, Log& l)
      : config(std::move(c)),
        rings(config.memory_bytes),
        log(l, config.limits.log_lines_per_kind_s),
        links(log, config.limits, counters),
        random(config.random_seed) {}

  /// How long this end may send nothing before a hello is due. A guest's own end has no such interval.
  [[nodiscard]] Duration hello_interval(const PeerLink& link) const;
  /// How long the peer may send nothing before it is taken for dead: three of its own hello intervals.
  [[nodiscard]] Duration dead_interval(const PeerLink& link) const;

  /// Begins a connection. It comes from `from`, or else from one of this node's addresses if they are known.
  PeerLink& connect(Purpose purpose, const NodeId& to, Now now, std::optional<IpAddress> from = {});
  /// Asks to listen on all addresses of this node; not again on those for which that was asked before.
  void listen();
  /// Asks to exit with status 1, unless the end has been asked for already.
  void quit(std::string message);

  /// True once the bootstrapper has given this process a place in its topology.
  [[nodiscard]] bool is_member() const { return self_known && config.kind != PeerKind::Guest; }
  /// The access node's link, if requests to this origin go by it: a guest's all do, a member's when it has no
  /// path of its own. Null if they don't, or if there is none.
  [[nodiscard]] PeerLink* access_towards(const NodeId& origin);
  /// What this process is called on a link: an access node knows a member, too, by its address and port.
  [[nodiscard]] const NodeId& self_on(const PeerLink& link) const {
    return link.is_access() ? link.you : self;
  }

  /// What this process says of itself when it opens a handshake or answers one.
  [[nodiscard]] Greeting greeting() const;

  OverlayConfig config;
  RingBudget rings;
  LimitCounters counters;
  DurationHistogram round_trips;  // of all links, as hellos measure them
  LimitedLog log;
  LinkTable links;
  LinkStateDb db;
  std::mt19937_64 random;  // for the jitter of retries
  Phase phase = Phase::Running;
  bool self_known = false;
  NodeId self;
  bool translated = false;               // others see another address than this host has: they cannot call
  std::vector<NodeId> further;           // this node's further addresses, by the topology
  std::vector<NodeId> listening_on;      // that this process was asked to listen on
  std::optional<std::string> dismissal;  // why this process ends as soon as no stream needs it
  std::optional<NodeId> bootstrapper;    // its id, once registered; it may listen at another address
};

}  // namespace ott
