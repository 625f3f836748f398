// Why a stream goes to a node the way it does, in words: each link of the way with what is measured of it and
// what it costs, the best two other ways, and what keeps the stream here.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "overlay/measured_trees.h"

namespace ott {

struct WayQuestion {
  const LinkStateDb& db;
  std::string stream;  // its name
  Metric metric = Metric::Cost;
  std::uint32_t kbps = 0;  // the stream's rate; 0: not known
  const PathTree& tree;
  const std::map<MeasuredTrees::Link, MeasuredTrees::Limit>& limits;
  std::map<MeasuredTrees::Link, Duration> avoided;  // since a stream did not come by them; for how long still
  Duration better_for{};  // there has been a better tree for so long, and must be for `patience`; < 0: there
                          // is none
  Duration patience{};
  std::optional<MeasuredTrees::Link> crowded;  // a link that cannot carry the stream, which is to leave it
  Duration leaves_in{};                        // but not sooner than in so long
  std::function<std::string(const NodeId&)> name;
};

/// The nodes from a tree's root to one of its nodes, both included. REQUIRES: `node` is in the tree.
std::vector<NodeId> way_in_tree(const PathTree& tree, const NodeId& node);

/// REQUIRES: `node` is in the tree.
std::vector<std::string> describe_way(const WayQuestion& question, const NodeId& node);

}  // namespace ott
