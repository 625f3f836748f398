#include "overlay/mesh.h"

#include <algorithm>
#include <array>
#include <queue>

#include "ott/link_state.h"

namespace ott {
namespace {

/// What a relay adds to a round trip.
constexpr std::uint32_t kRelayUs = 200;
/// What a link counts as whose round trip nobody has measured yet.
constexpr std::uint32_t kUnmeasuredUs = 50'000;
/// From this detour on a link is worth making, by the room that there is at the fuller end: for one link,
/// two, three, or more. So there is room left for those that are needed most.
constexpr std::array kDetourMin = {2.0, 1.5, 1.3, 1.2};
/// In place of another link, it must be needed more by this factor.
constexpr double kExchangeMargin = 1.25;
/// A link with a way around that is no longer than this is not needed; nor is it where there is no room left,
/// and more would be wanted.
constexpr double kUnneeded = 1.1;
constexpr double kUnneededWithoutRoom = 1.4;

/// Of a link whose ends have measured these round trips; 0: one has not. A lie makes it longer, not shorter.
std::uint32_t length_of(std::uint32_t here_us, std::uint32_t there_us) {
  const std::uint32_t us = std::max(here_us, there_us);
  return (us == 0 ? kUnmeasuredUs : us) + kRelayUs;
}

}  // namespace

std::uint32_t mesh_length_us(Duration round_trip) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(round_trip).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, 60'000'000)) + kRelayUs;
}

