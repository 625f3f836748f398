#include "overlay/route_changes.h"

#include <algorithm>
#include <unordered_map>

namespace ott {
namespace {

/// By entry, the index of its parent's entry; the root's own is 0.
std::vector<std::size_t> parents_of(const PathTree& tree) {
  std::vector<std::size_t> parents(tree.entries.size(), 0);
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    std::size_t child = i + 1;
    for (const PathTree::View& subtree : tree.children(i)) {
      parents[child] = i;
      child += subtree.size();
    }
  }
  return parents;
}

std::vector<NodeId> between(const PathTree& tree, const std::vector<std::size_t>& parents,
                            std::size_t entry) {
  std::vector<NodeId> way;
  for (std::size_t at = parents[entry]; at != 0; at = parents[at]) way.push_back(tree.entries[at].node);
  std::reverse(way.begin(), way.end());
  return way;
}

}  // namespace

std::vector<RouteChange> route_changes(const PathTree& before, const PathTree& now) {
  const std::vector<std::size_t> parents_before = parents_of(before);
  const std::vector<std::size_t> parents = parents_of(now);
  std::unordered_map<NodeId, std::size_t> place_before;
  for (std::size_t i = 0; i < before.entries.size(); ++i) place_before[before.entries[i].node] = i;

  std::vector<RouteChange> changes;
  std::vector<bool> same(now.entries.size(), true);  // the way to this entry is as it was
  for (std::size_t i = 0; i < now.entries.size(); ++i) {
    const PathTree::Entry& entry = now.entries[i];
    const auto found = place_before.find(entry.node);
    const bool was_there = found != place_before.end();
    const std::size_t was = was_there ? found->second : 0;
    if (i > 0) {
      const NodeId& parent_before = before.entries[parents_before[was]].node;
      same[i] = same[parents[i]] && was_there && parent_before == now.entries[parents[i]].node;
    }
    const bool watched_before = was_there && before.entries[was].destination;
    if (!entry.destination || (watched_before && same[i])) continue;
    changes.push_back({watched_before ? RouteChange::Kind::Moves : RouteChange::Kind::Begins, entry.node,
                       between(now, parents, i)});
  }
  std::unordered_map<NodeId, bool> watches;
  for (const PathTree::Entry& entry : now.entries) watches[entry.node] = entry.destination;
  for (const PathTree::Entry& entry : before.entries) {
    if (entry.destination && !watches[entry.node])
      changes.push_back({RouteChange::Kind::Ends, entry.node, {}});
  }
  return changes;
}

}  // namespace ott
