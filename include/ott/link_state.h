// What every node knows of the overlay: the newest LinkState of each reporter, and the graph of the links
// that both ends report. Filled by floods; owned by the node that hears them.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "ott/graph.h"
#include "ott/message.h"

namespace ott {

class LinkStateDb {
 public:
  enum class Update : std::uint8_t {
    Old,    // nothing new: not to be flooded on
    Newer,  // taken; links are as before
    Facts,  // taken; what is measured of its links has changed
    Graph,  // taken; links have changed
  };

  /// Takes a state that is newer than what there is of its reporter.
  Update update(const LinkState& state);
  /// Forgets a reporter. True if links have changed by that.
  bool remove(const NodeId& reporter);

  [[nodiscard]] const Graph& graph() const { return graph_; }
  /// The same nodes and links, at what they cost by a metric.
  [[nodiscard]] const Graph& graph(Metric metric) const;
  /// The same, for who changes costs for a computation and puts them back. REQUIRES: metric is not Cost.
  Graph& lend(Metric metric);
  /// True if there is a way from `here` to the node.
  [[nodiscard]] bool reaches(const NodeId& here, const NodeId& node) const;
  /// Links that do not keep up, from and to, with what their senders say of them.
  [[nodiscard]] const std::map<std::pair<NodeId, NodeId>, LinkFacts>& limited() const { return limited_; }
  /// What `from` has measured of its link to `to`; null if it reports none.
  [[nodiscard]] const LinkFacts* facts(const NodeId& from, const NodeId& to) const;
  /// Null if the node has never reported.
  [[nodiscard]] const LinkState* find(const NodeId& reporter) const;
  /// By NodeId.
  [[nodiscard]] const std::map<NodeId, LinkState>& all() const { return states_; }
  /// Those of them that have streams.
  [[nodiscard]] const std::set<NodeId>& origins() const { return origins_; }

 private:
  bool set_links(const LinkState& state, const LinkState* before);
  void set_measured(Graph& graph, Metric metric, const LinkState& state) const;

  std::map<NodeId, LinkState> states_;
  std::vector<const LinkState*> of_vertex_;  // of graph_; null: one that has not reported
  std::set<NodeId> origins_;
  Graph graph_;
  void set_limited(const LinkState* before, const LinkState* now);

  std::map<std::pair<NodeId, NodeId>, LinkFacts> limited_;
  mutable std::map<Metric, Graph> measured_;  // those that were asked for so far
  void note_reached(const NodeId& a, const NodeId& b);

  // What reaches() has found out, until links go.
  mutable std::vector<std::uint8_t> reachable_;
  mutable std::optional<NodeId> reachable_from_;
};

/// All streams of all origins: the bootstrapper's first, in its own order, then by origin. Those whose
/// origin cannot be reached from `here` are left out.
struct KnownStream {
  NodeId origin;
  StreamInfo info;
};
std::vector<KnownStream> known_streams(const LinkStateDb& db, const NodeId& here);

}  // namespace ott
