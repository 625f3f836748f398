#include "overlay/way_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ott/measured_cost.h"

namespace ott {
namespace {

using Link = MeasuredTrees::Link;
using Way = std::vector<NodeId>;
constexpr std::size_t kOtherWaysMax = 2;
/// More than any way costs.
constexpr std::uint32_t kClosed = 1'000'000'000;

/// A rate, for people.
std::string rate(std::uint32_t kbps) { return fmt::format("{:.1f} Mbit/s", kbps / 1e3); }
double milliseconds(std::uint32_t us) { return us / 1e3; }

class WayReport {
 public:
  explicit WayReport(const WayQuestion& question)
      : question_(question), graph_(question.db.graph(question.metric)) {
    for (const auto& [link, left] : question.avoided) {
      for (const Link& way : {link, Link{link.second, link.first}}) {
        const auto cost = graph_.link_cost(way.first, way.second);
        if (cost) set_cost(way, std::max(*cost, kFlappingCost));
      }
    }
  }

  std::vector<std::string> to(const NodeId& node) {
    const Way way = way_in_tree(question_.tree, node);
    const std::uint64_t cost = cost_of(way);
    lines_.push_back(fmt::format("stream {} to {} by {}: {}: costs {}", question_.stream,
                                 question_.name(node), to_string(question_.metric), names(way), price(cost)));
    for (std::size_t i = 1; i < way.size(); ++i) describe({way[i - 1], way[i]});
    if (question_.crowded) describe_leaving(*question_.crowded);
    const std::vector<Way> others = other_ways(way);
    if (others.empty()) lines_.emplace_back("  there is no other way");
    for (const Way& other : others) compare(other, way, &other == &others.front());
    return std::move(lines_);
  }

 private:
  void set_cost(const Link& link, std::uint32_t cost) {
    graph_.set_cost(*graph_.vertex_of(link.first), *graph_.vertex_of(link.second), cost);
  }

  [[nodiscard]] std::uint64_t cost_of(const Way& way) const {
    std::uint64_t cost = 0;
    for (std::size_t i = 1; i < way.size(); ++i)
      cost += graph_.link_cost(way[i - 1], way[i]).value_or(kClosed);
    return cost;
  }

  /// Measured costs are times.
  [[nodiscard]] std::string price(std::uint64_t cost) const {
    if (question_.metric == Metric::Cost) return std::to_string(cost);
    return fmt::format("{:.1f} ms", static_cast<double>(cost) * kCostUnitUs / 1e3);
  }

  [[nodiscard]] std::string names(const Way& way) const {
    std::string text;
    for (const NodeId& node : way) text += (text.empty() ? "" : ", ") + question_.name(node);
    return text;
  }

  void describe(const Link& link) {
    const auto cost = graph_.link_cost(link.first, link.second);
    std::string line = fmt::format("  {} -> {}: costs {}", question_.name(link.first),
                                   question_.name(link.second), cost ? price(*cost) : "nothing: it is gone");
    const LinkFacts* there = question_.db.facts(link.first, link.second);
    const LinkFacts* back = question_.db.facts(link.second, link.first);
    if (there == nullptr || back == nullptr || there->rtt_us == 0 || back->rtt_us == 0) {
      line += ", not measured by both its ends";
    } else {
      line += fmt::format(", round trip {:.1f} ms ({:.1f} ms by the other end), loss {:.1f} %",
                          milliseconds(there->rtt_us), milliseconds(back->rtt_us), there->loss / 100.0);
    }
    if (there != nullptr && there->could_carry_kbps != 0) {
      line += fmt::format(", carries {} of the {} that it could", rate(there->carries_kbps),
                          rate(there->could_carry_kbps));
    }
    for (const auto& [avoided, left] : question_.avoided) {
      if (avoided == link || (avoided.first == link.second && avoided.second == link.first)) {
        line += fmt::format(", avoided for {} s more, since a stream did not come by it",
                            left / std::chrono::seconds(1));
      }
    }
    lines_.push_back(std::move(line));
  }

  void describe_leaving(const Link& link) {
    std::string line = fmt::format("  {} -> {} cannot carry it: it leaves when it is its turn",
                                   question_.name(link.first), question_.name(link.second));
    if (question_.leaves_in > Duration{}) {
      line += fmt::format(", in {:.1f} s at the soonest",
                          std::chrono::duration<double>(question_.leaves_in).count());
    }
    lines_.push_back(std::move(line));
  }

