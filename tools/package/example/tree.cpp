// The tree by which a stream reaches some nodes of a topology: who hands it on to whom, over how many links.
//
//   tree TOPOLOGY ORIGIN DESTINATION...
//
// It needs nothing but libott: c++ -std=c++20 tree.cpp $(pkg-config --cflags --libs libott) -o tree
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "ott/graph.h"
#include "ott/topology.h"
#include "ott/version.h"

namespace {

/// The overlay as it is when all nodes are online and all links are up.
ott::Graph whole_overlay(const ott::Topology& topology) {
  ott::Graph graph;
  for (const auto& node : topology.nodes) {
    graph.add_node(node.id);
    for (const auto& neighbour : node.neighbours) graph.add_link(node.id, neighbour.id, neighbour.cost);
  }
  return graph;
}

int fail(const std::string& why) {
  std::cerr << "tree: " << why << '\n';
  return 1;
}

int run(const std::vector<std::string>& words) {
  if (words.size() < 3) return fail("usage: tree TOPOLOGY ORIGIN DESTINATION...");
  std::ifstream file(words[0]);
  if (!file) return fail("cannot read " + words[0]);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto topology = ott::parse_topology(text, words[0]);
  if (!topology) return fail(topology.error().message);

  std::vector<ott::NodeId> nodes;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto id = ott::parse_node_id(words[i]);
    if (!id) return fail(id.error().message);
    if (topology->find(*id) == nullptr) return fail("the topology has no node " + words[i]);
    nodes.push_back(*id);
  }
  const std::vector<ott::NodeId> destinations(nodes.begin() + 1, nodes.end());
  const ott::PathTree tree = ott::multicast_tree(whole_overlay(*topology), nodes.front(), destinations);
  std::cout << "libott " << ott::version() << '\n'
            << ott::to_string(tree) << '\n'
            << tree.entries.size() - 1 << " links\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {  // out of memory
    return fail(error.what());
  }
}
