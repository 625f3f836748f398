#include "ott/topology.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/json.h"
#include "ott/bytes.h"

namespace ott {
namespace {

using JsonValue = rapidjson::Value;

constexpr std::size_t kShownMax = 80;
constexpr std::size_t kNameLengthMax = 255;
constexpr std::size_t kIdLengthMax = 60;  // "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535" has 53

std::string_view text_of(const JsonValue& string) { return {string.GetString(), string.GetStringLength()}; }

/// A text from the file as a message may show it: on one line, and with a bounded length.
std::string shown(std::string_view text) {
  std::string safe(text.substr(0, kShownMax));
  for (char& c : safe) {
    if (has_control_character({&c, 1})) c = '?';
  }
  return text.size() > kShownMax ? safe + "..." : safe;
}

/// A place in the file (RFC 6901).
std::string pointer(const std::string& parent, std::string_view member) {
  std::string path = parent + '/';
  for (const char c : shown(member)) {
    if (c == '~') {
      path += "~0";
    } else if (c == '/') {
      path += "~1";
    } else {
      path += c;
    }
  }
  return path;
}

std::string_view type_name(const JsonValue& value) {
  switch (value.GetType()) {
    case rapidjson::kNullType:
      return "null";
    case rapidjson::kFalseType:
      return "false";
    case rapidjson::kTrueType:
      return "true";
    case rapidjson::kObjectType:
      return "an object";
    case rapidjson::kArrayType:
      return "an array";
    case rapidjson::kStringType:
      return "a string";
    case rapidjson::kNumberType:
      return "a number";
  }
  return "something else";
}

/// False for the unspecified address (v4: all of 0/8), and for multicast and broadcast ones.
bool names_one_host(const IpAddress& address) {
  const std::uint8_t first = address.is_v4() ? address.bytes[12] : address.bytes[0];
  return !address.is_unspecified() && (address.is_v4() ? first > 0 && first < 224 : first != 0xFF);
}

/// A neighbour as one end lists it. Without a cost of its own, the other end's counts, or else 1.
struct Listing {
  NodeId id;
  std::optional<std::uint32_t> cost;
};

struct ListedNode {
  NodeId id;
  std::string name;
  std::vector<Listing> neighbours;  // ordered by id
  std::string place;                // its JSON pointer
};

class TopologyReader {
 public:
  explicit TopologyReader(std::string_view file_name) : file_(file_name) {}

  Result<Topology> read(std::string_view json) {
    rapidjson::Document document;
    constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
    document.Parse<kFlags>(json.data(), json.size());
    if (document.HasParseError()) {
      return syntax_error(json, document.GetErrorOffset(), GetParseError_En(document.GetParseError()));
    }
    // The parser takes a zero byte for the end of its input.
    if (const auto zero = json.find('\0'); zero != std::string_view::npos) {
      return syntax_error(json, zero, "A zero byte, where JSON is text.");
    }
    if (const auto ok = read_nodes(document); !ok) return tl::unexpected(ok.error());
    if (const auto ok = check_neighbours_exist(); !ok) return tl::unexpected(ok.error());
    return complete();
  }

 private:
  [[nodiscard]] tl::unexpected<Error> syntax_error(std::string_view json, std::size_t offset,
                                                   std::string_view what) const {
    const std::string_view before = json.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return fail(file_ + ":" + std::to_string(line) + ":" + std::to_string(offset - line_begin + 1) +
                ": not JSON: " + std::string(what));
  }

  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& place, const std::string& what) const {
    return fail(file_ + ": at " + (place.empty() ? "the top" : place) + ": " + what);
  }

  Result<void> read_nodes(const JsonValue& root) {
    if (!root.IsObject()) {
      return wrong(
          "", "a topology is an object with a member for each node, not " + std::string(type_name(root)));
    }
    if (root.MemberCount() == 0) return wrong("", "the topology has no nodes");
    for (const auto& member : root.GetObject()) {
      const std::string place = pointer("", text_of(member.name));
      const auto id = read_id(member.name, place);
      if (!id) return tl::unexpected(id.error());
      if (const auto [first, is_new] = index_of_.try_emplace(*id, nodes_.size()); !is_new) {
        return wrong(place,
                     "node " + to_string(*id) + " is there already, as " + nodes_[first->second].place);
      }
      nodes_.push_back({*id, {}, {}, place});
      if (const auto ok = read_node(member.value, nodes_.back()); !ok) return ok;
    }
    return {};
  }

