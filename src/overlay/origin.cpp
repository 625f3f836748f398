#include "overlay/origin.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

/// Changes that come together are one recomputation: it waits this long for others.
constexpr Duration kSettleTime = std::chrono::milliseconds(2);
constexpr Duration kMeasureInterval = std::chrono::seconds(1);

/// FNV-1a, 64 bit, folded to the 40 that a StreamId has.
StreamId stream_id(const NodeId& origin, std::string_view name, std::uint64_t incarnation) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001B3ULL; };
  std::vector<std::uint8_t> bytes;
  Writer writer(bytes);
  writer.node_id(origin);
  writer.u64(incarnation);
  writer.text(name);
  for (const std::uint8_t byte : bytes) mix(byte);
  const std::uint64_t folded = (hash ^ (hash >> 40U)) & ((std::uint64_t{1} << 40U) - 1);
  return StreamId{folded == 0 ? 1 : folded};
}

}  // namespace

Result<StreamId> Origin::add_stream(StreamInfo info) {
  info.id = stream_id(state_.self, info.name, state_.config.incarnation);
  auto flow = flows_.create_own(info);
  if (!flow) return tl::unexpected(flow.error());
  OwnStream stream;
  stream.info = info;
  stream.figures.stream = info.id;
  streams_.push_back(std::move(stream));
  news_ = true;
  return info.id;
}

bool Origin::is_watched(StreamId id) {
  const Flow* flow = flows_.find(id);
  return flow != nullptr && (!flow->children.empty() || flow->watched_here);
}

void Origin::mark(OwnStream& stream, Now now) {
  stream.dirty = true;
  recompute_at_ = std::min(recompute_at_, now.mono + kSettleTime);
}

void Origin::on_watch(const Watch& message, Now now) {
  const auto stream = std::find_if(streams_.begin(), streams_.end(), [&message](const OwnStream& own) {
    return own.info.id == message.stream;
  });
  if (stream == streams_.end()) return;  // of an earlier run; the watcher will hear what there is now
  const bool was_there = stream->watchers.contains(message.watcher);
  if (message.viewers == 0) {
    stream->watchers.erase(message.watcher);
  } else {
    stream->watchers[message.watcher] = {message.incarnation, message.viewers};
  }
  if (was_there == (message.viewers > 0) && !message.wants_tracker) return;
  stream->resend = stream->resend || message.wants_tracker;
  mark(*stream, now);
}

void Origin::on_graph_changed(Now now) {
  for (OwnStream& stream : streams_) {
    if (!stream.watchers.empty() || !flows_.find(stream.info.id)->children.empty()) mark(stream, now);
  }
}

std::vector<NodeId> Origin::watchers() const {
  std::vector<NodeId> nodes;
  for (const OwnStream& stream : streams_) {
    for (const auto& [node, watcher] : stream.watchers) nodes.push_back(node);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

void Origin::recompute(OwnStream& stream) {
  Flow& flow = *flows_.find(stream.info.id);
  // A watcher that was started anew says for itself what it wants.
  std::erase_if(stream.watchers, [this](const auto& entry) {
    const LinkState* state = state_.db.find(entry.first);
    return state != nullptr && state->incarnation > entry.second.incarnation;
  });
  std::vector<NodeId> destinations;
  for (const auto& [node, watcher] : stream.watchers) destinations.push_back(node);
  PathTree tree = multicast_tree(state_.db.graph(), state_.self, destinations, state_.config.tree_policy);
  if (tree.empty()) tree.entries = {{state_.self, 1, false}};
  const bool resend = std::exchange(stream.resend, false);
  stream.dirty = false;
  // A child whose link has been gone meanwhile has to hear of the same tree again.
  const bool known_below = std::ranges::all_of(tree.children(), [&flow](const PathTree::View& child) {
    return std::ranges::any_of(flow.children,
                               [&child](const auto& fed) { return fed->node == child.front().node; });
  });
  if (tree == flow.tree && !resend && known_below) return;
  flow.info = stream.info;
  const Label label = make_label(stream.info.id, version_of(flow.label) + 1);
  if (state_.log.enabled(LogLevel::Debug)) {
    state_.log.debug(
        fmt::format("stream {}: tree {}: {}", stream.info.name, version_of(label), to_string(tree)));
  }
  flows_.install_own(flow, label, std::move(tree));
}

MonoTime Origin::next_deadline() const {
  if (streams_.empty()) return MonoTime::max();
  return std::min(recompute_at_, measured_at_ + kMeasureInterval);
}

void Origin::tick(Now now) {
  if (now.mono >= recompute_at_) {
    recompute_at_ = MonoTime::max();
    for (OwnStream& stream : streams_) {
      if (stream.dirty) recompute(stream);
    }
  }
  const Duration elapsed = now.mono - measured_at_;
  if (elapsed < kMeasureInterval) return;
  measured_at_ = now.mono;
  for (OwnStream& stream : streams_) measure(stream, elapsed);
}

void Origin::measure(OwnStream& stream, Duration elapsed) {
  const Flow& flow = *flows_.find(stream.info.id);
  const std::uint64_t bytes = flow.buffer.bytes_committed();
  const std::uint64_t rate =
      static_cast<std::uint64_t>(static_cast<double>(bytes - stream.bytes_at_measurement) * 8.0 /
                                 std::chrono::duration<double>(elapsed).count());
  stream.bytes_at_measurement = bytes;
  std::uint32_t viewers = flows_.viewers(stream.info.id);
  for (const NodeId& node : flow.tree.destinations()) {  // the others are out of reach
    const auto watcher = stream.watchers.find(node);
    if (watcher != stream.watchers.end()) viewers += watcher->second.viewers;
  }
  stream.figures = {stream.info.id, viewers, rate};
}

std::vector<StreamFigures> Origin::figures() const {
  std::vector<StreamFigures> all;
  for (const OwnStream& stream : streams_) all.push_back(stream.figures);
  return all;
}

std::vector<StreamInfo> Origin::streams() const {
  std::vector<StreamInfo> infos;
  for (const OwnStream& stream : streams_) infos.push_back(stream.info);
  return infos;
}

}  // namespace ott
