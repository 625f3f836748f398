// One line of --stats: a JSON object.
#pragma once

#include <string_view>

#include "overlay/overlay.h"
#include "role/json_line.h"

namespace ott {

class StatsLine : public JsonLine {
 public:
  static constexpr std::size_t kFlowsShownMax = 64;

  /// Of no process: for parts of a line.
  StatsLine() = default;
  StatsLine(std::string_view role, const std::optional<NodeId>& id, WallTime time);

  /// How often each limit on what peers can do was reached.
  void add_limits(const LimitCounters& counters);
  /// How much memory the rings have, of how much, and how often one did not grow for want of it.
  void add_rings(const RingBudget& rings);
  /// The streams that this process has, its own and those that it passes on: the first kFlowsShownMax.
  void add_flows(const FlowTable& flows);
  void add_links(const LinkTable& links, const Measurements& measurements);
  /// The same for /metrics: those that are shown (LinkTable::kShownMax) one by one, and of all others by
  /// their relation how many there are (`links`) and the sum of what was counted, also on those that are
  /// gone.
  void add_links_in_short(const LinkTable& links, const Measurements& measurements);

 private:
  void add_link(const PeerLink& link, const Measurements& measurements);
  void add_counts(const LinkCounts& counts, std::size_t waiting_bytes);
  void add_measured(const LinkMeter& meter);
};

/// What a link state says that a link carries: nothing of one that keeps up.
void add_carries(JsonLine& line, const LinkFacts& said);

}  // namespace ott
