// How often an origin computes trees while what is measured of links changes all the time.
#include "overlay/origin.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "../core/nodes.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::node;

struct NoLog : Log {
  void line(LogLevel, const std::string&) override {}
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
};

OverlayConfig config() {
  OverlayConfig config;
  config.id = node(1);
  config.incarnation = 1;
  return config;
}

/// An origin with a stream by latency, and so many links between nodes of which every third watches.
class Storm {
 public:
  explicit Storm(unsigned links) {
    state_.self = node(1);
    state_.self_known = true;
    for (unsigned i = 2; neighbours_[1].size() + links_ < links; ++i, ++nodes_) {
      std::set<unsigned> earlier;
      while (earlier.size() < std::min(3U, i - 1)) earlier.insert(number(1, i - 1));
      for (const unsigned other : earlier) {
        round_trips_[{other, i}] = number(2'000, 80'000);
        neighbours_[i].insert(other);
        neighbours_[other].insert(i);
        ++links_;
      }
    }
    StreamInfo info;
    info.name = "cam";
    info.metric = Metric::Latency;
    stream_ = origin_.add_stream(info).value();
    for (unsigned i = 1; i <= nodes_; ++i) flood(i, 0);
    for (unsigned i = 4; i <= nodes_; i += 3) origin_.on_watch({{}, stream_, node(i), 1, 1}, now_);
    run_for(seconds(5));
  }

  /// One node says anew what it has measured: by so many percent off at most.
  void flood(unsigned reporter, unsigned percent) {
    LinkState state;
    state.reporter = node(reporter);
    state.incarnation = 1;
    state.number = ++number_;
    for (const unsigned other : neighbours_[reporter]) {
      const std::uint32_t usual = round_trips_[std::minmax(reporter, other)];
      const std::uint32_t now = usual * number(100 - percent, 100 + percent) / 100;
      state.links.push_back({node(other), 1, {now}});
    }
    std::ranges::sort(state.links, {}, &Adjacency::id);
    const auto update = state_.db.update(state);
    if (update == LinkStateDb::Update::Graph) origin_.on_graph_changed(now_);
    if (update == LinkStateDb::Update::Facts) origin_.on_facts_changed(now_);
  }
  void run_for(Duration time) {
    for (const MonoTime until = now_.mono + time; now_.mono < until;) {
      now_.mono = std::min(until, std::max(origin_.next_deadline(), now_.mono + milliseconds(1)));
      const PathTree before = origin_.tree(stream_);
      origin_.tick(now_);
      if (origin_.tree(stream_) == before) continue;
      ++trees;
      gap_least = std::min(gap_least, now_.mono - tree_at_);
      tree_at_ = now_.mono;
    }
  }
  unsigned number(unsigned from, unsigned to) {
    return std::uniform_int_distribution<unsigned>(from, to)(random_);
  }
  [[nodiscard]] unsigned any_node() { return number(1, nodes_); }
  void forget_trees() {
    trees = 0;
    gap_least = Duration::max();
  }

  unsigned trees = 0;
  Duration gap_least = Duration::max();  // between two of them

 private:
  std::mt19937 random_{1};
  std::map<unsigned, std::set<unsigned>> neighbours_;
  std::map<std::pair<unsigned, unsigned>, std::uint32_t> round_trips_;
  unsigned nodes_ = 1;
  unsigned links_ = 0;
  std::uint64_t number_ = 0;
  NoLog log_;
  OverlayState state_{config(), log_};
  Interests interests_;
  LinkStates link_states_{state_};
  FlowTable flows_{state_, link_states_, interests_};
  Neighbours named_{state_};
  Origin origin_{state_, flows_, interests_, named_};
  StreamId stream_;
  Now now_{MonoTime{std::chrono::hours(1)}, WallTime{std::chrono::hours(1)}};
  MonoTime tree_at_{};
};

TEST_CASE("a thousand links whose round trips wander by five percent make no tree") {
  Storm storm(1'000);
  REQUIRE(storm.trees > 0);
  storm.forget_trees();
  for (int i = 0; i < 3'000; ++i) {
    storm.flood(storm.any_node(), 5);
    storm.run_for(milliseconds(20));
  }
  CHECK(storm.trees == 0);
}

TEST_CASE("however much round trips change, better ways are taken twice a second at most") {
  Storm storm(1'000);
  storm.forget_trees();
  for (int i = 0; i < 3'000; ++i) {
    storm.flood(storm.any_node(), 95);
    storm.run_for(milliseconds(20));
  }
  CHECK(storm.trees > 5);
  CHECK(storm.trees <= 120);
  CHECK(storm.gap_least >= milliseconds(400));
}

}  // namespace
}  // namespace ott
