#include "role/overview_json.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <charconv>

#include "media/text.h"
#include "role/stats.h"

namespace ott {
namespace {

using rapidjson::Value;

/// How much one of a peer's lists may hold that is kept here.
constexpr std::size_t kTreeEntriesMax = 16'384;
constexpr std::size_t kLinksShownMax = 131'072;

std::optional<rapidjson::Document> parse(const std::string& json) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) return std::nullopt;
  return document;
}

const Value* member(const Value& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

/// The items of a list member, as far as they are wanted.
template <class Take>
void for_each(const Value& object, const char* name, std::size_t most, Take&& take) {
  const Value* list = member(object, name);
  if (list == nullptr || !list->IsArray()) return;
  for (const Value& item : list->GetArray()) {
    if (most-- == 0) return;
    take(item);
  }
}

std::string text(const Value& object, const char* name) {
  const Value* value = member(object, name);
  if (value == nullptr || !value->IsString()) return "";
  return {value->GetString(), std::min<std::size_t>(value->GetStringLength(), kNameBytesMax)};
}

std::uint64_t whole(const Value& object, const char* name) {
  const Value* value = member(object, name);
  return value != nullptr && value->IsUint64() ? value->GetUint64() : 0;
}

double number(const Value& object, const char* name) {
  const Value* value = member(object, name);
  return value != nullptr && value->IsNumber() ? value->GetDouble() : 0;
}

std::optional<double> rtt_in(const Value& object) {
  const Value* rtt = member(object, "rtt_ms");
  return rtt != nullptr && rtt->IsNumber() ? std::optional(rtt->GetDouble()) : std::nullopt;
}

void add_rtt(JsonLine& line, std::optional<double> ms) {
  if (ms) {
    line.add("rtt_ms", *ms);
  } else {
    line.add_null("rtt_ms");
  }
}

/// The tree of entries that each name their parent's place; empty if they make none.
PathTree read_tree(const Value& route, const NodeId& origin, std::vector<std::uint32_t>& viewers) {
  PathTree tree;
  std::vector<std::size_t> parents;
  bool good = true;
  for_each(route, "tree", kTreeEntriesMax, [&](const Value& entry) {
    const auto node = parse_node_id(text(entry, "node"));
    const Value* parent = member(entry, "parent");
    const std::size_t place = tree.entries.size();
    good = good && node && parent != nullptr && parent->IsInt() &&
           parent->GetInt() < static_cast<int>(place) && (parent->GetInt() >= 0) == (place > 0);
    if (!good) return;
    const auto count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(whole(entry, "viewers"), kViewersMax));
    tree.entries.push_back({*node, 1, count > 0});
    parents.push_back(place == 0 ? 0 : static_cast<std::size_t>(parent->GetInt()));
    viewers.push_back(count);
  });
  if (!good || tree.empty()) return {};
  for (std::size_t i = tree.entries.size(); --i > 0;)
    tree.entries[parents[i]].subtree_size += tree.entries[i].subtree_size;
  const bool whole_tree = tree.valid() && tree.root().node == origin;
  return whole_tree ? tree : PathTree{};
}

/// Of the nodes that are shown: those of one that is gone are known for a while.
void add_links(JsonLine& line, const Overlay& overlay) {
  const auto self = overlay.self();
  const LinkStateDb& db = overlay.link_states();
  line.begin_list("links");
  for (const auto& [from, state] : db.all()) {
    if (self && !db.reaches(*self, from)) continue;
    for (const Adjacency& link : state.links) {
      if (!db.graph().link_cost(from, link.id)) continue;  // one end alone reports it
      line.begin();
      line.add("from", to_string(from)).add("to", to_string(link.id)).add("cost", std::uint64_t{link.cost});
      add_rtt(line, link.facts.rtt_us > 0 ? std::optional(link.facts.rtt_us / 1e3) : std::nullopt);
      line.add("loss", static_cast<double>(link.facts.loss) / kLossMax);
      line.add("could_carry_kbps", std::uint64_t{link.facts.could_carry_kbps});
      add_carries(line, link.facts);
      line.end();
    }
  }
  line.end_list();
}

