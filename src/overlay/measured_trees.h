// The trees of streams whose ways are chosen by what is measured (--metric latency, quality): computed for
// all of an origin's streams together, since they share what links can carry.
//
// What a tree uses now counts as cheaper by kMarginPercent than it is. So a way is left only for one that is
// better by that, wherever the two part, and if somebody is clearly nearer by it.
//
// A link that did not keep up takes no more than it could carry then. Streams are placed one
// after the other, those with most viewers first (then those that have room so far, then those with a higher
// rate), each by the best way that has room for it. A stream that fits nowhere goes by such a link if it has
// it for itself; if not, it would spoil the others, and is left out.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ott/link_state.h"
#include "ott/time.h"

namespace ott {

class MeasuredTrees {
 public:
  /// By how many percent a way must be better than the one in use.
  static constexpr std::uint32_t kMarginPercent = 15;
  /// And by how much some destination must be nearer by it, in units of measured costs: 2 ms.
  static constexpr std::uint32_t kMarginLeast = 20;

  /// From and to. Ways down and up a link are two.
  using Link = std::pair<NodeId, NodeId>;
  struct Demand {
    StreamId stream;
    Metric metric = Metric::Latency;
    std::uint64_t viewers = 0;
    std::uint32_t kbps = 0;  // of the stream; 0: not known yet
    std::uint32_t size = 0;  // the same, for the order of streams: it changes rarely
    std::vector<NodeId> destinations;
    const PathTree* now = nullptr;  // its tree as it is
    bool is_left_out = false;       // some destination is, for want of room
  };
  struct Placed {
    PathTree tree;
    std::vector<NodeId> left_out;  // destinations that could be reached, were there room
    PathTree with_all;             // the tree with these, if there are any: it would spoil others
    std::optional<Link> crowded;   // a link of its tree as it is, which would do else, that cannot carry it
    bool shared = false;           // which streams of other origins use, too
    MonoTime settled_at{};         // when it is known what the last change has done for that link
    std::size_t rank = 0;          // streams are placed in this order
  };
  struct Limit {
    std::uint32_t could_carry_kbps = 0;
    std::uint32_t carries_kbps = 0;
    std::uint32_t others_kbps = 0;  // what streams of other origins take of that
    std::uint64_t ours_kbps = 0;    // the rates of ours that go by it
    /// How much of what the link could carry is given away: 95 %.
    [[nodiscard]] std::uint64_t usable_kbps() const { return std::uint64_t{could_carry_kbps} * 95 / 100; }
    /// True if it carries what there is for it. Of streams that are all ours we know how much that is; rates
    /// and what the link could carry are known to a twentieth each.
    [[nodiscard]] bool keeps_up() const {
      const bool all_ours = others_kbps == 0;
      return carries_kbps <= usable_kbps() ||
             (all_ours && ours_kbps * 100 <= std::uint64_t{could_carry_kbps} * 110);
    }
  };

  MeasuredTrees(LinkStateDb& db, TreePolicy policy) : db_(db), policy_(policy) {}

  /// The trees from `self`, in the order of the demands; of those by cost, which are only in the way of
  /// others, the one that they have. Links in `avoided` cost more than any way around.
  std::vector<Placed> place(const NodeId& self, std::span<const Demand> demands,
                            std::span<const Link> avoided, MonoTime now);
  /// A stream's tree is another now. What link states say of its links' use is old news for a while.
  void on_tree_changed(const PathTree& before, const PathTree& after, MonoTime now);
  /// True if some link did not keep up when place() looked last.
  [[nodiscard]] bool has_limits() const { return !limits_.empty(); }
  [[nodiscard]] const std::map<Link, Limit>& limits() const { return limits_; }

 private:
  using Load = std::map<Link, std::uint64_t>;  // kbit/s on links that have a limit
  struct Planned {
    Load all;
    Load new_here;  // of it that of streams which are not there now
  };
  /// Other streams of ours go by a link than before.
  struct Change {
    MonoTime at = MonoTime::min();
    MonoTime left_at = MonoTime::min();  // when it was fewer
  };

  /// A search that counted the links of a tree as cheaper, and the last tree that came of it. The next one
  /// begins with it: as a rule little has changed. Where the tree in use is the one that came of it, perhaps
  /// with other destinations than the one before, and the graph is as it was, another search could only say
  /// the same.
  struct Search {
    std::uint64_t edition = 0;  // of the graph
    std::shared_ptr<const ShortestPaths> paths;
    std::vector<Graph::Vertex> favoured;  // those links, by vertex, as FavouredLinks has them
    std::vector<Graph::Vertex> in_use;    // the links of the tree that the stream had then, in the same way
    PathTree tree;
    std::vector<Graph::Vertex> above;  // those of `tree`
  };

  const ShortestPaths* search(const Graph& graph, const NodeId& self, const Demand& demand);
  void find_limits(std::span<const Demand> demands, MonoTime now);
  Placed place_one(Graph& graph, const NodeId& self, const Demand& demand, const Planned& planned);
  void note_crowded(Placed& placed, const Link& link, const Limit& limit) const;
  /// Adds to the links that have a limit.
  void add_load(Load& load, const PathTree& tree, std::uint32_t kbps) const;

  LinkStateDb& db_;
  TreePolicy policy_;
  std::map<Link, Limit> limits_;
  std::map<Link, std::uint32_t> others_;  // kbit/s of other origins' streams on limits_, as known last
  std::map<Link, Change> changes_;        // of a while
  std::map<StreamId, Search> searches_;   // the last one of each stream
};

}  // namespace ott
