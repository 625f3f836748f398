#include "ott/link_state.h"

#include <algorithm>

namespace ott {
namespace {

const Adjacency* link_to(const LinkState* state, const NodeId& id) {
  if (state == nullptr) return nullptr;
  const auto found = std::find_if(state->links.begin(), state->links.end(),
                                  [&id](const Adjacency& link) { return link.id == id; });
  return found == state->links.end() ? nullptr : &*found;
}

}  // namespace

const LinkState* LinkStateDb::find(const NodeId& reporter) const {
  const auto found = states_.find(reporter);
  return found == states_.end() ? nullptr : &found->second;
}

LinkStateDb::Update LinkStateDb::update(const LinkState& state) {
  const LinkState* before = find(state.reporter);
  if (before != nullptr && state.number <= before->number) return Update::Old;
  const bool same_links = before != nullptr && before->links == state.links;
  if (!same_links) set_links(state, before);
  states_.insert_or_assign(state.reporter, state);
  return same_links ? Update::Newer : Update::Graph;
}

// A link is in the graph while both its ends report it, at the higher of the two costs.
void LinkStateDb::set_links(const LinkState& state, const LinkState* before) {
  const NodeId& here = state.reporter;
  graph_.add_node(here);
  if (before != nullptr) {
    for (const Adjacency& link : before->links) {
      if (link_to(&state, link.id) == nullptr) graph_.remove_link(here, link.id);
    }
  }
  for (const Adjacency& link : state.links) {
    const Adjacency* back = link_to(find(link.id), here);
    if (back != nullptr && link.id != here) {
      graph_.add_link(here, link.id, std::max(link.cost, back->cost));
    }
  }
}

std::vector<KnownStream> known_streams(const LinkStateDb& db, const NodeId& here) {
  std::vector<KnownStream> streams;
  for (const bool of_bootstrapper : {true, false}) {
    for (const auto& [id, state] : db.all()) {
      if ((state.kind == PeerKind::Bootstrap) != of_bootstrapper || state.streams.empty()) continue;
      if (db.graph().shortest_path(here, id).empty()) continue;
      for (const StreamInfo& stream : state.streams) streams.push_back({id, stream});
    }
  }
  return streams;
}

}  // namespace ott
