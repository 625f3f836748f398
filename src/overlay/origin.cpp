#include "overlay/origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "ott/assert.h"
#include "ott/text.h"
#include "overlay/source_route.h"
#include "overlay/way_report.h"

namespace ott {
namespace {

/// How long a recomputation waits for further changes.
constexpr Duration kSettleTime = std::chrono::milliseconds(2);
constexpr Duration kMeasureInterval = std::chrono::seconds(1);
/// A watcher that lacks frames which left here so long ago has a parent that does not send them.
constexpr Duration kOnTheWayMax = std::chrono::seconds(1);
/// How long a link is avoided: the first time, and at most.
constexpr Duration kAvoidFirst = std::chrono::seconds(10);
constexpr Duration kAvoidLongest = std::chrono::minutes(5);
constexpr std::size_t kAvoidedMax = 1'024;
/// How many watchers the log names when a tree changes.
constexpr std::size_t kRoutesLoggedMax = 16;
/// For how long a measured way must be better than the one in use, beside the time until link states say so.
constexpr Duration kPatience = std::chrono::seconds(1);
/// For how long there must have been no room for a stream before it is left out: links may be back by then.
constexpr Duration kRoomPatience = std::chrono::seconds(5);
/// Where a link does not keep up that streams of several origins use, one of them goes first. Link states say
/// within this time that it has gone.
constexpr Duration kTakeTurns = std::chrono::seconds(8);
/// How often a second better ways are looked for.
constexpr unsigned kReviewsPerS = 2;
constexpr const char* kNoRoomOnTheWay =
    "the links on the way carry streams with more viewers, and no more than those";

/// FNV-1a, 64 bit, folded to the 40 that a StreamId has.
StreamId stream_id(const NodeId& origin, std::string_view name, std::uint64_t incarnation,
                   std::uint32_t generation) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001B3ULL; };
  std::vector<std::uint8_t> bytes;
  Writer writer(bytes);
  writer.node_id(origin);
  writer.u64(incarnation);
  writer.text(name);
  if (generation != 0) writer.u32(generation);
  for (const std::uint8_t byte : bytes) mix(byte);
  const std::uint64_t folded = (hash ^ (hash >> 40U)) & ((std::uint64_t{1} << 40U) - 1);
  return StreamId{folded == 0 ? 1 : folded};
}

}  // namespace

Result<StreamId> Origin::add_stream(StreamInfo info, std::uint32_t generation) {
  if (streams().size() >= kStateStreamsMax)
    return fail(fmt::format("a node offers at most {} streams (kStateStreamsMax)", kStateStreamsMax));
  if (info.name.size() > kNameBytesMax)
    return fail(fmt::format("a stream's name has at most {} bytes", kNameBytesMax));
  info.id = stream_id(state_.self, info.name, state_.config.incarnation, generation);
  news_ = true;
  return add(std::move(info), true);
}

Result<StreamId> Origin::add_unlisted(StreamInfo info) {
  do {
    const std::string name = fmt::format("{}//{}", info.name, ++unlisted_made_);
    info.id = stream_id(state_.self, name, state_.config.incarnation, 0);
  } while (flows_.find(info.id) != nullptr);
  return add(std::move(info), false);
}

Result<StreamId> Origin::add(StreamInfo info, bool listed) {
  auto flow = flows_.create_own(info, listed ? RingSize::Usual : RingSize::Small);
  if (!flow) return tl::unexpected(flow.error());
  static_cast<void>(state_.db.graph(info.metric));  // is made now, and not when the first one watches
  OwnStream stream;
  stream.info = info;
  stream.figures.stream = info.id;
  stream.tree.entries = {{state_.self, 1, false}};
  stream.listed = listed;
  streams_.push_back(std::move(stream));
  return info.id;
}

Origin::OwnStream& Origin::own(StreamId id) {
  const auto stream = std::ranges::find(streams_, id, [](const OwnStream& own) { return own.info.id; });
  OTT_ASSERT(stream != streams_.end());
  return *stream;
}

const PathTree& Origin::tree(StreamId id) const { return own(id).tree; }

std::uint32_t Origin::viewers_at(StreamId id, const NodeId& node) const {
  if (node == state_.self) return interests_.viewers(id);
  const auto& watchers = own(id).watchers;
  const auto found = watchers.find(node);
  return found == watchers.end() ? 0 : found->second.viewers;
}

