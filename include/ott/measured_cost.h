// What a link costs by what its ends have measured of it. Whoever computes a path makes the cost, from the
// facts in link states: nothing but these goes over the wire.
#pragma once

#include "ott/message.h"

namespace ott {

/// Measured costs are times, in units of 100 us.
inline constexpr std::uint32_t kCostUnitUs = 100;
/// What passing through a node costs, however near it is.
inline constexpr std::uint32_t kHopCost = 5;
/// A link that its ends have not measured, or not both, has the cost of a very long one: a second.
inline constexpr std::uint32_t kUnmeasuredCost = 10'000;
/// By quality, a percent of loss costs as much as 20 ms: what is lost is sent again a round trip later or, at
/// the end of a burst, when a timer of at least 200 ms has run out, and all that follows waits for it.
inline constexpr std::uint32_t kLossPercentCost = 200;
/// What a link costs on top while it fails again and again (its ends say so by a cost above any topology's).
inline constexpr std::uint32_t kFlappingCost = 1'000'000;

/// The cost of sending from the node that reports `there` to the one that reports `back`. A round trip counts
/// as the longer of the two that were measured, so that neither end can make the link shorter than it is; but
/// where the link does not keep up as the shorter one, since the end that does not fill the queue may take it
/// for the link.
///
/// REQUIRES: metric is not Cost. 1 or more.
std::uint32_t measured_cost(Metric metric, const Adjacency& there, const Adjacency& back);

}  // namespace ott
