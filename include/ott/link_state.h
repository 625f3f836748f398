// What every node knows of the overlay: the newest LinkState of each reporter, and the graph of the links
// that both ends report. Filled by floods; owned by the node that hears them.
#pragma once

#include <map>

#include "ott/graph.h"
#include "ott/message.h"

namespace ott {

class LinkStateDb {
 public:
  enum class Update : std::uint8_t {
    Old,    // nothing new: not to be flooded on
    Newer,  // taken; links are as before
    Graph,  // taken; links have changed
  };

  Update update(const LinkState& state);

  [[nodiscard]] const Graph& graph() const { return graph_; }
  /// Null if the node has never reported.
  [[nodiscard]] const LinkState* find(const NodeId& reporter) const;
  /// By NodeId.
  [[nodiscard]] const std::map<NodeId, LinkState>& all() const { return states_; }

 private:
  void set_links(const LinkState& state, const LinkState* before);

  std::map<NodeId, LinkState> states_;
  Graph graph_;
};

/// All streams of all origins: the bootstrapper's first, in its own order, then by origin. Those whose
/// origin cannot be reached from `here` are left out.
struct KnownStream {
  NodeId origin;
  StreamInfo info;
};
std::vector<KnownStream> known_streams(const LinkStateDb& db, const NodeId& here);

}  // namespace ott