  /// The best ways that lack one of the links of this one.
  [[nodiscard]] std::vector<Way> other_ways(const Way& way) {
    std::vector<Way> others;
    for (std::size_t i = 1; i < way.size(); ++i) {
      const auto cost = graph_.link_cost(way[i - 1], way[i]);
      if (!cost) continue;
      set_cost({way[i - 1], way[i]}, kClosed);
      Way other = graph_.shortest_path(way.front(), way.back());
      const bool is_one = cost_of(other) < kClosed;
      set_cost({way[i - 1], way[i]}, *cost);
      if (is_one && std::ranges::find(others, other) == others.end()) others.push_back(std::move(other));
    }
    std::ranges::stable_sort(others, {}, [this](const Way& other) { return cost_of(other); });
    others.resize(std::min(others.size(), kOtherWaysMax));
    return others;
  }

  void compare(const Way& other, const Way& way, bool is_best) {
    lines_.push_back(fmt::format("  another way: {}: costs {}: {}", names(other), price(cost_of(other)),
                                 verdict(other, way, is_best)));
    for (std::size_t i = 1; i < other.size(); ++i) describe({other[i - 1], other[i]});
  }

  /// The first link of a way that has no room for the stream, which goes by `now` so far.
  [[nodiscard]] std::optional<Link> too_narrow(const Way& way, const Way& now) const {
    if (question_.metric == Metric::Cost) return std::nullopt;
    for (std::size_t i = 1; i < way.size(); ++i) {
      const Link link{way[i - 1], way[i]};
      const auto limit = question_.limits.find(link);
      if (limit == question_.limits.end()) continue;
      const auto is_there = [&link](const NodeId& from, const NodeId& to) { return Link{from, to} == link; };
      if (std::ranges::adjacent_find(now, is_there) != now.end()) continue;
      if (limit->second.carries_kbps + std::uint64_t{question_.kbps} > limit->second.usable_kbps())
        return link;
    }
    return std::nullopt;
  }

  /// What another way may cost at most to be taken in place of one of this cost.
  [[nodiscard]] std::uint64_t taken_at(std::uint64_t cost) const {
    const bool by_cost = question_.metric == Metric::Cost;
    const std::uint64_t margin = by_cost ? 1 : MeasuredTrees::kMarginLeast;
    const std::uint64_t most = cost - std::min(cost, margin);
    return by_cost ? most : std::min(most, cost * 100 / (100 + MeasuredTrees::kMarginPercent));
  }

  /// Why the stream does not go by this one.
  [[nodiscard]] std::string verdict(const Way& other, const Way& way, bool is_best) const {
    const std::uint64_t cost = cost_of(way);
    const std::uint64_t instead = cost_of(other);
    if (const auto link = too_narrow(other, way)) {
      const MeasuredTrees::Limit& limit = question_.limits.at(*link);
      return fmt::format(
          "{} -> {} could carry {} when it did not keep up, and carries {}; this stream has {}",
          question_.name(link->first), question_.name(link->second), rate(limit.could_carry_kbps),
          rate(limit.carries_kbps), rate(question_.kbps));
    }
    if (instead >= cost) {
      const std::string word = instead > cost ? "worse" : "no better";
      const std::uint64_t most = taken_at(cost);
      return most == 0 ? word : fmt::format("{}, taken at {} or less", word, price(most));
    }
    const double better =
        100.0 * (static_cast<double>(cost) / static_cast<double>(std::max<std::uint64_t>(instead, 1)) - 1);
    if (question_.metric == Metric::Cost) return fmt::format("better by {:.0f} %", better);
    if (better < MeasuredTrees::kMarginPercent)
      return fmt::format("better by {:.0f} %, {} % are asked for", better, MeasuredTrees::kMarginPercent);
    if (cost - instead < MeasuredTrees::kMarginLeast)
      return fmt::format("better by {}, {} are asked for", price(cost - instead),
                         price(MeasuredTrees::kMarginLeast));
    if (is_best && question_.better_for >= Duration{}) {
      return fmt::format("better by {:.0f} % for {:.1f} s, {:.1f} s are asked for", better,
                         std::chrono::duration<double>(question_.better_for).count(),
                         std::chrono::duration<double>(question_.patience).count());
    }
    return fmt::format("better by {:.0f} %", better);
  }

  const WayQuestion& question_;
  Graph graph_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<NodeId> way_in_tree(const PathTree& tree, const NodeId& node) {
  const std::size_t at = *tree.find(node);
  std::vector<NodeId> way;
  for (std::size_t i = 0; i <= at; ++i) {
    if (i + tree.entries[i].subtree_size > at) way.push_back(tree.entries[i].node);
  }
  return way;
}

std::vector<std::string> describe_way(const WayQuestion& question, const NodeId& node) {
  return WayReport(question).to(node);
}

}  // namespace ott