void Origin::describe(StreamId id, const StreamInfo& info) {
  OwnStream& stream = own(id);
  OTT_ASSERT(info.id == id);
  news_ = news_ || (stream.listed && stream.info != info);
  stream.info = info;
  flows_.find(id)->info = info;
}

void Origin::withdraw(StreamId id) {
  news_ = news_ || own(id).listed;
  flows_.erase_own(*flows_.find(id));
  std::erase_if(streams_, [id](const OwnStream& stream) { return stream.info.id == id; });
}

void Origin::set_frames_refused(StreamId id, std::uint64_t frames) {
  own(id).figures.frames_refused = frames;
}

bool Origin::is_watched(StreamId id) {
  const Flow* flow = flows_.find(id);
  return flow != nullptr && (!flow->children.empty() || flow->watched_here);
}

void Origin::mark(OwnStream& stream, Now now) {
  stream.dirty = true;
  recompute_at_ = std::min(recompute_at_, now.mono + kSettleTime);
}

std::optional<Origin::Refusal> Origin::on_watch(const Watch& message, Now now) {
  const auto stream = std::find_if(streams_.begin(), streams_.end(), [&message](const OwnStream& own) {
    return own.info.id == message.stream;
  });
  if (stream == streams_.end()) return Refusal{RefusedReason::UnknownStream, "there is no such stream here"};
  const bool was_there = stream->watchers.contains(message.watcher);
  const bool known = state_.db.find(message.watcher) != nullptr;
  if (message.viewers == 0) {
    stream->watchers.erase(message.watcher);
  } else if (known) {
    stream->watchers[message.watcher] = {message.incarnation, message.viewers};
  } else {
    ++state_.counters.watches_refused;  // it asks again, and is known by then
  }
  if (!message.starved_by.address.is_unspecified()) avoid(*stream, message, now);
  const bool is_there = message.viewers > 0 && known;
  if (was_there && is_there && std::ranges::count(stream->left_out, message.watcher) > 0)
    return Refusal{RefusedReason::NoRoom, kNoRoomOnTheWay};
  if (was_there == is_there && !message.wants_tracker) return std::nullopt;
  stream->resend = stream->resend || message.wants_tracker;
  mark(*stream, now);
  return std::nullopt;
}

/// The watcher says that its parent sends nothing. It is believed if there was something to send. If it names
/// a frame that the stream has not come to, somebody has sent it forged ones: then it is the tree that it
/// lacks.
void Origin::avoid(OwnStream& stream, const Watch& complaint, Now now) {
  const StreamBuffer& buffer = flows_.find(stream.info.id)->buffer;
  const auto* missing = buffer.first_after(complaint.last);
  if (complaint.last > buffer.last_frame()) {
    stream.resend = true;
    return mark(stream, now);
  }
  if (missing == nullptr || now.mono - missing->arrived < kOnTheWayMax) return;
  const auto link = std::minmax(complaint.starved_by, complaint.watcher);
  if (!state_.db.graph().link_cost(link.first, link.second)) return;
  if (avoided_.size() >= kAvoidedMax && !avoided_.contains(link)) return;
  Avoided& avoided = avoided_[link];
  const bool again = avoided.how_long != Duration{};
  stream.resend = true;
  mark(stream, now);
  if (again && now.mono < avoided.until) return;
  avoided.how_long = again ? std::min(2 * avoided.how_long, kAvoidLongest) : kAvoidFirst;
  avoided.until = now.mono + avoided.how_long;
  state_.log.warning(
      fmt::format("stream {}: {} has nothing from {} since frame {}: this link is avoided for {} s",
                  stream.info.name, to_string(complaint.watcher), to_string(complaint.starved_by),
                  complaint.last.value, avoided.how_long / std::chrono::seconds(1)));
}

std::vector<MeasuredTrees::Link> Origin::avoided_links(Now now) const {
  std::vector<MeasuredTrees::Link> links;
  for (const auto& [link, avoided] : avoided_) {
    if (now.mono < avoided.until) links.push_back(link);
  }
  return links;
}

