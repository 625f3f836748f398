// Short names for nodes in tests (number n is the n-th address of 10/8, so NodeIds are ordered by number)
// and a random generator that gives the same numbers everywhere.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ott/types.h"

namespace ott::test {

inline NodeId node(unsigned number) {
  NodeId id;
  id.address.bytes = {0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0,
                      0xFF,
                      0xFF,
                      10,
                      static_cast<std::uint8_t>(number >> 16),
                      static_cast<std::uint8_t>(number >> 8),
                      static_cast<std::uint8_t>(number)};
  return id;
}

inline NodeId node(std::string_view text) { return parse_node_id(text).value(); }

template <class... Number>
std::vector<NodeId> nodes(Number... number) {
  return {node(static_cast<unsigned>(number))...};
}

struct Random {
  std::mt19937 engine;

  explicit Random(unsigned seed) : engine(seed) {}
  unsigned below(unsigned bound) { return static_cast<unsigned>(engine() % bound); }
};

/// The list in the classic form: [10.0.0.1, 10.0.0.2]
inline std::string text(const std::vector<NodeId>& list) {
  std::string joined = "[";
  for (const NodeId& id : list) joined += (joined.size() > 1 ? ", " : "") + to_string(id);
  return joined + "]";
}

inline std::string text(const std::vector<std::vector<NodeId>>& lists) {
  std::string joined = "[";
  for (const auto& list : lists) joined += (joined.size() > 1 ? ", " : "") + text(list);
  return joined + "]";
}

}  // namespace ott::test
