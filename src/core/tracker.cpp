#include "ott/tracker.h"

#include <algorithm>

#include "ott/assert.h"

namespace ott {
namespace {

constexpr std::size_t kEntryBytes = kNodeIdBytes + 4 + 1;

Tracker one_hop_on(const Tracker& tracker, const NodeId& here) {
  Tracker next;
  next.flood = tracker.flood;
  next.hops = static_cast<std::uint16_t>(tracker.hops == 0xFFFF ? 0xFFFF : tracker.hops + 1);
  next.visited.reserve(tracker.visited.size() + 1);
  next.visited = tracker.visited;
  next.visited.push_back(here);
  return next;
}

}  // namespace

Tracker Tracker::along(PathTree path) {
  Tracker tracker;
  tracker.path = std::move(path);
  return tracker;
}

Tracker Tracker::everywhere() {
  Tracker tracker;
  tracker.flood = true;
  return tracker;
}

bool Tracker::has_visited(const NodeId& node) const {
  return std::find(visited.begin(), visited.end(), node) != visited.end();
}

std::vector<Branch> split(const Tracker& tracker) {
  OTT_ASSERT(!tracker.flood && !tracker.path.empty());
  std::vector<Branch> branches;
  const NodeId here = tracker.path.root().node;
  for (const PathTree::View child : tracker.path.children()) {
    Branch branch{child.front().node, one_hop_on(tracker, here)};
    branch.tracker.path.entries.assign(child.begin(), child.end());
    branches.push_back(std::move(branch));
  }
  return branches;
}

FloodStep flood(const Tracker& tracker, const NodeId& here, std::span<const NodeId> neighbours) {
  OTT_ASSERT(tracker.flood);
  FloodStep step{one_hop_on(tracker, here), {}};
  for (const NodeId& neighbour : neighbours) {
    if (!step.tracker.has_visited(neighbour)) step.next.push_back(neighbour);
  }
  return step;
}

void write(Writer& out, const Tracker& tracker) {
  out.u8(tracker.flood ? 1 : 0);
  out.u16(tracker.hops);
  out.u16(static_cast<std::uint16_t>(tracker.visited.size()));
  for (const NodeId& node : tracker.visited) out.node_id(node);
  out.u32(static_cast<std::uint32_t>(tracker.path.entries.size()));
  for (const PathTree::Entry& entry : tracker.path.entries) {
    out.node_id(entry.node);
    out.u32(entry.subtree_size);
    out.u8(entry.destination ? 1 : 0);
  }
}

void read(Reader& in, Tracker& tracker) {
  const std::uint8_t flood = in.u8();
  tracker.flood = flood == 1;
  tracker.hops = in.u16();
  tracker.visited.resize(in.count<std::uint16_t>(kNodeIdBytes));
  for (NodeId& node : tracker.visited) node = in.node_id();
  tracker.path.entries.resize(in.count<std::uint32_t>(kEntryBytes));
  for (PathTree::Entry& entry : tracker.path.entries) {
    entry.node = in.node_id();
    entry.subtree_size = in.u32();
    const std::uint8_t destination = in.u8();
    if (destination > 1) in.fail();
    entry.destination = destination == 1;
  }
  if (!in.ok()) return;
  if (flood > 1 || tracker.flood != tracker.path.empty() || (!tracker.flood && !tracker.path.valid())) {
    in.fail();
  }
}

}  // namespace ott
