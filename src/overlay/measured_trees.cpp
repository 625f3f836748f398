#include "overlay/measured_trees.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "ott/measured_cost.h"
#include "overlay/recosted.h"

namespace ott {
namespace {

/// What a link costs on top if the stream does not fit, and if others are on it besides. The former is more
/// than any way around, the latter more than any such ways.
constexpr std::uint32_t kTooNarrowCost = 100'000;
constexpr std::uint32_t kClosedCost = 1'000'000'000;
/// How long it takes until link states say what a link carries now: at most, and as a rule.
constexpr Duration kNewsTime = std::chrono::seconds(8);
constexpr Duration kNewsUsual = std::chrono::milliseconds(3'500);

/// A search that is brought up to date costs less than a new one while less than this part of the links that
/// count, one for each node, has changed.
constexpr std::size_t kLittlePart = 8;

/// Calls back for each link of a tree, with its upper and lower end.
template <class Callback>
void for_each_link(const PathTree& tree, Callback&& callback) {
  std::vector<std::size_t> above;  // entries that the next one lies below
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    while (!above.empty() && i >= above.back() + tree.entries[above.back()].subtree_size) above.pop_back();
    if (!above.empty()) callback(tree.entries[above.back()].node, tree.entries[i].node);
    above.push_back(i);
  }
}

/// The links that count as cheaper in one case and not in the other.
void add_differences(std::vector<Graph::LinkEnds>& changed, std::span<const Graph::Vertex> before,
                     std::span<const Graph::Vertex> after) {
  for (Graph::Vertex vertex = 0; vertex < after.size(); ++vertex) {
    if (before[vertex] == after[vertex]) continue;
    for (const Graph::Vertex above : {before[vertex], after[vertex]}) {
      if (above != Graph::kNoVertex) changed.push_back({above, vertex});
    }
  }
}

/// What it costs to reach the nodes of a tree, whose links are given as FavouredLinks has them. Links that
/// are not there any more are closed.
class CostsInTree {
 public:
  CostsInTree(const Graph& graph, Graph::Vertex root, std::span<const Graph::Vertex> above)
      : graph_(graph), above_(above), costs_(above.size(), kUnknown) {
    costs_[root] = 0;
  }
  std::uint64_t to(Graph::Vertex vertex) {
    way_.clear();
    for (; costs_[vertex] == kUnknown; vertex = above_[vertex]) {
      if (above_[vertex] == Graph::kNoVertex) {
        costs_[vertex] = kClosedCost;
        break;
      }
      way_.push_back(vertex);
    }
    std::uint64_t cost = costs_[vertex];
    for (; !way_.empty(); way_.pop_back()) {
      const Graph::Edge* edge = graph_.edge(above_[way_.back()], way_.back());
      cost = costs_[way_.back()] = cost + (edge == nullptr ? kClosedCost : edge->cost);
    }
    return cost;
  }

 private:
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

