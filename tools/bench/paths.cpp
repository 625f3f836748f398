// How long trees take to compute, as an origin computes them: its database of link states, with a stream
// watched by a share of the nodes, by hops or by measured round trips. Measures one full computation, and one
// after each kind of change, as the link states that tell of it come in. Writes JSON to standard output.
//
//     paths [REPETITIONS]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <set>

#include "overlay/origin.h"

namespace ott {
namespace {

/// The processor's time, so that what else the machine does counts for less.
double cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

using Links = std::vector<std::set<std::size_t>>;

NodeId node_id(std::size_t index) {
  NodeId id;
  id.address.bytes[10] = id.address.bytes[11] = 0xFF;
  id.address.bytes[12] = 10;
  for (unsigned i = 0; i < 3; ++i) {
    id.address.bytes[15 - i] = static_cast<std::uint8_t>(index >> (8 * i));
  }
  return id;
}

void link(Links& links, std::size_t a, std::size_t b) {
  if (a == b) return;
  links[a].insert(b);
  links[b].insert(a);
}

/// Each node links with three earlier ones, so all hang together.
Links random_graph(std::size_t nodes, std::mt19937& random) {
  Links links(nodes);
  for (std::size_t i = 1; i < nodes; ++i) {
    for (int k = 0; k < 3; ++k) link(links, i, std::uniform_int_distribution<std::size_t>(0, i - 1)(random));
  }
  return links;
}

Links grid(std::size_t nodes, std::mt19937&) {
  Links links(nodes);
  const auto width = static_cast<std::size_t>(std::sqrt(static_cast<double>(nodes)));
  for (std::size_t i = 0; i < nodes; ++i) {
    if ((i + 1) % width != 0 && i + 1 < nodes) link(links, i, i + 1);
    if (i + width < nodes) link(links, i, i + width);
  }
  return links;
}

/// Eight children each. Each node has a second way up, by its parent's neighbour.
Links tree_like(std::size_t nodes, std::mt19937&) {
  constexpr std::size_t kChildren = 8;
  Links links(nodes);
  for (std::size_t i = 1; i < nodes; ++i) {
    const std::size_t parent = (i - 1) / kChildren;
    link(links, i, parent);
    if (parent > 0) link(links, i, parent - 1);
  }
  return links;
}

class NoLog : public Log {
 public:
  void line(LogLevel, const std::string&) override {}
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
};

OverlayConfig origin_config(TreePolicy policy) {
  OverlayConfig config;
  config.id = node_id(0);
  config.tree_policy = policy;
  config.incarnation = 1;
  config.limits.trees_per_s = 1'000;  // each change is measured at once
  return config;
}

/// Of a link, from either end: 2 to 80 ms, the same each time.
std::uint32_t round_trip_us(std::size_t a, std::size_t b) {
  const auto [low, high] = std::minmax(a, b);
  return 2'000 + static_cast<std::uint32_t>((low * 2'654'435'761U + high * 40'503U) % 78'000U);
}

/// Node 0, as the origin of a stream, without links of its own to send trees over.
class World {
 public:
  World(const Links& links, TreePolicy policy, Metric metric)
      : links_(links), numbers_(links.size()), state_(origin_config(policy), log_) {
    state_.self = node_id(0);
    state_.self_known = true;
    StreamInfo info;
    info.name = "paths";
    info.metric = metric;
    stream_ = origin_.add_stream(info).value();
    for (std::size_t i = 0; i < links_.size(); ++i) report(i);
  }
  void watch(std::size_t index, bool wanted) {
    Watch message;
    message.stream = stream_;
    message.watcher = node_id(index);
    message.incarnation = 1;
    message.viewers = wanted ? 1 : 0;
    origin_.on_watch(message, now_);
  }
  /// The node is gone, and all its neighbours report it.
  void kill(std::size_t index) {
    for (const std::size_t other : links_[index]) {
      links_[other].erase(index);
      report(other);
    }
  }
  void revive(std::size_t index) {
    for (const std::size_t other : links_[index]) {
      links_[other].insert(index);
      report(other);
    }
  }
  /// Computes the tree for all changes.
  void compute() {
    now_.mono += std::chrono::milliseconds(10);
    origin_.tick(now_);
  }
  [[nodiscard]] std::size_t tree_nodes() { return origin_.tree(stream_).entries.size(); }

 private:
  void report(std::size_t index) {
    LinkState state;
    state.reporter = node_id(index);
    state.incarnation = 1;
    state.number = ++numbers_[index];
    for (const std::size_t other : links_[index])
      state.links.push_back({node_id(other), 1, {round_trip_us(index, other)}});
    if (state_.db.update(state) == LinkStateDb::Update::Graph) origin_.on_graph_changed(now_);
  }