  [[nodiscard]] Result<NodeId> read_id(const JsonValue& value, const std::string& place) const {
    const std::string_view text = text_of(value);
    if (has_control_character(text) || text.size() > kIdLengthMax) {
      return wrong(place, "'" + shown(text) + "' is not an address");
    }
    const auto id = parse_node_id(text);
    if (!id) return wrong(place, id.error().message);
    if (!names_one_host(id->address)) return wrong(place, "no node can listen on '" + shown(text) + "'");
    return *id;
  }

  Result<void> read_node(const JsonValue& value, ListedNode& node) const {
    if (!value.IsObject()) {
      return wrong(node.place,
                   R"(a node is an object like {"neighbors": [...]}, not )" + std::string(type_name(value)));
    }
    bool has_name = false;
    bool has_neighbours = false;  // may be missing: others may list the node
    for (const auto& member : value.GetObject()) {
      const std::string_view key = text_of(member.name);
      const std::string place = pointer(node.place, key);
      Result<void> ok;
      if (key == "name") {
        ok = std::exchange(has_name, true) ? twice(place) : read_name(member.value, place, node);
      } else if (key == "neighbors") {
        ok = std::exchange(has_neighbours, true) ? twice(place) : read_neighbours(member.value, place, node);
      } else {
        ok = wrong(place, key == "neighbours"
                              ? R"(the file format spells it "neighbors")"
                              : R"(unknown member; a node has "neighbors" and, if you like, "name")");
      }
      if (!ok) return ok;
    }
    return {};
  }

  [[nodiscard]] Result<void> twice(const std::string& place) const {
    return wrong(place, "the key is there twice");
  }

  Result<void> read_name(const JsonValue& value, const std::string& place, ListedNode& node) const {
    if (!value.IsString()) {
      return wrong(place, "a name is a string, not " + std::string(type_name(value)));
    }
    if (has_control_character(text_of(value))) return wrong(place, "a name has no control characters");
    if (text_of(value).size() > kNameLengthMax) {
      return wrong(place, "a name has at most " + std::to_string(kNameLengthMax) + " bytes");
    }
    node.name = text_of(value);
    return {};
  }

  Result<void> read_neighbours(const JsonValue& value, const std::string& place, ListedNode& node) const {
    if (!value.IsArray()) {
      return wrong(place, "neighbors are an array, not " + std::string(type_name(value)));
    }
    std::unordered_map<NodeId, rapidjson::SizeType> seen_at;
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
      const std::string entry_place = place + "/" + std::to_string(i);
      const auto listing = read_listing(value[i], entry_place);
      if (!listing) return tl::unexpected(listing.error());
      if (listing->id == node.id) return wrong(entry_place, "the node is its own neighbour");
      if (const auto [first, is_new] = seen_at.try_emplace(listing->id, i); !is_new) {
        return wrong(entry_place, to_string(listing->id) + " is listed already, at " + place + "/" +
                                      std::to_string(first->second));
      }
      node.neighbours.push_back(*listing);
    }
    return {};
  }

  [[nodiscard]] Result<Listing> read_listing(const JsonValue& value, const std::string& place) const {
    if (value.IsObject()) return read_listing_object(value, place);
    if (!value.IsString()) {
      return wrong(place, R"(a neighbour is an address or {"id": ..., "cost": ...}, not )" +
                              std::string(type_name(value)));
    }
    return read_id(value, place).map([](const NodeId& id) { return Listing{id, std::nullopt}; });
  }

  [[nodiscard]] Result<Listing> read_listing_object(const JsonValue& value, const std::string& place) const {
    Listing listing;
    bool has_id = false;
    for (const auto& member : value.GetObject()) {
      const std::string_view key = text_of(member.name);
      const std::string member_place = pointer(place, key);
      if (key == "id") {
        if (std::exchange(has_id, true)) return tl::unexpected(twice(member_place).error());
        if (!member.value.IsString()) {
          return wrong(member_place, "an id is a string, not " + std::string(type_name(member.value)));
        }
        const auto id = read_id(member.value, member_place);
        if (!id) return tl::unexpected(id.error());
        listing.id = *id;
      } else if (key == "cost") {
        if (listing.cost) return tl::unexpected(twice(member_place).error());
        const auto cost = read_cost(member.value, member_place);
        if (!cost) return tl::unexpected(cost.error());
        listing.cost = *cost;
      } else {
        return wrong(member_place, R"(unknown member; a neighbour has "id" and, if you like, "cost")");
      }
    }
    if (!has_id) return wrong(place, R"(the neighbour's "id" is missing)");
    return listing;
  }

