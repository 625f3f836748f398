#include "ott/link_state.h"

#include <algorithm>

#include "ott/measured_cost.h"

namespace ott {
namespace {

const Adjacency* link_to(const LinkState* state, const NodeId& id) {
  if (state == nullptr) return nullptr;
  const auto found = std::ranges::lower_bound(state->links, id, {}, &Adjacency::id);
  return found == state->links.end() || found->id != id ? nullptr : &*found;
}

}  // namespace

const LinkState* LinkStateDb::find(const NodeId& reporter) const {
  const auto vertex = graph_.vertex_of(reporter);
  return vertex && *vertex < of_vertex_.size() ? of_vertex_[*vertex] : nullptr;
}

LinkStateDb::Update LinkStateDb::update(const LinkState& state) {
  const LinkState* before = find(state.reporter);
  if (before != nullptr && !state.is_newer_than(*before)) return Update::Old;
  const bool same_links =
      before != nullptr && std::ranges::equal(before->links, state.links, &Adjacency::is_same_link);
  const bool same_facts = std::ranges::all_of(state.links, [before](const Adjacency& link) {
    const Adjacency* former = link_to(before, link.id);
    return former == nullptr || former->facts == link.facts;
  });
  const bool changed = !same_links && set_links(state, before);
  if (!same_links || !same_facts) set_limited(before, &state);
  if (state.streams.empty()) {
    origins_.erase(state.reporter);
  } else {
    origins_.insert(state.reporter);
  }
  if (before == nullptr) {
    const auto vertex = *graph_.vertex_of(state.reporter);
    if (vertex >= of_vertex_.size()) of_vertex_.resize(graph_.vertex_limit());
    of_vertex_[vertex] = &states_.emplace(state.reporter, state).first->second;
  } else {
    states_.find(state.reporter)->second = state;
  }
  for (auto& [metric, graph] : measured_) {
    if (changed || !same_facts) set_measured(graph, metric, state);
  }
  return changed ? Update::Graph : same_facts ? Update::Newer : Update::Facts;
}

void LinkStateDb::set_limited(const LinkState* before, const LinkState* now) {
  if (before != nullptr) {
    for (const Adjacency& link : before->links) {
      if (link.facts.could_carry_kbps != 0) limited_.erase({before->reporter, link.id});
    }
  }
  if (now == nullptr) return;
  for (const Adjacency& link : now->links) {
    if (link.facts.could_carry_kbps != 0) limited_[{now->reporter, link.id}] = link.facts;
  }
}

const LinkFacts* LinkStateDb::facts(const NodeId& from, const NodeId& to) const {
  const Adjacency* link = link_to(find(from), to);
  return link == nullptr ? nullptr : &link->facts;
}

bool LinkStateDb::remove(const NodeId& reporter) {
  const auto found = states_.find(reporter);
  if (found == states_.end()) return false;
  const auto vertex = *graph_.vertex_of(reporter);
  const bool had_links = !graph_.edges(vertex).empty();
  of_vertex_[vertex] = nullptr;
  graph_.remove_node(reporter);
  for (auto& [metric, graph] : measured_) graph.remove_node(reporter);
  set_limited(&found->second, nullptr);
  origins_.erase(reporter);
  states_.erase(found);
  reachable_from_.reset();
  return had_links;
}

bool LinkStateDb::reaches(const NodeId& here, const NodeId& node) const {
  if (reachable_from_ != here) {
    reachable_ = graph_.reachable_from(here);
    reachable_from_ = here;
  }
  const auto vertex = graph_.vertex_of(node);
  return vertex && *vertex < reachable_.size() && reachable_[*vertex] != 0;
}

// A link is in the graph while both its ends report it, at the higher of the two costs.
bool LinkStateDb::set_links(const LinkState& state, const LinkState* before) {
  const NodeId& here = state.reporter;
  bool changed = graph_.add_node(here);
  if (changed) reachable_from_.reset();
  if (before != nullptr) {
    for (const Adjacency& link : before->links) {
      if (link_to(&state, link.id) != nullptr || !graph_.remove_link(here, link.id)) continue;
      changed = true;
      reachable_from_.reset();
    }
  }
  for (const Adjacency& link : state.links) {
    const Adjacency* back = link_to(find(link.id), here);
    if (back == nullptr || link.id == here) continue;
    if (!graph_.add_link(here, link.id, std::max(link.cost, back->cost))) continue;
    changed = true;
    note_reached(here, link.id);
  }
  return changed;
}

/// A new link between two that can be reached, or between two that cannot, changes nothing about that.
void LinkStateDb::note_reached(const NodeId& a, const NodeId& b) {
  reachable_.resize(graph_.vertex_limit());
  if (reachable_[*graph_.vertex_of(a)] != reachable_[*graph_.vertex_of(b)]) reachable_from_.reset();
}

const Graph& LinkStateDb::graph(Metric metric) const {
  if (metric == Metric::Cost) return graph_;
  const auto [place, is_new] = measured_.try_emplace(metric);
  if (is_new) {
    for (const auto& [reporter, state] : states_) set_measured(place->second, metric, state);
  }
  return place->second;
}

Graph& LinkStateDb::lend(Metric metric) {
  static_cast<void>(graph(metric));
  return measured_.at(metric);
}

/// Makes the reporter's links in a measured graph what they are in graph_, both ways.
void LinkStateDb::set_measured(Graph& graph, Metric metric, const LinkState& state) const {
  const NodeId& here = state.reporter;
  graph.add_node(here);
  const auto vertex = *graph.vertex_of(here);
  const std::vector<Graph::Edge> before(graph.edges(vertex).begin(), graph.edges(vertex).end());
  for (const Graph::Edge& edge : before) {
    const NodeId other = graph.node(edge.to);
    if (!graph_.link_cost(here, other)) graph.remove_link(here, other);
  }
  for (const Adjacency& link : state.links) {
    const Adjacency* back = link_to(find(link.id), here);
    if (back == nullptr || link.id == here) continue;
    if (!graph.link_cost(here, link.id)) graph.add_link(here, link.id);
    const auto other = *graph.vertex_of(link.id);
    graph.set_cost(vertex, other, measured_cost(metric, link, *back));
    graph.set_cost(other, vertex, measured_cost(metric, *back, link));
  }
}

std::vector<KnownStream> known_streams(const LinkStateDb& db, const NodeId& here) {
  std::vector<KnownStream> streams;
  for (const bool of_bootstrapper : {true, false}) {
    for (const NodeId& id : db.origins()) {
      const LinkState& state = *db.find(id);
      if ((state.kind == PeerKind::Bootstrap) != of_bootstrapper) continue;
      if (!db.reaches(here, id)) continue;
      for (const StreamInfo& stream : state.streams) {
        if (streams.size() < kStreamsMax) streams.push_back({id, stream});
      }
    }
  }
  return streams;
}

}  // namespace ott
