// The topology file: which nodes the overlay may have and which of them are neighbours.
//
// JSON, one member per node, named by its address (port 7000 unless given):
//
//   { "10.0.0.10": { "name": "server", "neighbors": ["10.0.0.1"] },
//     "10.0.0.1":  { "addresses": ["10.0.1.1"], "neighbors": ["server", { "id": "10.0.1.2:7001", "cost": 3 }]
//     }, "10.0.1.2:7001": { "neighbors": ["10.0.1.1"] } }
//
// A node's key is its identity; "addresses" are its further ones, each with the key's port unless it has one
// of its own. A neighbour is named by any address of it, or by a name that no other node has. Links are
// undirected: in a Topology both ends of each list the other, at the same cost. Parsing does no I/O. It does
// not recurse with the depth of the file, and accepts no wrong byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ott/result.h"
#include "ott/types.h"

namespace ott {

inline constexpr std::uint32_t kLinkCostMax = 1'000'000;
/// How many further addresses a node may have.
inline constexpr std::size_t kAddressesMax = 63;  // beside its key: ACK names 64

struct Topology {
  struct Neighbour {
    NodeId id;
    std::uint32_t cost = 1;
    NodeId at;  // the address by which this node's list names it, or its id: where to connect to it

    bool operator==(const Neighbour&) const = default;
  };
  struct Node {
    NodeId id;
    std::string name;                   // empty if it has none
    std::vector<Neighbour> neighbours;  // ordered by id
    std::vector<NodeId> addresses;      // its further ones, in the file's order

    bool operator==(const Node&) const = default;
  };

  std::vector<Node> nodes;            // ordered by id
  std::vector<std::string> warnings;  // what is doubtful in the file, one sentence each, with its name
  /// Every address of every node, ordered, with the node's place in `nodes`.
  std::vector<std::pair<NodeId, std::size_t>> addresses;

  /// Null if the topology has no such node.
  [[nodiscard]] const Node* find(const NodeId& id) const;
  /// The nodes that have this address, the key or a further one; port 0 stands for any port. Each once,
  /// ordered by id.
  [[nodiscard]] std::vector<const Node*> with_address(const NodeId& address) const;
};

/// Reads a topology file's text. A link that one end alone lists, or both at different costs (the higher is
/// taken), is a warning that names both ends. An error names `file_name` and the line and column (not JSON)
/// or the JSON pointer (JSON, but no topology).
Result<Topology> parse_topology(std::string_view json, std::string_view file_name);

}  // namespace ott