  [[nodiscard]] Result<std::uint32_t> read_cost(const JsonValue& value, const std::string& place) const {
    if (value.IsUint() && value.GetUint() >= 1 && value.GetUint() <= kLinkCostMax) return value.GetUint();
    return wrong(place, "a cost is an integer from 1 to " + std::to_string(kLinkCostMax));
  }

  [[nodiscard]] Result<void> check_neighbours_exist() const {
    for (const ListedNode& node : nodes_) {
      for (std::size_t i = 0; i < node.neighbours.size(); ++i) {
        const NodeId& id = node.neighbours[i].id;
        if (index_of_.contains(id)) continue;
        return wrong(
            node.place + "/neighbors/" + std::to_string(i),
            "neighbour " + to_string(id) + " of " + to_string(node.id) + " is not a node of the topology");
      }
    }
    return {};
  }

  /// Makes both ends of each link know it.
  Topology complete() {
    const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
    std::sort(nodes_.begin(), nodes_.end(), by_id);
    Topology topology;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      index_of_[nodes_[i].id] = i;
      std::sort(nodes_[i].neighbours.begin(), nodes_[i].neighbours.end(), by_id);
      topology.nodes.push_back({nodes_[i].id, std::move(nodes_[i].name), {}});
    }
    for (const ListedNode& node : nodes_) {
      for (const Listing& listing : node.neighbours) add_link(topology, node, listing);
    }
    for (Topology::Node& node : topology.nodes) {
      std::sort(node.neighbours.begin(), node.neighbours.end(), by_id);
    }
    return topology;
  }

  void add_link(Topology& topology, const ListedNode& node, const Listing& listing) {
    const ListedNode& other = nodes_[index_of_[listing.id]];
    const auto back = std::lower_bound(other.neighbours.begin(), other.neighbours.end(), node.id,
                                       [](const Listing& a, const NodeId& id) { return a.id < id; });
    const bool mutual = back != other.neighbours.end() && back->id == node.id;
    if (mutual && other.id < node.id) return;  // was added from the other end
    std::optional<std::uint32_t> cost = listing.cost;
    const std::string ends[] = {to_string(node.id), to_string(other.id)};
    if (!mutual) {
      topology.warnings.push_back(file_ + ": " + ends[0] + " lists " + ends[1] + " as a neighbour, but " +
                                  ends[1] + " does not list " + ends[0] + "; they are linked both ways");
    } else if (cost && back->cost && cost != back->cost) {
      topology.warnings.push_back(file_ + ": the link between " + ends[0] + " and " + ends[1] + " costs " +
                                  std::to_string(*cost) + " at " + ends[0] + " and " +
                                  std::to_string(*back->cost) + " at " + ends[1] + "; it counts as " +
                                  std::to_string(std::max(*cost, *back->cost)));
    }
    if (mutual) cost = std::max(cost, back->cost);  // a cost that is given counts, not the default
    topology.nodes[index_of_[node.id]].neighbours.push_back({other.id, cost.value_or(1)});
    topology.nodes[index_of_[other.id]].neighbours.push_back({node.id, cost.value_or(1)});
  }

  std::string file_;
  std::vector<ListedNode> nodes_;  // in the file's order
  std::unordered_map<NodeId, std::size_t> index_of_;
};

}  // namespace

const Topology::Node* Topology::find(const NodeId& id) const {
  const auto place =
      std::lower_bound(nodes.begin(), nodes.end(), id,
                       [](const Node& node, const NodeId& wanted) { return node.id < wanted; });
  return place != nodes.end() && place->id == id ? &*place : nullptr;
}

Result<Topology> parse_topology(std::string_view json, std::string_view file_name) {
  return TopologyReader(file_name).read(json);
}

}  // namespace ott
