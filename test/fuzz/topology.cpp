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
  const auto is_of = [&topology](const ott::NodeId& address, const ott::Topology::Node& owner) {
    const auto all = topology.with_address(address);
    return all.size() == 1 && all.front() == &owner;
  };
  OTT_ASSERT(is_of(node.id, node));
  for (const ott::NodeId& address : node.addresses) OTT_ASSERT(is_of(address, node));
  for (const Neighbour& neighbour : node.neighbours) {
    OTT_ASSERT(neighbour.id != node.id && neighbour.cost >= 1 && neighbour.cost <= ott::kLinkCostMax);
    const auto* other = topology.find(neighbour.id);
    OTT_ASSERT(other != nullptr && is_of(neighbour.at, *other));
    const auto is_back = [&](const Neighbour& back) {
      return back.id == node.id && back.cost == neighbour.cost;
    };
    OTT_ASSERT(std::count_if(other->neighbours.begin(), other->neighbours.end(), is_back) == 1);
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