  const Graph& graph_;
  std::span<const Graph::Vertex> above_;
  std::vector<std::uint64_t> costs_;  // by vertex
  std::vector<Graph::Vertex> way_;
};

/// kNoVertex for those that are not in the graph any more.
std::vector<Graph::Vertex> destinations_in(const Graph& graph, const PathTree& tree) {
  std::vector<Graph::Vertex> vertices;
  for (const PathTree::Entry& entry : tree.entries) {
    if (entry.destination) vertices.push_back(graph.vertex_of(entry.node).value_or(Graph::kNoVertex));
  }
  return vertices;
}

struct TreeInGraph {
  const PathTree& tree;
  std::span<const Graph::Vertex> above;  // as FavouredLinks has it
};

/// True if another tree is worth the change: it has other destinations, or one of them is clearly nearer.
bool is_worth_it(const Graph& graph, const NodeId& self, const TreeInGraph& now, const TreeInGraph& other) {
  const auto before = destinations_in(graph, now.tree);
  const auto after = destinations_in(graph, other.tree);
  if (before.size() != after.size()) return true;
  if (after.empty()) return false;
  std::vector<bool> had(graph.vertex_limit());
  for (const Graph::Vertex vertex : before) {
    if (vertex == Graph::kNoVertex) return true;
    had[vertex] = true;
  }
  const Graph::Vertex root = *graph.vertex_of(self);
  CostsInTree so_far(graph, root, now.above);
  CostsInTree then(graph, root, other.above);
  return std::ranges::any_of(after, [&](Graph::Vertex vertex) {
    return !had[vertex] || so_far.to(vertex) >= then.to(vertex) + MeasuredTrees::kMarginLeast;
  });
}

/// True if a stream's tree as it is leads to those that watch and are not left out, by links that are there.
bool is_whole(const Graph& graph, const MeasuredTrees::Demand& demand) {
  const std::vector<NodeId> reached = demand.now->destinations();
  if (!demand.is_left_out && reached.size() != demand.destinations.size()) return false;
  bool whole = std::ranges::all_of(reached, [&demand](const NodeId& node) {
    return std::ranges::find(demand.destinations, node) != demand.destinations.end();
  });
  for_each_link(*demand.now, [&](const NodeId& from, const NodeId& to) {
    whole = whole && graph.link_cost(from, to).has_value();
  });
  return whole;
}

/// The destinations that a tree reaches over a closed link.
std::vector<NodeId> behind_closed(const Graph& graph, const PathTree& tree) {
  std::vector<NodeId> closed;
  std::size_t closed_until = 0;  // entries before this one lie behind a closed link
  std::size_t i = 0;
  std::vector<std::size_t> above;
  for (const PathTree::Entry& entry : tree.entries) {
    while (!above.empty() && i >= above.back() + tree.entries[above.back()].subtree_size) above.pop_back();
    if (!above.empty() && *graph.link_cost(tree.entries[above.back()].node, entry.node) >= kClosedCost)
      closed_until = std::max(closed_until, i + entry.subtree_size);
    if (entry.destination && i < closed_until) closed.push_back(entry.node);
    above.push_back(i++);
  }
  return closed;
}

}  // namespace

void MeasuredTrees::add_load(Load& load, const PathTree& tree, std::uint32_t kbps) const {
  if (limits_.empty()) return;
  for_each_link(tree, [&](const NodeId& from, const NodeId& to) {
    if (limits_.contains({from, to})) load[{from, to}] += kbps;
  });
}

/// What links could carry, and what others' streams take of that: what the link carries, less what is ours.
void MeasuredTrees::find_limits(std::span<const Demand> demands, MonoTime now) {
  limits_.clear();
  for (const auto& [link, facts] : db_.limited())
    limits_[link] = {facts.could_carry_kbps, facts.carries_kbps, 0, 0};
  std::erase_if(others_, [this](const auto& entry) { return !limits_.contains(entry.first); });
  std::erase_if(changes_, [now](const auto& entry) { return now >= entry.second.at + kNewsTime; });
  if (limits_.empty()) return;
  Load own;
  for (const Demand& demand : demands) add_load(own, *demand.now, demand.kbps);
  for (auto& [link, limit] : limits_) {
    std::uint32_t& others = others_[link];
    const auto ours = std::min<std::uint64_t>(own[link], limit.carries_kbps);
    if (!changes_.contains(link)) others = limit.carries_kbps - static_cast<std::uint32_t>(ours);
    // A tenth is no stream but what is measured at other times and places.
    limit.others_kbps = others > limit.could_carry_kbps / 10 ? others : 0;
    limit.ours_kbps = own[link];
  }
}

void MeasuredTrees::on_tree_changed(const PathTree& before, const PathTree& after, MonoTime now) {
  if (limits_.empty()) return;
  std::map<Link, int> more;  // a link that has no limit may be about to have one
  for_each_link(before, [&more](const NodeId& from, const NodeId& to) { --more[{from, to}]; });
  for_each_link(after, [&more](const NodeId& from, const NodeId& to) { ++more[{from, to}]; });
  for (const auto& [link, difference] : more) {
    if (difference == 0) continue;
    Change& change = changes_[link];
    change.at = now;
    if (difference < 0) change.left_at = now;
  }
}

std::vector<MeasuredTrees::Placed> MeasuredTrees::place(const NodeId& self, std::span<const Demand> demands,
                                                        std::span<const Link> avoided, MonoTime now) {
  find_limits(demands, now);
  const auto is_gone = [demands](const auto& entry) {
    return std::ranges::find(demands, entry.first, &Demand::stream) == demands.end();
  };
  if (searches_.size() > demands.size()) std::erase_if(searches_, is_gone);
  std::vector<std::size_t> order(demands.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&demands](std::size_t a, std::size_t b) {
    const auto rank = [](const Demand& d) {
      return std::tuple(d.metric != Metric::Cost, ~d.viewers, d.is_left_out, ~d.size, d.stream.value);
    };
    return rank(demands[a]) < rank(demands[b]);
  });
  std::vector<Placed> placed(demands.size());
  Planned planned;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const std::size_t i = order[rank];
    const Demand& demand = demands[i];
    if (demand.metric == Metric::Cost) {
      placed[i].tree = *demand.now;
    } else {
      Graph& graph = db_.lend(demand.metric);
      Recosted around(graph);
      for (const Link& link : avoided) {
        const auto dear = [](std::uint32_t cost) { return std::max(cost, kFlappingCost); };
        around.set(link.first, link.second, dear);
        around.set(link.second, link.first, dear);
      }
      placed[i] = place_one(graph, self, demand, planned);
    }
    placed[i].rank = rank;
    add_load(planned.all, placed[i].tree, demand.kbps);
    Load uses;
    add_load(uses, *demand.now, 1);
    Load takes;
    add_load(takes, placed[i].tree, demand.kbps);
    for (const auto& [link, kbps] : takes) {
      if (!uses.contains(link)) planned.new_here[link] += kbps;
    }
  }
  return placed;
}

