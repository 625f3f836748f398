#include "ott/measured_cost.h"

#include <algorithm>

#include "ott/assert.h"
#include "ott/topology.h"

namespace ott {

std::uint32_t measured_cost(Metric metric, const Adjacency& there, const Adjacency& back) {
  OTT_ASSERT(metric != Metric::Cost);
  const bool measured = there.facts.rtt_us != 0 && back.facts.rtt_us != 0;
  const bool queues = there.facts.could_carry_kbps != 0 || back.facts.could_carry_kbps != 0;
  const auto [shorter, longer] = std::minmax(there.facts.rtt_us, back.facts.rtt_us);
  const std::uint32_t one_way = (queues ? shorter : longer) / 2 / kCostUnitUs;
  std::uint32_t cost = kHopCost + (measured ? std::min(one_way, kUnmeasuredCost) : kUnmeasuredCost);
  if (metric == Metric::Quality) cost += std::uint32_t{there.facts.loss} * kLossPercentCost / 100;
  if (std::max(there.cost, back.cost) > kLinkCostMax) cost += kFlappingCost;
  return cost;
}

}  // namespace ott
