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
  const auto found = states_.find(reporter);
  return found == states_.end() ? nullptr : &found->second;
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
  states_.insert_or_assign(state.reporter, state);
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
  const bool had_links = !graph_.edges(*graph_.vertex_of(reporter)).empty();
  graph_.remove_node(reporter);
  for (auto& [metric, graph] : measured_) graph.remove_node(reporter);
  set_limited(&found->second, nullptr);
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
  return vertex && reachable_[*vertex] != 0;
}

// A link is in the graph while both its ends report it, at the higher of the two costs.
bool LinkStateDb::set_links(const LinkState& state, const LinkState* before) {
  const NodeId& here = state.reporter;
  bool changed = graph_.add_node(here);
  if (before != nullptr) {
    for (const Adjacency& link : before->links) {
      if (link_to(&state, link.id) == nullptr) changed = graph_.remove_link(here, link.id) || changed;
    }
  }
  for (const Adjacency& link : state.links) {
    const Adjacency* back = link_to(find(link.id), here);
    if (back != nullptr && link.id != here) {
      changed = graph_.add_link(here, link.id, std::max(link.cost, back->cost)) || changed;
    }
  }
  if (changed) reachable_from_.reset();
  return changed;
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
    for (const auto& [id, state] : db.all()) {
      if ((state.kind == PeerKind::Bootstrap) != of_bootstrapper || state.streams.empty()) continue;
      if (!db.reaches(here, id)) continue;
      for (const StreamInfo& stream : state.streams) {
        if (streams.size() < kStreamsMax) streams.push_back({id, stream});
      }
    }
  }
  return streams;
}

}  // namespace ott
