#include "ott/graph.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/shortest_paths.h"
#include "ott/assert.h"

namespace ott {

void Graph::changed(Vertex a, Vertex b) {
  if (changes_.size() == kChangesKept) return all_changed();
  paths_.reset();
  ++edition_;
  changes_.push_back({a, b});
}

void Graph::all_changed() {
  paths_.reset();
  changes_.clear();
  changes_from_ = ++edition_;
}

std::optional<std::vector<Graph::LinkEnds>> Graph::changed_since(std::uint64_t edition) const {
  if (edition < changes_from_) return std::nullopt;
  return std::vector(changes_.begin() + static_cast<std::ptrdiff_t>(edition - changes_from_), changes_.end());
}

bool Graph::add_node(const NodeId& node) {
  const std::size_t before = node_count();
  vertex_for(node);
  return node_count() > before;
}

Graph::Vertex Graph::vertex_for(const NodeId& node) {
  const Vertex fresh = free_vertices_.empty() ? static_cast<Vertex>(vertices_.size()) : free_vertices_.back();
  const auto [place, is_new] = vertex_of_.try_emplace(node, fresh);
  if (is_new) {
    ranks_.clear();
    all_changed();
    if (free_vertices_.empty()) {
      vertices_.push_back({node, {}});
    } else {
      free_vertices_.pop_back();
      vertices_[fresh].node = node;
    }
  }
  return place->second;
}

bool Graph::remove_node(const NodeId& node) {
  const auto place = vertex_of_.find(node);
  if (place == vertex_of_.end()) return false;
  const Vertex vertex = place->second;
  all_changed();
  for (const Edge& edge : std::exchange(vertices_[vertex].edges, {})) {
    const auto back = edge_place(edge.to, node);
    costly_edge_count_ -= (edge.cost != 1 ? 1U : 0U) + (back->cost != 1 ? 1U : 0U);
    vertices_[edge.to].edges.erase(back);
    --link_count_;
  }
  vertex_of_.erase(place);
  free_vertices_.push_back(vertex);
  return true;
}

bool Graph::add_link(NodeId a, NodeId b, std::uint32_t cost) {
  OTT_ASSERT(a != b);
  OTT_ASSERT(cost >= 1);
  const Vertex from = vertex_for(a);
  const Vertex to = vertex_for(b);
  const Edge* edge = std::as_const(*this).find_edge(from, b);
  const Edge* back = std::as_const(*this).find_edge(to, a);
  if (edge != nullptr && edge->cost == cost && back->cost == cost) return false;
  if (edge == nullptr) ++link_count_;
  set_edge(from, to, cost);
  set_edge(to, from, cost);
  return true;
}

bool Graph::remove_link(const NodeId& a, const NodeId& b) {
  const auto from = vertex_of(a);
  const auto to = vertex_of(b);
  if (!from || !to) return false;
  const Edge* edge = find_edge(*from, b);
  if (edge == nullptr) return false;
  changed(*from, *to);
  costly_edge_count_ -= (edge->cost != 1 ? 1U : 0U) + (find_edge(*to, a)->cost != 1 ? 1U : 0U);
  --link_count_;
  vertices_[*from].edges.erase(edge_place(*from, b));
  vertices_[*to].edges.erase(edge_place(*to, a));
  return true;
}

std::optional<std::uint32_t> Graph::link_cost(const NodeId& a, const NodeId& b) const {
  const auto from = vertex_of(a);
  const Edge* edge = from ? find_edge(*from, b) : nullptr;
  if (edge == nullptr) return std::nullopt;
  return edge->cost;
}

const std::vector<std::uint32_t>& Graph::ranks() const {
  if (!ranks_.empty() || vertices_.empty()) return ranks_;
  std::vector<Vertex> by_id(vertices_.size());
  std::iota(by_id.begin(), by_id.end(), Vertex{0});
  std::ranges::sort(by_id, {}, [this](Vertex vertex) -> const NodeId& { return node(vertex); });
  ranks_.resize(by_id.size());
  for (std::uint32_t rank = 0; rank < by_id.size(); ++rank) ranks_[by_id[rank]] = rank;
  return ranks_;
}

std::optional<Graph::Vertex> Graph::vertex_of(const NodeId& node) const {
  const auto place = vertex_of_.find(node);
  if (place == vertex_of_.end()) return std::nullopt;
  return place->second;
}

std::vector<Graph::Edge>::const_iterator Graph::edge_place(Vertex from, const NodeId& to) const {
  const auto& edges = vertices_[from].edges;
  return std::lower_bound(edges.begin(), edges.end(), to,
                          [this](const Edge& edge, const NodeId& other) { return node(edge.to) < other; });
}

const Graph::Edge* Graph::find_edge(Vertex from, const NodeId& to) const {
  const auto place = edge_place(from, to);
  const bool found = place != vertices_[from].edges.end() && node(place->to) == to;
  return found ? &*place : nullptr;
}

Graph::Edge* Graph::find_edge(Vertex from, const NodeId& to) {
  return const_cast<Edge*>(std::as_const(*this).find_edge(from, to));
}

void Graph::set_edge(Vertex from, Vertex to, std::uint32_t cost) {
  changed(from, to);
  if (Edge* edge = find_edge(from, node(to))) return recost(*edge, cost);
  vertices_[from].edges.insert(edge_place(from, node(to)), {to, cost});
  least_cost_ = std::min(least_cost_, cost);
  if (cost != 1) ++costly_edge_count_;
}

void Graph::recost(Edge& edge, std::uint32_t cost) {
  OTT_ASSERT(cost >= 1);
  if (edge.cost != 1) --costly_edge_count_;
  if (cost != 1) ++costly_edge_count_;
  least_cost_ = std::min(least_cost_, cost);
  edge.cost = cost;
}

void Graph::set_cost(Vertex from, Vertex to, std::uint32_t cost) {
  Edge* edge = find_edge(from, node(to));
  OTT_ASSERT(edge != nullptr);
  if (edge->cost == cost) return;
  changed(from, to);
  recost(*edge, cost);
}

const ShortestPaths& Graph::paths_from(Vertex source) const {
  if (paths_ == nullptr || paths_source_ != source) {
    paths_ = std::make_shared<ShortestPaths>(shortest_paths(*this, source));
    paths_source_ = source;
  }
  return *paths_;
}

std::vector<NodeId> Graph::shortest_path(const NodeId& src, const NodeId& dst) const {
  const auto from = vertex_of(src);
  const auto to = vertex_of(dst);
  if (!from || !to) return {};
  return paths_from(*from).path_to(*this, *to);
}

std::vector<std::vector<NodeId>> Graph::multicast_path_list(const NodeId& src,
                                                            std::span<const NodeId> dests) const {
  std::vector<std::vector<NodeId>> list;
  const auto from = vertex_of(src);
  if (!from) return list;
  const ShortestPaths& paths = paths_from(*from);
  std::vector<bool> listed(vertex_limit());
  for (const NodeId& dest : dests) {
    const auto to = vertex_of(dest);
    if (!to || listed[*to] || !paths.reaches(*to)) continue;
    listed[*to] = true;
    list.push_back(paths.path_to(*this, *to));
  }
  return list;
}

std::vector<std::uint8_t> Graph::reachable_from(const NodeId& from) const {
  std::vector<std::uint8_t> reached(vertex_limit(), 0);
  const auto start = vertex_of(from);
  if (!start) return reached;
  std::vector<Vertex> waiting = {*start};
  reached[*start] = 1;
  while (!waiting.empty()) {
    const Vertex vertex = waiting.back();
    waiting.pop_back();
    for (const Edge& edge : edges(vertex)) {
      if (reached[edge.to] != 0) continue;
      reached[edge.to] = 1;
      waiting.push_back(edge.to);
    }
  }
  return reached;
}

}  // namespace ott