  Links links_;
  std::vector<std::uint64_t> numbers_;
  NoLog log_;
  OverlayState state_;
  Interests interests_;
  LinkStates link_states_{state_};
  FlowTable flows_{state_, link_states_, interests_};
  Neighbours neighbours_{state_};
  Origin origin_{state_, flows_, interests_, neighbours_};
  StreamId stream_;
  Now now_{};
};

double median_ms(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Case {
  const char* graph_name;
  std::size_t nodes;
  unsigned percent;
  TreePolicy policy;
  Metric metric;
};

using Change = std::function<void(int)>;

/// Makes a change and computes the tree, timed together; undoes the change, untimed; and repeats that.
double time_of(World& world, int repetitions, const Change& change, const Change& undo) {
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    const double begin = cpu_ms();
    change(i);
    world.compute();
    times.push_back(cpu_ms() - begin);
    undo(i);
    world.compute();
  }
  return median_ms(times);
}

std::string run(const Case& c, const Links& links, int repetitions, std::mt19937& random) {
  std::vector<std::size_t> order(c.nodes - 1);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i + 1;
  std::shuffle(order.begin(), order.end(), random);
  const std::size_t receivers = std::max<std::size_t>(1, c.nodes * c.percent / 100);
  // Nodes to join, leave and die, another one each time.
  const auto receiver = [&](int i) { return order[static_cast<std::size_t>(i) % receivers]; };
  const auto other = [&](int i) {
    return order[receivers + static_cast<std::size_t>(i) % (order.size() - receivers)];
  };
  std::vector<double> full;
  for (int i = 0; i < std::max(1, repetitions / 4); ++i) {
    World fresh(links, c.policy, c.metric);
    for (std::size_t r = 0; r < receivers; ++r) fresh.watch(order[r], true);
    const double begin = cpu_ms();
    fresh.compute();
    full.push_back(cpu_ms() - begin);
  }
  World world(links, c.policy, c.metric);
  for (std::size_t r = 0; r < receivers; ++r) world.watch(order[r], true);
  world.compute();
  const std::size_t size = world.tree_nodes();
  const double join = time_of(
      world, repetitions, [&](int i) { world.watch(other(i), true); },
      [&](int i) { world.watch(other(i), false); });
  const double leave = time_of(
      world, repetitions, [&](int i) { world.watch(receiver(i), false); },
      [&](int i) { world.watch(receiver(i), true); });
  const double death = time_of(
      world, repetitions, [&](int i) { world.kill(receiver(i)); }, [&](int i) { world.revive(receiver(i)); });
  return fmt::format(
      R"({{"graph": "{}", "nodes": {}, "receivers": {}, "policy": "{}", "metric": "{}", "tree_nodes": {}, "full_ms": {:.4f}, )"
      R"("join_ms": {:.4f}, "leave_ms": {:.4f}, "death_ms": {:.4f}}})",
      c.graph_name, c.nodes, receivers, c.policy == TreePolicy::Shared ? "shared" : "shortest",
      c.metric == Metric::Cost ? "hops" : to_string(c.metric), size, median_ms(full), join, leave, death);
}

void run_all(int repetitions) {
  struct Kind {
    const char* name;
    Links (*make)(std::size_t, std::mt19937&);
  };
  std::mt19937 random(1);
  const char* separator = "";
  fmt::print("[");
  for (const Kind& kind : {Kind{"random", random_graph}, Kind{"grid", grid}, Kind{"tree-like", tree_like}}) {
    for (const std::size_t nodes : {std::size_t{100}, std::size_t{1'000}, std::size_t{10'000}}) {
      const Links links = kind.make(nodes, random);
      for (const unsigned percent : {10U, 50U}) {
        for (const auto& [policy, metric] :
             {std::pair{TreePolicy::Shortest, Metric::Cost}, std::pair{TreePolicy::Shortest, Metric::Latency},
              std::pair{TreePolicy::Shared, Metric::Cost}}) {
          const Case c{kind.name, nodes, percent, policy, metric};
          fmt::print("{}\n{}", separator, run(c, links, repetitions, random));
          std::fflush(stdout);
          separator = ",";
        }
      }
    }
  }
  fmt::print("\n]\n");
}

}  // namespace
}  // namespace ott

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 20;
  if (argc > 2 || repetitions < 1) {
    std::fputs("usage: paths [REPETITIONS]\n", stderr);
    return 2;
  }
  ott::run_all(repetitions);
  return 0;
}
