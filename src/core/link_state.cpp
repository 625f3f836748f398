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
  if (before != nullptr && !state.is_newer_than(*before)) return Update::Old;
  const bool same_links = before != nullptr && before->links == state.links;
  const bool changed = !same_links && set_links(state, before);
  states_.insert_or_assign(state.reporter, state);
  return changed ? Update::Graph : Update::Newer;
}

bool LinkStateDb::remove(const NodeId& reporter) {
  const auto found = states_.find(reporter);
  if (found == states_.end()) return false;
  const bool had_links = !graph_.edges(*graph_.vertex_of(reporter)).empty();
  graph_.remove_node(reporter);
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