void add_nodes(JsonLine& line, const Overlay& overlay, const NodeNames& names) {
  const auto self = overlay.self();
  const LinkStateDb& db = overlay.link_states();
  line.begin_list("nodes");
  for (const auto& [id, state] : db.all()) {
    if (self && !db.reaches(*self, id)) continue;
    line.begin();
    const std::string as_text = to_string(id);
    std::string name = overlay.name_of(id);
    if (const auto said = names.find(as_text); name.empty())
      name = said == names.end() ? as_text : said->second;
    line.add("id", as_text).add("name", name);
    line.add("role", state.kind == PeerKind::Client ? "client" : "node");
    line.begin_list("streams");
    for (const StreamInfo& stream : state.streams) line.item(stream.name);
    line.end_list();
    line.end();
  }
  line.end_list();
}

}  // namespace

std::string to_string(StreamId id) { return fmt::format("{:010x}", id.value); }

std::vector<Route> own_routes(Overlay& overlay) {
  std::vector<Route> routes;
  const auto self = overlay.self();
  if (!self) return routes;
  for (const StreamInfo& info : overlay.origin().streams()) {
    if (info.on_request) continue;
    Route route{info.id, info.name, *self, overlay.origin().tree(info.id), {}};
    for (const PathTree::Entry& entry : route.tree.entries)
      route.viewers.push_back(overlay.origin().viewers_at(info.id, entry.node));
    routes.push_back(std::move(route));
  }
  return routes;
}

void add_tree(JsonLine& line, const Route& route) {
  line.begin_list("tree");
  std::vector<std::size_t> above;
  for (std::size_t i = 0; i < route.tree.entries.size(); ++i) {
    const PathTree::Entry& entry = route.tree.entries[i];
    while (!above.empty() && i >= above.back() + route.tree.entries[above.back()].subtree_size)
      above.pop_back();
    line.begin();
    line.add("node", to_string(entry.node));
    line.add("parent", above.empty() ? std::int64_t{-1} : static_cast<std::int64_t>(above.back()));
    line.add("viewers", std::uint64_t{route.viewers[i]});
    line.end();
    above.push_back(i);
  }
  line.end_list();
}

std::string routes_json(const std::vector<Route>& routes) {
  JsonLine line;
  line.begin_list("routes");
  for (const Route& route : routes) {
    line.begin();
    line.add("stream", route.stream).add("id", to_string(route.id));
    add_tree(line, route);
    line.end();
  }
  line.end_list();
  return line.finish();
}

std::vector<Route> read_routes(const std::string& json, const NodeId& origin) {
  std::vector<Route> routes;
  const auto document = parse(json);
  if (!document) return routes;
  for_each(*document, "routes", kStateStreamsMax, [&](const Value& item) {
    Route route;
    const std::string id = text(item, "id");
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), route.id.value, 16);
    if (error != std::errc() || end != id.data() + id.size()) return;
    route.stream = text(item, "stream");
    route.origin = origin;
    route.tree = read_tree(item, origin, route.viewers);
    if (!route.tree.empty()) routes.push_back(std::move(route));
  });
  return routes;
}

void add_viewer(JsonLine& line, const ViewerFigures& viewer) {
  line.add("who", viewer.who);
  line.add("frames_received", viewer.frames_received).add("frames_lost", viewer.frames_lost);
  line.add("frames_skipped", viewer.frames_skipped).add("frames_duplicate", viewer.frames_duplicate);
  line.add("gap_ms_max", viewer.gap_ms_max);
  if (!viewer.latency_ms) {
    line.add_null("latency_ms");
    return;
  }
  line.begin("latency_ms");
  line.add("p50", viewer.latency_ms->p50)
      .add("p99", viewer.latency_ms->p99)
      .add("max", viewer.latency_ms->max);
  line.end();
}