/// The cheapest ways, where what the stream's tree uses counts as cheaper.
const ShortestPaths* MeasuredTrees::search(const Graph& graph, const NodeId& self, const Demand& demand) {
  Search& last = searches_[demand.stream];
  auto changed = last.paths == nullptr ? std::nullopt : graph.changed_since(last.edition);
  const bool same_tree = changed && last.tree == *demand.now;
  const FavouredLinks favoured = same_tree ? FavouredLinks{last.above, kMarginPercent}
                                           : favoured_links(graph, *demand.now, kMarginPercent);
  last.in_use = favoured.above;
  if (same_tree && changed->empty()) return last.paths.get();
  if (changed) add_differences(*changed, last.favoured, favoured.above);
  const bool little = changed && changed->size() < graph.vertex_limit() / kLittlePart;
  last.paths =
      little ? paths_from(graph, self, favoured, *last.paths, *changed) : paths_from(graph, self, &favoured);
  last.edition = graph.edition();
  last.favoured = favoured.above;
  return last.paths.get();
}

void MeasuredTrees::note_crowded(Placed& placed, const Link& link, const Limit& limit) const {
  if (!placed.crowded) placed.crowded = link;
  placed.shared = placed.shared || limit.others_kbps != 0;
  const auto change = changes_.find(link);
  if (change != changes_.end() && change->second.left_at != MonoTime::min())
    placed.settled_at = std::max(placed.settled_at, change->second.left_at + kNewsUsual);
}

MeasuredTrees::Placed MeasuredTrees::place_one(Graph& graph, const NodeId& self, const Demand& demand,
                                               const Planned& planned) {
  Placed placed;
  Recosted costs(graph);
  Load uses;
  add_load(uses, *demand.now, 1);
  if (policy_ == TreePolicy::Shared) {  // which looks at the costs of links alone
    const FavouredLinks favoured = favoured_links(graph, *demand.now, kMarginPercent);
    for_each_link(*demand.now, [&](const NodeId& from, const NodeId& to) {
      const auto above = graph.vertex_of(from);
      const auto below = graph.vertex_of(to);
      costs.set(from, to, [&](std::uint32_t cost) { return favoured.cost(*above, {*below, cost}); });
    });
  }
  bool some_closed = false;
  for (const auto& [link, limit] : limits_) {
    const auto kbps_in = [&key = link](const Load& load) {
      const auto found = load.find(key);
      return found == load.end() ? std::uint64_t{0} : found->second;
    };
    const std::uint64_t before = kbps_in(planned.all);
    const std::uint64_t usable = limit.usable_kbps();
    const bool used = uses.contains(link);
    const bool keeps_up = used && limit.keeps_up() && kbps_in(planned.new_here) == 0;
    if (keeps_up || demand.kbps == 0 || limit.others_kbps + before + demand.kbps <= usable) continue;
    const bool alone = before == 0 && limit.others_kbps == 0;
    if (used) note_crowded(placed, link, limit);
    some_closed = some_closed || !alone;
    costs.set(link.first, link.second,
              [alone](std::uint32_t cost) { return alone ? cost + kTooNarrowCost : kClosedCost; });
  }
  if (placed.crowded && !is_whole(graph, demand)) placed.crowded.reset();
  const ShortestPaths* paths = search(graph, self, demand);
  Search& searched = searches_[demand.stream];
  placed.tree = multicast_tree(graph, self, demand.destinations, policy_, paths, &searched.above);
  searched.tree = placed.tree;
  if (placed.tree != *demand.now &&
      !is_worth_it(graph, self, {*demand.now, searched.in_use}, {placed.tree, searched.above}))
    placed.tree = *demand.now;
  if (!some_closed) return placed;
  placed.left_out = behind_closed(graph, placed.tree);
  if (placed.left_out.empty()) return placed;
  std::vector<NodeId> destinations;
  for (const NodeId& node : demand.destinations) {
    if (std::ranges::find(placed.left_out, node) == placed.left_out.end()) destinations.push_back(node);
  }
  placed.with_all = std::move(placed.tree);
  placed.tree = multicast_tree(graph, self, destinations, policy_, paths);
  return placed;
}

}  // namespace ott
