// Any bytes are a topology or an error with a place in it; a topology is complete, both ways.
#include "ott/topology.h"

#include <algorithm>

#include "ott/assert.h"

namespace {

void check_node(const ott::Topology& topology, const ott::Topology::Node& node) {
  using Neighbour = ott::Topology::Neighbour;
  const auto out_of_order = [](const Neighbour& a, const Neighbour& b) { return a.id >= b.id; };
  OTT_ASSERT(topology.find(node.id) == &node);
  OTT_ASSERT(std::adjacent_find(node.neighbours.begin(), node.neighbours.end(), out_of_order) ==
             node.neighbours.end());
  for (const auto& [id, cost] : node.neighbours) {
    OTT_ASSERT(id != node.id && cost >= 1 && cost <= ott::kLinkCostMax);
    const auto* other = topology.find(id);
    OTT_ASSERT(other != nullptr);
    const Neighbour back{node.id, cost};
    OTT_ASSERT(std::count(other->neighbours.begin(), other->neighbours.end(), back) == 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto topology = ott::parse_topology({reinterpret_cast<const char*>(data), size}, "fuzz.json");
  if (topology) {
    OTT_ASSERT(!topology->nodes.empty());
    for (const auto& node : topology->nodes) check_node(*topology, node);
  } else {
    const std::string& message = topology.error().message;
    OTT_ASSERT(message.starts_with("fuzz.json:"));
    OTT_ASSERT(message.find('\n') == std::string::npos);
  }
  return 0;
}
