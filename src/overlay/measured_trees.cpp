#include "overlay/measured_trees.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "ott/measured_cost.h"

namespace ott {
namespace {

/// How much of what a link could carry is given away, in percent.
constexpr std::uint64_t kUsedPercent = 95;
/// What a link costs on top if the stream does not fit, and if others are on it besides. The former is more
/// than any way around, the latter more than any such ways.
constexpr std::uint32_t kTooNarrowCost = 100'000;
constexpr std::uint32_t kClosedCost = 1'000'000'000;
/// How long it takes at most until link states say what a link carries now.
constexpr Duration kNewsTime = std::chrono::seconds(8);

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

/// Changes a graph's costs for a while.
class Recosted {
 public:
  explicit Recosted(Graph& graph) : graph_(graph) {}
  Recosted(const Recosted&) = delete;
  Recosted& operator=(const Recosted&) = delete;
  ~Recosted() {
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change)
      graph_.set_cost(change->from, change->to, change->cost);
  }

  /// Nothing happens if there is no such link. `cost`: of what it costs so far.
  template <class Cost>
  void set(const NodeId& from, const NodeId& to, Cost&& cost) {
    const auto before = graph_.link_cost(from, to);
    if (!before) return;
    const auto a = *graph_.vertex_of(from);
    const auto b = *graph_.vertex_of(to);
    changes_.push_back({a, b, *before});
    graph_.set_cost(a, b, cost(*before));
  }

 private:
  struct Change {
    Graph::Vertex from, to;
    std::uint32_t cost;
  };
  Graph& graph_;
  std::vector<Change> changes_;
};

/// What it costs to reach each destination of a tree.
std::map<NodeId, std::uint64_t> costs_of(const Graph& graph, const PathTree& tree) {
  std::map<NodeId, std::uint64_t> costs;
  std::vector<std::pair<std::size_t, std::uint64_t>>
      above;  // entries that the next one lies below, and theirs
  for (std::size_t i = 0; i < tree.entries.size(); ++i) {
    const PathTree::Entry& entry = tree.entries[i];
    while (!above.empty() && i >= above.back().first + tree.entries[above.back().first].subtree_size)
      above.pop_back();
    std::uint64_t cost = 0;
    if (!above.empty()) {
      const auto link = graph.link_cost(tree.entries[above.back().first].node, entry.node);
      cost = above.back().second + link.value_or(kClosedCost);
    }
    if (entry.destination) costs[entry.node] = cost;
    above.emplace_back(i, cost);
  }
  return costs;
}

/// True if another tree is worth the change: it has other destinations, or one of them is clearly nearer.
bool is_worth_it(const Graph& graph, const PathTree& now, const PathTree& other) {
  const auto destinations = [](const PathTree& tree) {
    return std::ranges::count_if(tree.entries, &PathTree::Entry::destination);
  };
  if (destinations(now) != destinations(other)) return true;
  const auto before = costs_of(graph, now);
  const auto after = costs_of(graph, other);
  if (!std::ranges::equal(
          before, after, {}, [](const auto& e) { return e.first; }, [](const auto& e) { return e.first; }))
    return true;
  return std::ranges::any_of(after, [&before](const auto& entry) {
    return before.at(entry.first) >= entry.second + MeasuredTrees::kMarginLeast;
  });
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
    limits_[link] = {facts.could_carry_kbps, facts.carries_kbps, 0};
  std::erase_if(others_, [this](const auto& entry) { return !limits_.contains(entry.first); });
  if (limits_.empty()) return;
  Load own;
  for (const Demand& demand : demands) add_load(own, *demand.now, demand.kbps);
  for (auto& [link, limit] : limits_) {
    Others& others = others_[link];
    const std::uint64_t ours = own[link];
    if (now >= others.fixed_until)
      others.kbps =
          limit.carries_kbps - static_cast<std::uint32_t>(std::min<std::uint64_t>(ours, limit.carries_kbps));
    // A tenth is no stream but what is measured at other times and places.
    limit.others_kbps = others.kbps > limit.could_carry_kbps / 10 ? others.kbps : 0;
  }
}

void MeasuredTrees::on_tree_changed(const PathTree& before, const PathTree& after, MonoTime now) {
  if (limits_.empty()) return;
  Load was, is;
  add_load(was, before, 1);
  add_load(is, after, 1);
  for (const auto& [link, limit] : limits_) {
    if (was[link] != is[link]) others_[link].fixed_until = now + kNewsTime;
  }
}

std::vector<MeasuredTrees::Placed> MeasuredTrees::place(const NodeId& self, std::span<const Demand> demands,
                                                        std::span<const Link> avoided, MonoTime now) {
  find_limits(demands, now);
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
  for (const std::size_t i : order) {
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

MeasuredTrees::Placed MeasuredTrees::place_one(Graph& graph, const NodeId& self, const Demand& demand,
                                               const Planned& planned) const {
  Placed placed;
  Recosted costs(graph);
  Load uses;
  add_load(uses, *demand.now, 1);
  const FavouredLinks favoured = favoured_links(graph, *demand.now, kMarginPercent);
  if (policy_ == TreePolicy::Shared) {  // which looks at the costs of links alone
    for_each_link(*demand.now, [&](const NodeId& from, const NodeId& to) {
      const auto above = graph.vertex_of(from);
      const auto below = graph.vertex_of(to);
      costs.set(from, to, [&](std::uint32_t cost) { return favoured.cost(*above, {*below, cost}); });
    });
  }
  bool some_closed = false;
  for (const auto& [link, limit] : limits_) {
    if (demand.metric != Metric::Quality) break;
    const auto kbps_in = [&key = link](const Load& load) {
      const auto found = load.find(key);
      return found == load.end() ? std::uint64_t{0} : found->second;
    };
    const std::uint64_t before = kbps_in(planned.all);
    const std::uint64_t usable = std::uint64_t{limit.could_carry_kbps} * kUsedPercent / 100;
    const bool used = uses.contains(link);
    const bool keeps_up = used && limit.carries_kbps <= usable && kbps_in(planned.new_here) == 0;
    if (keeps_up || demand.kbps == 0 || limit.others_kbps + before + demand.kbps <= usable) continue;
    const bool alone = before == 0 && limit.others_kbps == 0;
    placed.crowded = placed.crowded || used;
    placed.shared = placed.shared || (used && limit.others_kbps != 0);
    some_closed = some_closed || !alone;
    costs.set(link.first, link.second,
              [alone](std::uint32_t cost) { return alone ? cost + kTooNarrowCost : kClosedCost; });
  }
  placed.tree = multicast_tree(graph, self, demand.destinations, policy_, &favoured);
  if (placed.tree != *demand.now && !is_worth_it(graph, *demand.now, placed.tree)) placed.tree = *demand.now;
  if (!some_closed) return placed;
  placed.left_out = behind_closed(graph, placed.tree);
  if (placed.left_out.empty()) return placed;
  std::vector<NodeId> destinations;
  for (const NodeId& node : demand.destinations) {
    if (std::ranges::find(placed.left_out, node) == placed.left_out.end()) destinations.push_back(node);
  }
  placed.with_all = std::move(placed.tree);
  placed.tree = multicast_tree(graph, self, destinations, policy_, &favoured);
  return placed;
}

}  // namespace ott
