#include "role/overlay_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "ott/text.h"
#include "overlay/route_changes.h"

namespace ott {
namespace {

/// Changes that come together are looked at once.
constexpr Duration kLookInterval = std::chrono::milliseconds(100);
/// How long it takes until viewers have said how they fared: two rounds of questions.
constexpr Duration kFaredAfter = std::chrono::milliseconds(2'500);
/// A way that changes so soon after a failure has changed for it.
constexpr Duration kCausedWithin = std::chrono::seconds(3);
constexpr std::size_t kMovedMax = 64;
/// How long guests of a node that has gone may need to be counted at others: origins hear of them each
/// second.
constexpr Duration kHomelessMax = std::chrono::seconds(3);
/// Of one kind at a time; the rest is counted.
constexpr std::size_t kSaidMax = 32;

/// Frames, of all viewers of a stream at a node; nothing if none has said how it is served.
std::optional<std::uint64_t> lost_at(const Overview& overview, const NodeId& node,
                                     const std::string& stream) {
  std::optional<std::uint64_t> lost;
  for (const ViewerFigures& viewer : overview.viewers(node)) {
    if (viewer.stream == stream) lost = lost.value_or(0) + viewer.frames_lost;
  }
  return lost;
}

}  // namespace

OverlayEvents::Event::Event(std::string_view kind, std::string_view text, Now now)
    : said{now.wall, std::string(text)} {
  JsonLine& line = *this;
  line.add("time", std::chrono::duration<double>(now.wall.time_since_epoch()).count());
  line.add("kind", kind).add("text", text);
}

void OverlayEvents::say(Event& event) {
  log_.add(event.finish());
  recent_.push_back(std::move(event.said));
  if (recent_.size() > kRecentMax) recent_.pop_front();
}

bool OverlayEvents::step(const Overview& overview, Now now) {
  const std::uint64_t edition =
      overlay_.is_guest() ? overview.shown_edition() : overlay_.link_states().graph().edition();
  const bool links_changed = edition != edition_;
  if ((links_changed || overlay_.streams_version() != streams_version_) && look_at_ == MonoTime::max())
    look_at_ = std::max(now.mono, looked_at_ + kLookInterval);
  if (now.mono >= look_at_) {
    look_at_ = MonoTime::max();
    looked_at_ = now.mono;
    if (links_changed) compare_graph(overview, now);
    if (!alone_) compare_streams(overview, now);
    edition_ = edition;
    streams_version_ = overlay_.streams_version();
    begun_ = begun_ || overlay_.attached();
  }
  compare_ways(overview, now);
  if (now.mono >= fared_at_) say_how_they_fared(overview, now);
  return links_changed;
}

namespace {

struct NodesAndLinks {
  std::set<NodeId> nodes;
  std::set<std::pair<NodeId, NodeId>> links;
};

NodesAndLinks known_to_member(const Overlay& overlay) {
  NodesAndLinks known;
  const LinkStateDb& db = overlay.link_states();
  const auto self = overlay.self();
  for (const auto& [id, state] : db.all()) {
    if (!self || !db.reaches(*self, id)) continue;
    known.nodes.insert(id);
    for (const Adjacency& link : state.links) {
      if (id < link.id && db.graph().link_cost(id, link.id)) known.links.insert({id, link.id});
    }
  }
  return known;
}

NodesAndLinks shown_to_guest(const OverlayShown& shown) {
  NodesAndLinks known;
  for (const OverlayShown::Node& node : shown.nodes) {
    if (const auto id = parse_node_id(node.id)) known.nodes.insert(*id);
  }
  for (const OverlayShown::Link& link : shown.links) {
    const auto from = parse_node_id(link.from);
    const auto to = parse_node_id(link.to);
    if (from && to) known.links.insert(std::minmax(*from, *to));
  }
  return known;
}

}  // namespace

void OverlayEvents::compare_graph(const Overview& overview, Now now) {
  auto [nodes, links] = overlay_.is_guest() ? shown_to_guest(overview.shown()) : known_to_member(overlay_);
  if (is_alone(nodes.size(), now)) return;
  const bool first = !begun_ || nodes_.empty();
  std::size_t said = 0;
  const auto name = [&overview](const NodeId& id) { return overview.name(id); };
  const auto tell_node = [&](std::string_view kind, const NodeId& id, std::string_view what) {
    if (first || ++said > kSaidMax) return;
    Event line(kind, fmt::format("{} {}", name(id), what), now);
    line.add("node", to_string(id));
    say(line);
  };
  const auto tell_link = [&](std::string_view kind, const auto& link, std::string_view what) {
    if (first || ++said > kSaidMax) return;
    Event line(kind, fmt::format("the link {} - {} {}", name(link.first), name(link.second), what), now);
    line.add("node", to_string(link.first)).add("peer", to_string(link.second));
    say(line);
  };
  for (const NodeId& id : nodes) {
    if (!nodes_.contains(id)) tell_node("node-came", id, "has come");
  }
  for (const NodeId& id : nodes_) {
    if (nodes.contains(id)) continue;
    failed_at_ = now.mono;
    tell_node("node-gone", id, "is gone");
  }
  for (const auto& link : links) {
    if (!links_.contains(link) && nodes_.contains(link.first) && nodes_.contains(link.second))
      tell_link("link-came", link, "is up");
  }
  for (const auto& link : links_) {
    if (links.contains(link)) continue;
    failed_at_ = now.mono;
    if (nodes.contains(link.first) && nodes.contains(link.second)) tell_link("link-gone", link, "is gone");
  }
  nodes_ = std::move(nodes);
  links_ = std::move(links);
}

/// A process that has lost all links cannot know who has come or gone. It keeps what it knew, and compares
/// that once it has a link again. A bootstrapper does know: others come to it.
bool OverlayEvents::is_alone(std::size_t nodes, Now now) {
  const auto self = overlay_.self();
  const LinkState* own = self ? overlay_.link_states().find(*self) : nullptr;
  const bool is_bootstrapper = own != nullptr && own->kind == PeerKind::Bootstrap;
  const bool alone = nodes <= 1 && (alone_ || nodes_.size() > 1) && !is_bootstrapper && !overlay_.is_guest();
  if (alone == alone_) return alone_;
  alone_ = alone;
  Event line(alone ? "alone" : "back",
             alone ? "this process has no link any more: what becomes of the others is not known here"
                   : "this process has a link again",
             now);
  say(line);
  return alone;
}

void OverlayEvents::compare_streams(const Overview& overview, Now now) {
  std::map<StreamId, KnownStream> streams;
  for (const KnownStream& stream : overlay_.streams()) streams[stream.info.id] = stream;
  const auto tell = [&](std::string_view kind, const KnownStream& stream, const std::string& what) {
    if (!begun_) return;
    Event line(kind, fmt::format("{} {}", stream.info.name, what), now);
    line.add("stream", stream.info.name).add("node", to_string(stream.origin));
    say(line);
  };
  /// Of the same name and origin as one that is in these alone: a stream that begins anew has another id.
  const auto is_in = [](const auto& those, const auto& others, const KnownStream& stream) {
    return std::ranges::any_of(those, [&](const auto& entry) {
      const KnownStream& each = entry.second;
      return !others.contains(entry.first) && each.info.name == stream.info.name &&
             each.origin == stream.origin;
    });
  };
  for (const auto& [id, stream] : streams_) {
    if (!streams.contains(id) && !is_in(streams, streams_, stream)) tell("stream-gone", stream, "is gone");
  }
  for (const auto& [id, stream] : streams) {
    const auto before = streams_.find(id);
    if (before != streams_.end()) {
      if (before->second.info.state != stream.info.state)
        tell("stream-state", stream, fmt::format("is {}", to_string(stream.info.state)));
    } else if (is_in(streams_, streams, stream)) {
      tell("stream-state", stream, "begins anew");
    } else {
      tell("stream-came", stream, "can be watched, from " + overview.name(stream.origin));
    }
  }
  streams_ = std::move(streams);
}

void OverlayEvents::compare_ways(const Overview& overview, Now now) {
  std::erase_if(ways_, [&overview](const auto& entry) { return !overview.routes().contains(entry.first); });
  for (const auto& [id, known] : overview.routes()) {
    const auto [place, is_new] = ways_.try_emplace(id);
    Watched& before = place->second;
    const bool same_tree = before.tree == known.route.tree;
    if (!is_new && same_tree && before.viewers == known.route.viewers) continue;
    if (!is_new && !same_tree) way_changed(known.route.stream, before, known, overview, now);
    if (!is_new) look_for_homeless(known.route.stream, before, known, overview, now);
    before.tree = known.route.tree;
    before.viewers = known.route.viewers;
  }
}

/// Says who has another way now. Who has just come or gone has not.
void OverlayEvents::way_changed(const std::string& stream, const Watched& before,
                                const Overview::Known& now_known, const Overview& overview, Now now) {
  if (before.tree.root().node != now_known.route.tree.root().node) return;
  Moved moved{now.mono + kFaredAfter, stream, {}, 0, {}};
  std::set<std::string> by;
  for (const RouteChange& change : route_changes(before.tree, now_known.route.tree)) {
    if (change.kind != RouteChange::Kind::Moves) continue;
    moved.viewers += now_known.route.viewers[*now_known.route.tree.find(change.watcher)];
    if (const auto lost = lost_at(overview, change.watcher, stream)) moved.lost[change.watcher] = *lost;
    if (!change.by.empty()) by.insert(overview.name(change.by.back()));
  }
  if (moved.viewers == 0) return;
  for (const std::string& each : by) {
    if (moved.by.size() > 200) break;
    moved.by += (moved.by.empty() ? " by " : ", ") + each;
  }
  const bool caused = !overlay_.is_guest() && now.mono - failed_at_ < kCausedWithin;
  const Duration took = now_known.at - failed_at_;
  const std::string after =
      caused ? fmt::format(", after {:.0f} ms", std::chrono::duration<double, std::milli>(took).count()) : "";
  Event line("way",
             fmt::format("{}: {} another way now{}{}", stream,
                         moved.viewers == 1 ? "1 viewer has" : fmt::format("{} viewers have", moved.viewers),
                         moved.by, after),
             now);
  line.add("stream", stream).add("viewers", moved.viewers);
  if (overlay_.is_guest()) {
    line.add_null("took_ms");  // it has trees and failures from others, in any order
  } else if (caused) {
    line.add_milliseconds("took_ms", took);
  }
  say(line);
  if (moved_.size() == kMovedMax) return;
  fared_at_ = std::min(fared_at_, moved.at);
  moved_.push_back(std::move(moved));
}

namespace {

std::uint64_t viewers_at(const PathTree& tree, const std::vector<std::uint32_t>& viewers,
                         const NodeId& node) {
  const auto place = tree.find(node);
  return place ? viewers[*place] : 0;
}

}  // namespace

/// Guests of a node that has gone, and members whose last neighbour it was, watch on as guests of others: no
/// tree tells that, but how many watch where. Who begins to watch at another node just then is taken for one
/// of them: origins tell numbers alone, and who has come is known a second later at the earliest, by another
/// port than before and an address that it may share with many.
void OverlayEvents::look_for_homeless(const std::string& stream, Watched& before,
                                      const Overview::Known& now_known, const Overview& overview, Now now) {
  if (now.mono - before.homeless_since >= kHomelessMax) before.homeless = before.homeless_lost = 0;
  for (std::size_t i = 0; i < before.tree.entries.size(); ++i) {
    const NodeId& node = before.tree.entries[i].node;
    if (before.viewers[i] == 0 || nodes_.contains(node) || now_known.route.tree.find(node)) continue;
    if (before.homeless == 0) before.homeless_since = now.mono;
    before.homeless += before.viewers[i];
    before.homeless_lost += lost_at(overview, node, stream).value_or(0);
  }
  for (std::size_t i = 0; i < now_known.route.tree.entries.size() && before.homeless > 0; ++i) {
    const NodeId& node = now_known.route.tree.entries[i].node;
    const std::uint64_t there = viewers_at(before.tree, before.viewers, node);
    if (now_known.route.viewers[i] <= there) continue;
    const std::uint64_t found = std::min(now_known.route.viewers[i] - there, before.homeless);
    Moved moved{now.mono + kFaredAfter, stream, {}, found, " to " + overview.name(node)};
    moved.lost[node] =
        lost_at(overview, node, stream).value_or(0) + before.homeless_lost * found / before.homeless;
    before.homeless_lost -= before.homeless_lost * found / before.homeless;
    before.homeless -= found;
    Event line(
        "way",
        fmt::format("{}: {} on at {}", stream,
                    found == 1 ? "1 viewer goes" : fmt::format("{} viewers go", found), overview.name(node)),
        now);
    line.add("stream", stream).add("viewers", found);
    say(line);
    if (moved_.size() == kMovedMax) continue;
    fared_at_ = std::min(fared_at_, moved.at);
    moved_.push_back(std::move(moved));
  }
}

void OverlayEvents::say_how_they_fared(const Overview& overview, Now now) {
  fared_at_ = MonoTime::max();
  for (const Moved& moved : moved_) {
    if (now.mono < moved.at) {
      fared_at_ = std::min(fared_at_, moved.at);
      continue;
    }
    std::uint64_t lost = 0;
    bool known = false;
    for (const auto& [node, before] : moved.lost) {
      const auto after = lost_at(overview, node, moved.stream);
      if (!after) continue;
      known = true;
      lost += *after > before ? *after - before : 0;
    }
    if (!known) continue;
    Event line("moved",
               fmt::format("{}: {} moved{}, {} lost", moved.stream, counted(moved.viewers, "viewer"),
                           moved.by, counted(lost, "frame")),
               now);
    line.add("stream", moved.stream).add("viewers", moved.viewers).add("frames_lost", lost);
    say(line);
  }
  std::erase_if(moved_, [now](const Moved& moved) { return now.mono >= moved.at; });
}

}  // namespace ott
