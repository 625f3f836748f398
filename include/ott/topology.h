// The topology file: which nodes the overlay may have and which of them are neighbours.
//
// JSON, one member per node, named by its address (port 7000 unless given):
//
//   { "10.0.0.10": { "name": "server", "neighbors": ["10.0.0.1"] },
//     "10.0.0.1":  { "neighbors": ["10.0.0.10", { "id": "10.0.1.2:7001", "cost": 3 }] }, ... }
//
// Links are undirected: in a Topology both ends of each list the other, at the same cost. Parsing does no
// I/O. It does not recurse with the depth of the file, and accepts no wrong byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ott/result.h"
#include "ott/types.h"

namespace ott {

inline constexpr std::uint32_t kLinkCostMax = 1'000'000;

struct Topology {
  struct Neighbour {
    NodeId id;
    std::uint32_t cost = 1;

    bool operator==(const Neighbour&) const = default;
  };
  struct Node {
    NodeId id;
    std::string name;                   // empty if it has none
    std::vector<Neighbour> neighbours;  // ordered by id

    bool operator==(const Node&) const = default;
  };

  std::vector<Node> nodes;            // ordered by id
  std::vector<std::string> warnings;  // what is doubtful in the file, one sentence each, with its name

  /// Null if the topology has no such node.
  [[nodiscard]] const Node* find(const NodeId& id) const;
};

/// Reads a topology file's text. A link that one end alone lists, or both at different costs (the higher is
/// taken), is a warning that names both ends. An error names `file_name` and the line and column (not JSON)
/// or the JSON pointer (JSON, but no topology).
Result<Topology> parse_topology(std::string_view json, std::string_view file_name);

}  // namespace ott