const Graph& Origin::graph(Now now) {
  const auto links = avoided_links(now);
  if (links.empty()) return state_.db.graph();
  without_avoided_ = state_.db.graph();
  for (const auto& [a, b] : links) {
    const auto cost = without_avoided_.link_cost(a, b);
    if (cost) without_avoided_.add_link(a, b, std::max(*cost, kCostMax));
  }
  return without_avoided_;
}

void Origin::on_restarted(const NodeId& watcher, Now now) {
  const LinkState* state = state_.db.find(watcher);
  for (OwnStream& stream : streams_) {
    const auto found = stream.watchers.find(watcher);
    if (found == stream.watchers.end() || state == nullptr) continue;
    if (found->second.incarnation == state->incarnation) continue;
    stream.watchers.erase(found);
    mark(stream, now);
  }
}

void Origin::on_graph_changed(Now now) {
  for (OwnStream& stream : streams_) {
    std::erase_if(stream.watchers,
                  [this](const auto& entry) { return state_.db.find(entry.first) == nullptr; });
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

// ---- measured ways ---------------------------------------------------------------------------------------

void Origin::on_facts_changed(Now now) {
  if (any_measured()) review_at_ = std::min(review_at_, now.mono + kSettleTime);
}

bool Origin::any_measured() const {
  return std::ranges::any_of(streams_,
                             [](const OwnStream& stream) { return stream.info.metric != Metric::Cost; });
}

std::vector<MeasuredTrees::Demand> Origin::demands() const {
  std::vector<MeasuredTrees::Demand> all;
  for (const OwnStream& stream : streams_) {
    all.push_back({stream.info.id,
                   stream.info.metric,
                   viewers_of(stream),
                   stream.kbps,
                   stream.size,
                   {},
                   &stream.tree,
                   !stream.left_out.empty()});
    for (const auto& [node, watcher] : stream.watchers) all.back().destinations.push_back(node);
  }
  return all;
}

/// Looks whether there are better trees, and takes those that have been better for a while. Streams that a
/// link cannot carry leave it one by one, those with most viewers last: what it was seen to carry as it began
/// not to keep up is as a rule less than it can.
void Origin::review(Now now) {
  if (!any_measured()) return;
  auto placed = measured_.place(state_.self, demands(), avoided_links(now), now.mono);
  std::map<MeasuredTrees::Link, std::pair<std::size_t, OwnStream*>> leaving;  // with its rank
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    OwnStream& stream = streams_[i];
    if (stream.info.metric == Metric::Cost || stream.dirty) continue;
    const std::size_t rank = placed[i].rank;
    const auto crowded = placed[i].crowded;
    if (!is_due(stream, std::move(placed[i]), now)) continue;
    if (!crowded) {
      mark(stream, now);
      continue;
    }
    const auto [last, is_first] = leaving.try_emplace(*crowded, rank, &stream);
    if (!is_first && rank > last->second.first) last->second = {rank, &stream};
  }
  for (const auto& [link, last] : leaving) {
    last.second->leaves = true;
    mark(*last.second, now);
  }
}

/// A stream is left out only when there has been no room for it for a while.
void Origin::wait_for_room(OwnStream& stream, MeasuredTrees::Placed& placed, Now now) {
  if (placed.left_out.empty()) {
    stream.roomless_since = MonoTime::max();
    return;
  }
  if (!stream.left_out.empty()) return;
  stream.roomless_since = std::min(stream.roomless_since, now.mono);
  const MonoTime due = stream.roomless_since + kRoomPatience;
  if (now.mono >= due) return;
  review_at_ = std::min(review_at_, due);
  placed.tree = std::move(placed.with_all);
  placed.left_out.clear();
}

bool Origin::is_due(OwnStream& stream, MeasuredTrees::Placed placed, Now now) {
  wait_for_room(stream, placed, now);
  const bool as_it_is = placed.tree.empty() ? stream.tree.entries.size() == 1 : placed.tree == stream.tree;
  if (as_it_is && placed.left_out == stream.left_out) {
    stream.better_since = MonoTime::max();
    stream.crowded.reset();
    return false;
  }
  if (stream.better_since == MonoTime::max()) {
    stream.better_since = now.mono;
    std::uniform_int_distribution<Duration::rep> turn(0, kTakeTurns.count());
    stream.patience = !placed.crowded ? kPatience
                      : placed.shared ? Duration(turn(state_.random))
                                      : Duration{};
  }
  stream.crowded = placed.crowded;
  stream.due_at = std::max(stream.better_since + stream.patience, placed.settled_at);
  if (now.mono >= stream.due_at) return true;
  review_at_ = std::min(review_at_, stream.due_at);
  return false;
}

void Origin::set_left_out(OwnStream& stream, std::vector<NodeId> left_out) {
  for (const NodeId& node : left_out) {
    if (std::ranges::count(stream.left_out, node) > 0) continue;
    state_.log.warning(fmt::format("stream {}: {} cannot have it: {}", stream.info.name,
                                   neighbours_.describe(node), kNoRoomOnTheWay));
  }
  for (const NodeId& node : stream.left_out) {
    if (std::ranges::count(left_out, node) > 0 || !stream.watchers.contains(node)) continue;
    state_.log.info(
        fmt::format("stream {}: there is room for it to {}", stream.info.name, neighbours_.describe(node)));
  }
  for (const NodeId& node : left_out) {
    if (stream.tree.find(node)) refuse(stream, node);
  }
  stream.left_out = std::move(left_out);
}

/// Tells a node that is fed to give the stream up, by the way that it has it so far.
void Origin::refuse(const OwnStream& stream, const NodeId& node) {
  const std::vector<std::vector<NodeId>> ways = {way_in_tree(stream.tree, node)};
  forward(state_.links, Refused{Tracker::along(multicast_path(ways)), stream.info.id, RefusedReason::NoRoom,
                                kNoRoomOnTheWay});
}

Origin::Why Origin::why(StreamId id, const std::string& node, Now now) const {
  const auto stream = std::ranges::find(streams_, id, [](const OwnStream& own) { return own.info.id; });
  if (stream == streams_.end()) return {{"there is no such stream here"}, WhyOutcome::UnknownStream};
  if (node.empty()) {
    const auto nodes = stream->tree.destinations();
    if (nodes.empty() && stream->left_out.empty()) return {{"nobody watches it"}};
    return {why(*stream, nodes, now)};
  }
  const auto is_known = [this](const NodeId& each) {
    return each == state_.self || state_.db.find(each) != nullptr || !neighbours_.name(each).empty();
  };
  std::vector<NodeId> nodes;
  if (const auto named = parse_node_id(node); !named) {
    nodes = neighbours_.named(node);
  } else if (is_known(*named)) {
    nodes = {*named};
  }
  if (nodes.empty())
    return {{fmt::format("no node '{}' is known at the origin", node)}, WhyOutcome::UnknownNode};
  const bool goes_there =
      std::ranges::any_of(nodes, [&](const NodeId& each) { return stream->tree.find(each).has_value(); });
  return {why(*stream, nodes, now), goes_there ? WhyOutcome::Answered : WhyOutcome::NotInTree};
}

std::vector<std::string> Origin::why_all(Now now) const {
  std::vector<std::string> lines;
  for (const OwnStream& stream : streams_) {
    if (stream.info.metric == Metric::Cost || !stream.listed) continue;
    for (std::string& line : why(stream, stream.tree.destinations(), now)) lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::string> Origin::why(const OwnStream& stream, const std::vector<NodeId>& nodes,
                                     Now now) const {
  WayQuestion question{state_.db,
                       stream.info.name,
                       stream.info.metric,
                       stream.kbps,
                       stream.tree,
                       measured_.limits(),
                       {},
                       {},
                       {},
                       stream.crowded,
                       stream.due_at - now.mono,
                       {}};
  for (const auto& [link, avoided] : avoided_) {
    if (now.mono < avoided.until) question.avoided[link] = avoided.until - now.mono;
  }
  question.better_for =
      stream.better_since == MonoTime::max() ? Duration{-1} : now.mono - stream.better_since;
  question.patience = stream.patience;
  question.name = [this](const NodeId& id) { return neighbours_.describe(id); };
  std::vector<std::string> lines;
  for (const NodeId& node : std::span(nodes).first(std::min(nodes.size(), kRoutesLoggedMax))) {
    if (!stream.tree.find(node)) {
      lines.push_back(
          fmt::format("stream {} does not go to {}", stream.info.name, neighbours_.describe(node)));
      continue;
    }
    for (std::string& line : describe_way(question, node)) lines.push_back(std::move(line));
  }
  for (const NodeId& node : stream.left_out)
    lines.push_back(fmt::format("stream {}: {} cannot have it: {}", stream.info.name,
                                neighbours_.describe(node), kNoRoomOnTheWay));
  return lines;
}

// ---- trees -----------------------------------------------------------------------------------------------

MeasuredTrees::Placed Origin::place_by_cost(const OwnStream& stream, Now now) {
  std::vector<NodeId> destinations;
  for (const auto& [node, watcher] : stream.watchers) destinations.push_back(node);
  MeasuredTrees::Placed placed;
  placed.tree = multicast_tree(graph(now), state_.self, destinations, state_.config.tree_policy);
  return placed;
}

void Origin::recompute_all(Now now) {
  std::vector<MeasuredTrees::Placed> measured;  // of all streams, once one of them needs it
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    OwnStream& stream = streams_[i];
    if (!stream.dirty) continue;
    const Limits& limits = state_.config.limits;
    if (!stream.rate.take(limits.trees_per_s, limits.burst_s, now.mono)) {
      ++state_.counters.trees_deferred;
      recompute_at_ = std::min(recompute_at_, stream.rate.ready_at(limits.trees_per_s, limits.burst_s));
      continue;
    }
    if (stream.info.metric == Metric::Cost) {
      recompute(stream, place_by_cost(stream, now), now);
      continue;
    }
    if (measured.empty()) measured = measured_.place(state_.self, demands(), avoided_links(now), now.mono);
    const bool leaves = std::exchange(stream.leaves, false);
    if (measured[i].crowded && !leaves) {  // it waits until it is its turn
      measured[i].tree = stream.tree;
      measured[i].left_out = stream.left_out;
    } else {
      wait_for_room(stream, measured[i], now);
    }
    recompute(stream, std::move(measured[i]), now);
  }
}

void Origin::recompute(OwnStream& stream, MeasuredTrees::Placed placed, Now now) {
  Flow& flow = *flows_.find(stream.info.id);
  PathTree& tree = placed.tree;
  if (tree.empty()) tree.entries = {{state_.self, 1, false}};
  set_left_out(stream, std::move(placed.left_out));
  stream.better_since = MonoTime::max();
  stream.crowded.reset();
  const bool resend = std::exchange(stream.resend, false);
  stream.dirty = false;
  // A child whose link has been gone meanwhile has to hear of the same tree again.
  const bool known_below = std::ranges::all_of(tree.children(), [&flow](const PathTree::View& child) {
    return std::ranges::any_of(flow.children,
                               [&child](const auto& fed) { return fed->node == child.front().node; });
  });
  if (tree == stream.tree && !resend && known_below) return;
  flow.info = stream.info;
  const Label label = make_label(stream.info.id, version_of(flow.label) + 1);
  if (state_.log.enabled(LogLevel::Debug)) {
    state_.log.debug(
        fmt::format("stream {}: tree {}: {}", stream.info.name, version_of(label), to_string(tree)));
  }
  log_routes(stream, tree);
  measured_.on_tree_changed(stream.tree, tree, now.mono);
  stream.tree = std::move(tree);
  flows_.install_own(flow, label, stream.tree, now);
}

/// Says who watches now, and by which nodes the stream goes there, as far as that has changed.
void Origin::log_routes(const OwnStream& stream, const PathTree& tree) {
  if (!state_.log.enabled(LogLevel::Info)) return;
  const std::vector<RouteChange> changes = route_changes(stream.tree, tree);
  for (const RouteChange& change : std::span(changes).first(std::min(changes.size(), kRoutesLoggedMax))) {
    state_.log.info(fmt::format("stream {}: {} {}", stream.info.name, neighbours_.describe(change.watcher),
                                what_changed(stream, change)));
  }
  if (changes.size() <= kRoutesLoggedMax) return;
  state_.log.info(fmt::format("stream {}: {} more have come, have another way, or have gone",
                              stream.info.name, counted(changes.size() - kRoutesLoggedMax, "watcher")));
}

std::string Origin::what_changed(const OwnStream& stream, const RouteChange& change) const {
  if (change.kind == RouteChange::Kind::Ends) {
    if (std::ranges::count(stream.left_out, change.watcher) > 0) return "has it no more, for want of room";
    return stream.watchers.contains(change.watcher) ? "watches, but cannot be reached" : "watches no more";
  }
  std::string by;
  for (const NodeId& node : change.by) by += (by.empty() ? "by " : ", ") + neighbours_.describe(node);
  if (by.empty()) by = "directly";
  return (change.kind == RouteChange::Kind::Begins ? "watches, " : "has it another way, ") + by;
}

[[gnu::hot]] MonoTime Origin::next_deadline() const {
  if (streams_.empty()) return MonoTime::max();
  return std::min({recompute_at_, review_at_, measured_at_ + kMeasureInterval});
}

[[gnu::hot]] void Origin::tick(Now now) {
  if (now.mono >= recompute_at_) {
    recompute_at_ = MonoTime::max();
    recompute_all(now);
  }
  if (now.mono >= review_at_) {
    review_at_ = MonoTime::max();
    if (review_rate_.take(kReviewsPerS, 1, now.mono)) {
      review(now);
    } else {
      review_at_ = review_rate_.ready_at(kReviewsPerS, 1);
    }
  }
  const Duration elapsed = now.mono - measured_at_;
  if (elapsed < kMeasureInterval) return;
  measured_at_ = now.mono;
  // A link that served well for as long again counts as any other.
  std::erase_if(avoided_,
                [now](const auto& entry) { return now.mono >= entry.second.until + entry.second.how_long; });
  for (OwnStream& stream : streams_) measure(stream, elapsed);
  if (measured_.has_limits()) on_facts_changed(now);  // rates and viewers are others than a second ago
}

void Origin::measure(OwnStream& stream, Duration elapsed) {
  const Flow& flow = *flows_.find(stream.info.id);
  const std::uint64_t bytes = flow.buffer.bytes_committed();
  // A buffer that has taken another's place has begun at 0.
  if (std::exchange(stream.buffer_at_measurement, flow.buffer_number) != flow.buffer_number)
    stream.bytes_at_measurement = 0;
  const std::uint64_t new_bytes = bytes - std::exchange(stream.bytes_at_measurement, bytes);
  const std::uint64_t rate = static_cast<std::uint64_t>(static_cast<double>(new_bytes) * 8.0 /
                                                        std::chrono::duration<double>(elapsed).count());
  std::uint64_t viewers = interests_.viewers(stream.info.id);
  for (const NodeId& node : stream.tree.destinations()) {  // the others are out of reach
    const auto watcher = stream.watchers.find(node);
    if (watcher != stream.watchers.end()) viewers += watcher->second.viewers;
  }
  // A stream that nobody is sent may have no frames: then it is what it was.
  const auto kbps = static_cast<std::uint32_t>(std::min<std::uint64_t>(rate / 1'000, 1U << 31U));
  if (kbps != 0) stream.kbps = stream.kbps == 0 ? kbps : stream.kbps - stream.kbps / 4 + kbps / 4;
  const std::uint32_t off = std::max(stream.kbps, stream.size) - std::min(stream.kbps, stream.size);
  if (off > stream.size / 3) stream.size = stream.kbps;
  constexpr std::uint64_t kMost = ~std::uint32_t{0};
  stream.figures.viewers = static_cast<std::uint32_t>(std::min(viewers, kMost));
  stream.figures.bits_per_second = rate;
}

/// All that want it, within reach or not.
std::uint64_t Origin::viewers_of(const OwnStream& stream) const {
  std::uint64_t viewers = interests_.viewers(stream.info.id);
  for (const auto& [node, watcher] : stream.watchers) viewers += watcher.viewers;
  return viewers;
}

std::vector<StreamFigures> Origin::figures() const {
  std::vector<StreamFigures> all;
  for (const OwnStream& stream : streams_) {
    if (!stream.listed) continue;
    all.push_back(stream.figures);
    if (!stream.info.on_request) continue;
    for (const OwnStream& other : streams_) {
      if (other.listed || other.info.name != stream.info.name) continue;
      all.back().viewers += other.figures.viewers;
      all.back().bits_per_second += other.figures.bits_per_second;
    }
  }
  return all;
}

std::vector<StreamInfo> Origin::streams() const {
  std::vector<StreamInfo> infos;
  for (const OwnStream& stream : streams_) {
    if (stream.listed) infos.push_back(stream.info);
  }
  return infos;
}

}  // namespace ott