std::string viewers_json(const std::vector<ViewerFigures>& viewers, const std::vector<GuestShown>& guests) {
  JsonLine line;
  line.begin_list("viewers");
  for (const ViewerFigures& viewer : viewers) {
    line.begin();
    line.add("stream", viewer.stream);
    add_viewer(line, viewer);
    line.end();
  }
  line.end_list();
  line.begin_list("guests");
  for (const GuestShown& guest : guests) {
    line.begin();
    line.add("id", guest.id);
    add_rtt(line, guest.rtt_ms);
    line.end();
  }
  line.end_list();
  return line.finish();
}

std::vector<GuestShown> read_guests(const std::string& json) {
  std::vector<GuestShown> guests;
  const auto document = parse(json);
  if (!document) return guests;
  for_each(*document, "guests", kGuestsShownMax, [&](const Value& item) {
    GuestShown guest{text(item, "id"), rtt_in(item)};
    if (parse_node_id(guest.id)) guests.push_back(std::move(guest));
  });
  return guests;
}

std::vector<ViewerFigures> read_viewers(const std::string& json) {
  std::vector<ViewerFigures> viewers;
  const auto document = parse(json);
  if (!document) return viewers;
  for_each(*document, "viewers", kViewersShownMax, [&](const Value& item) {
    ViewerFigures viewer;
    viewer.stream = text(item, "stream");
    if (viewer.stream.empty()) return;
    viewer.who = text(item, "who");
    viewer.frames_received = whole(item, "frames_received");
    viewer.frames_lost = whole(item, "frames_lost");
    viewer.frames_skipped = whole(item, "frames_skipped");
    viewer.frames_duplicate = whole(item, "frames_duplicate");
    viewer.gap_ms_max = number(item, "gap_ms_max");
    const Value* latency = member(item, "latency_ms");
    if (latency != nullptr && latency->IsObject())
      viewer.latency_ms = {number(*latency, "p50"), number(*latency, "p99"), number(*latency, "max")};
    viewers.push_back(std::move(viewer));
  });
  return viewers;
}

std::string overlay_json(const Overlay& overlay, const std::optional<NodeId>& self, const NodeNames& names) {
  JsonLine line;
  line.add("self", self ? to_string(*self) : "").add("name", overlay.overlay_name());
  add_nodes(line, overlay, names);
  add_links(line, overlay);
  return line.finish();
}

bool is_overlay_json(const std::string& json) {
  const auto document = parse(json);
  if (!document) return false;
  const Value* nodes = member(*document, "nodes");
  const Value* links = member(*document, "links");
  return nodes != nullptr && nodes->IsArray() && links != nullptr && links->IsArray();
}

OverlayShown read_overlay(const std::string& json) {
  OverlayShown shown;
  const auto document = parse(json);
  if (!document) return shown;
  for_each(*document, "nodes", kTreeEntriesMax, [&shown](const Value& node) {
    shown.nodes.push_back({text(node, "id"), text(node, "name")});
  });
  for_each(*document, "links", kLinksShownMax, [&shown](const Value& link) {
    shown.links.push_back({text(link, "from"), text(link, "to"), rtt_in(link), number(link, "loss"),
                           whole(link, "could_carry_kbps")});
  });
  return shown;
}

void add_stream(JsonLine& line, const KnownStream& stream, const StreamFigures& figures) {
  const StreamInfo& info = stream.info;
  line.add("id", to_string(info.id)).add("name", info.name).add("origin", to_string(stream.origin));
  line.add("source", info.kind)
      .add("media", to_string(info.format.media))
      .add("encoding", info.format.encoding);
  line.add("width", std::uint64_t{info.width}).add("height", std::uint64_t{info.height});
  line.add("fps", info.fps_milli / 1e3)
      .add("state", to_string(info.state))
      .add("on_request", info.on_request);
  line.add("metric", to_string(info.metric)).add("viewers", std::uint64_t{figures.viewers});
  line.add("bits_per_second", figures.bits_per_second);
}

}  // namespace ott