std::uint64_t ring_place(const NodeId& id) {
  // FNV-1a, and a last step that spreads ids which differ in their end only.
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto add = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001B3ULL; };
  for (const std::uint8_t byte : id.address.bytes) add(byte);
  add(static_cast<std::uint8_t>(id.port >> 8U));
  add(static_cast<std::uint8_t>(id.port));
  hash = (hash ^ (hash >> 33U)) * 0xFF51AFD7ED558CCDULL;
  hash = (hash ^ (hash >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
  return hash ^ (hash >> 33U);
}

std::optional<MeshView::Index> MeshView::find(const NodeId& id) const {
  const auto found = std::ranges::lower_bound(nodes, id, {}, &Node::id);
  if (found == nodes.end() || found->id != id) return std::nullopt;
  return static_cast<Index>(found - nodes.begin());
}

MeshView::Link* MeshView::link(Index from, Index to) {
  std::vector<Link>& links = nodes[from].links;
  const auto found = std::ranges::lower_bound(links, to, {}, &Link::to);
  return found == links.end() || found->to != to ? nullptr : &*found;
}

MeshView mesh_view(const LinkStateDb& db, const NodeId& self) {
  MeshView view;
  constexpr MeshView::Index kNone = std::numeric_limits<MeshView::Index>::max();
  const Graph& graph = db.graph();
  std::vector<MeshView::Index> index(graph.vertex_limit(), kNone);
  std::vector<Graph::Vertex> vertices;
  std::vector<const LinkState*> states;
  for (const auto& [id, state] : db.all()) {
    const auto vertex = graph.vertex_of(id);
    if (!vertex || (id != self && !db.reaches(self, id))) continue;
    index[*vertex] = static_cast<MeshView::Index>(view.nodes.size());
    if (id == self) view.self = index[*vertex];
    vertices.push_back(*vertex);
    view.nodes.push_back({id, ring_place(id), state.takes_neighbours, {}});
    states.push_back(&state);
  }
  for (std::size_t i = 0; i < view.nodes.size(); ++i) {
    // Both are in the order of the ids.
    auto reported = states[i]->links.begin();
    for (const Graph::Edge& edge : graph.edges(vertices[i])) {
      if (index[edge.to] == kNone) continue;
      while (reported != states[i]->links.end() && reported->id < graph.node(edge.to)) ++reported;
      const bool measured = reported != states[i]->links.end() && reported->facts.rtt_us > 0;
      view.nodes[i].links.push_back({index[edge.to], measured ? reported->facts.rtt_us : 0});
    }
  }
  for (MeshView::Index i = 0; i < view.nodes.size(); ++i) {
    for (MeshView::Link& link : view.nodes[i].links) {
      if (i > link.to) continue;  // both ways at once
      MeshView::Link* back = view.link(link.to, i);
      link.length_us = length_of(link.length_us, back->length_us);
      back->length_us = link.length_us;
    }
  }
  return view;
}

Mesh::Mesh(const MeshView& view, Degrees degrees)
    : view_(view),
      degrees_(degrees),
      lengths_(lengths_from_here(std::nullopt, kNoWay - 1)),
      least_(find_least_needed()) {}

/// The lengths of all ways of at most `at_most`; the others count as none.
std::vector<std::uint32_t> Mesh::lengths_from_here(std::optional<MeshView::Index> without,
                                                   std::uint32_t at_most) const {
  std::vector<std::uint32_t> lengths(view_.nodes.size(), kNoWay);
  using Reached = std::pair<std::uint32_t, MeshView::Index>;
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> next;
  lengths[view_.self] = 0;
  next.emplace(0, view_.self);
  while (!next.empty()) {
    const auto [length, node] = next.top();
    next.pop();
    if (length > lengths[node]) continue;
    if (without == node) break;
    for (const MeshView::Link& link : view_.nodes[node].links) {
      if (node == view_.self && link.to == without) continue;
      const std::uint64_t through = std::uint64_t{length} + link.length_us;
      if (through > at_most || through >= lengths[link.to]) continue;
      lengths[link.to] = static_cast<std::uint32_t>(through);
      next.emplace(lengths[link.to], link.to);
    }
  }
  return lengths;
}

bool Mesh::is_ring_link(const MeshView& view, MeshView::Index a, MeshView::Index b) {
  const auto follows = [&view](MeshView::Index from, MeshView::Index to) {
    const std::uint64_t place = view.nodes[from].place;
    const std::uint64_t distance = view.nodes[to].place - place;
    return view.nodes[to].takes && std::ranges::none_of(view.nodes, [&](const MeshView::Node& node) {
             return node.takes && node.place != place && node.place - place < distance;
           });
  };
  return follows(a, b) || follows(b, a);
}

double Mesh::detour(MeshView::Index to, Duration direct) const {
  if (lengths_[to] == kNoWay) return std::numeric_limits<double>::infinity();
  return static_cast<double>(lengths_[to]) / mesh_length_us(direct);
}

std::optional<Mesh::Needed> Mesh::find_least_needed() const {
  /// A way around that is this much longer is as good as none.
  constexpr std::uint32_t kLongest = 20;
  std::optional<Needed> least;
  for (const MeshView::Link& link : view_.here().links) {
    if (view_.degree(link.to) <= degrees_.least || is_ring_link(view_, view_.self, link.to)) continue;
    const std::uint64_t bound = std::uint64_t{link.length_us} * kLongest;
    const auto at_most = static_cast<std::uint32_t>(std::min<std::uint64_t>(bound, kNoWay - 1));
    const std::uint32_t around = lengths_from_here(link.to, at_most)[link.to];
    if (around == kNoWay) continue;
    const double need = static_cast<double>(around) / link.length_us;
    if (!least || need < least->need) least = Needed{link.to, need};
  }
  return least;
}

bool Mesh::is_worth_a_link(MeshView::Index to, Duration direct) const {
  const double need = detour(to, direct);
  const std::size_t here = view_.degree(view_.self);
  if (view_.degree(to) >= wanted_most()) return false;
  if (here >= wanted_most()) {
    return least_ && here < degrees_.most && need >= kDetourMin.front() &&
           need >= least_->need * kExchangeMargin;
  }
  const std::size_t room = wanted_most() - std::max(here, view_.degree(to));
  return need >= kDetourMin[std::min(room, kDetourMin.size()) - 1];
}

std::optional<NodeId> Mesh::surplus() const {
  const std::size_t degree = view_.degree(view_.self);
  if (!least_ || degree <= degrees_.least) return std::nullopt;
  const double unneeded = degree == wanted_most() ? kUnneededWithoutRoom : kUnneeded;
  if (degree > wanted_most() || least_->need <= unneeded) return view_.nodes[least_->peer].id;
  return std::nullopt;
}

}  // namespace ott
