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
/// Behind an error that says that the file has some other form.
constexpr std::string_view kForm =
    R"(; a topology looks like {"10.0.0.1": {"neighbors": ["10.0.0.2"]}, "10.0.0.2": {}}, and )"
    "`tools/topology convert` reads other forms";

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
  std::string named;  // by an address, or by a node's name
  std::string place;  // its JSON pointer
  std::optional<std::uint32_t> cost;
  NodeId id;  // known when all nodes are read, as is `at`
  NodeId at;
};

struct ListedNode {
  NodeId id;
  std::string name;
  std::vector<NodeId> addresses;
  std::vector<Listing> neighbours;  // ordered by id once they are known
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
    if (const auto ok = find_neighbours(); !ok) return tl::unexpected(ok.error());
    return complete();
  }

 private:
  [[nodiscard]] tl::unexpected<Error> syntax_error(std::string_view json, std::size_t offset,
                                                   std::string_view what) const {
    const std::string_view before = json.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    if (!what.empty() && what.back() == '.') what.remove_suffix(1);
    // What begins no object and no array is another form, such as lines `A:B,C`, and no slip in this one.
    const std::size_t first = json.find_first_not_of(" \t\r\n");
    const bool other_form = first == std::string_view::npos || (json[first] != '{' && json[first] != '[');
    return fail(file_ + ":" + std::to_string(line) + ":" + std::to_string(offset - line_begin + 1) +
                ": not JSON: " + std::string(what) + std::string(other_form ? kForm : ""));
  }

  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& place, const std::string& what) const {
    return fail(file_ + ": at " + (place.empty() ? "the top" : place) + ": " + what);
  }

  [[nodiscard]] tl::unexpected<Error> wrong_form(const std::string& place, const std::string& what) const {
    return wrong(place, what + std::string(kForm));
  }

  Result<void> read_nodes(const JsonValue& root) {
    if (!root.IsObject()) {
      return wrong_form(
          "", "a topology is an object with a member for each node, not " + std::string(type_name(root)));
    }
    if (root.MemberCount() == 0) return wrong("", "the topology has no nodes");
    for (const auto& member : root.GetObject()) {
      const std::string place = pointer("", text_of(member.name));
      const auto id = read_address(text_of(member.name), kDefaultPort);
      if (!id) return wrong_form(place, id.error().message);
      nodes_.push_back({*id, {}, {}, {}, place});
      if (const auto ok = take_address(*id, place); !ok) return ok;
      if (const auto ok = read_node(member.value, nodes_.back()); !ok) return ok;
    }
    return {};
  }

  /// The error is what is wrong, without the place.
  [[nodiscard]] static Result<NodeId> read_address(std::string_view text, std::uint16_t port) {
    if (has_control_character(text) || text.size() > kIdLengthMax) {
      return fail("'" + shown(text) + "' is not an address");
    }
    if (const auto address = parse_ip(text)) {
      if (!names_one_host(*address)) return fail("no node can listen on '" + shown(text) + "'");
      return NodeId{*address, port};
    }
    auto id = parse_node_id(text);
    if (id && !names_one_host(id->address)) return fail("no node can listen on '" + shown(text) + "'");
    return id;
  }

  /// The address is the last node's, and no other's.
  Result<void> take_address(const NodeId& address, const std::string& place) {
    const auto [first, is_new] = index_of_.try_emplace(address, nodes_.size() - 1);
    if (is_new) return {};
    return wrong(place,
                 "node " + to_string(address) + " is there already, as " + nodes_[first->second].place);
  }

  Result<void> read_node(const JsonValue& value, ListedNode& node) {
    if (!value.IsObject()) {
      return wrong_form(node.place, R"(a node is an object like {"neighbors": [...]}, not )" +
                                        std::string(type_name(value)));
    }
    bool has_name = false;
    bool has_addresses = false;
    bool has_neighbours = false;  // may be missing: others may list the node
    for (const auto& member : value.GetObject()) {
      const std::string_view key = text_of(member.name);
      const std::string place = pointer(node.place, key);
      Result<void> ok;
      if (key == "name") {
        ok = std::exchange(has_name, true) ? twice(place) : read_name(member.value, place, node);
      } else if (key == "addresses") {
        ok = std::exchange(has_addresses, true) ? twice(place) : read_addresses(member.value, place, node);
      } else if (key == "neighbors") {
        ok = std::exchange(has_neighbours, true) ? twice(place) : read_neighbours(member.value, place, node);
      } else if (key == "neighbours") {
        ok = wrong(place, R"(the file format spells it "neighbors")");
      } else {
        ok = wrong_form(place,
                        R"(unknown member; a node has "neighbors" and, if you like, "name" and "addresses")");
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

  Result<void> read_addresses(const JsonValue& value, const std::string& place, ListedNode& node) {
    if (!value.IsArray()) {
      return wrong(place, "addresses are an array, not " + std::string(type_name(value)));
    }
    if (value.Size() > kAddressesMax) {
      return wrong(place, "a node has at most " + std::to_string(kAddressesMax) + " further addresses");
    }
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
      const std::string entry_place = place + "/" + std::to_string(i);
      if (!value[i].IsString()) {
        return wrong(entry_place, "an address is a string, not " + std::string(type_name(value[i])));
      }
      const auto address = read_address(text_of(value[i]), node.id.port);
      if (!address) return wrong(entry_place, address.error().message);
      if (const auto ok = take_address(*address, entry_place); !ok) return ok;
      node.addresses.push_back(*address);
    }
    return {};
  }

  Result<void> read_neighbours(const JsonValue& value, const std::string& place, ListedNode& node) const {
    if (!value.IsArray()) {
      return wrong(place, "neighbors are an array, not " + std::string(type_name(value)));
    }
    for (rapidjson::SizeType i = 0; i < value.Size(); ++i) {
      auto listing = read_listing(value[i], place + "/" + std::to_string(i));
      if (!listing) return tl::unexpected(listing.error());
      node.neighbours.push_back(std::move(*listing));
    }
    return {};
  }

  [[nodiscard]] Result<Listing> read_listing(const JsonValue& value, const std::string& place) const {
    if (value.IsObject()) return read_listing_object(value, place);
    if (!value.IsString()) {
      return wrong(place, R"(a neighbour is an address or {"id": ..., "cost": ...}, not )" +
                              std::string(type_name(value)));
    }
    return Listing{std::string(text_of(value)), place, std::nullopt, {}, {}};
  }

  [[nodiscard]] Result<Listing> read_listing_object(const JsonValue& value, const std::string& place) const {
    Listing listing;
    listing.place = place;
    bool has_id = false;
    for (const auto& member : value.GetObject()) {
      const std::string_view key = text_of(member.name);
      const std::string member_place = pointer(place, key);
      if (key == "id") {
        if (std::exchange(has_id, true)) return tl::unexpected(twice(member_place).error());
        if (!member.value.IsString()) {
          return wrong(member_place, "an id is a string, not " + std::string(type_name(member.value)));
        }
        listing.named = text_of(member.value);
        listing.place = member_place;
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

  /// Which node each listing names.
  Result<void> find_neighbours() {
    std::unordered_map<std::string_view, std::vector<std::size_t>> with_name;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].name.empty()) with_name[nodes_[i].name].push_back(i);
    }
    for (ListedNode& node : nodes_) {
      std::unordered_map<NodeId, std::string_view> seen_at;
      for (Listing& listing : node.neighbours) {
        const auto address = read_address(listing.named, kDefaultPort);
        const auto named = with_name.find(listing.named);
        if (address && index_of_.contains(*address)) {
          listing.id = nodes_[index_of_[*address]].id;
          listing.at = *address;
        } else if (named == with_name.end()) {
          return no_node(node, listing, address);
        } else if (named->second.size() > 1) {
          return wrong(listing.place, "'" + shown(listing.named) + "' is the name of " +
                                          to_string(nodes_[named->second[0]].id) + " and of " +
                                          to_string(nodes_[named->second[1]].id) + "; write the address");
        } else {
          listing.id = listing.at = nodes_[named->second.front()].id;
        }
        if (listing.id == node.id) return wrong(listing.place, "the node is its own neighbour");
        if (const auto [first, is_new] = seen_at.try_emplace(listing.id, listing.place); !is_new) {
          return wrong(listing.place,
                       to_string(listing.id) + " is listed already, at " + std::string(first->second));
        }
      }
    }
    return {};
  }

  /// The listing names no node.
  [[nodiscard]] tl::unexpected<Error> no_node(const ListedNode& node, const Listing& listing,
                                              const Result<NodeId>& address) const {
    if (!address) return wrong(listing.place, address.error().message + ", and no node has this name");
    const std::string text = to_string(*address);
    std::string what = "neighbour " + text + " of " + to_string(node.id) + " is not a node of the topology";
    // A router has several addresses, and a neighbour is often named by the one that faces it.
    const auto names = [](const ListedNode& from, const ListedNode& to) {
      return std::ranges::any_of(from.neighbours, [&to](const Listing& neighbour) {
        const auto named = read_address(neighbour.named, kDefaultPort);
        return named && (*named == to.id || std::ranges::count(to.addresses, *named) > 0);
      });
    };
    const auto other = std::ranges::find_if(
        nodes_, [&](const ListedNode& one) { return names(one, node) && !names(node, one); });
    const std::string whose = other == nodes_.end() ? "a node that is there" : to_string(other->id);
    const std::string key = other == nodes_.end() ? "ITS KEY" : to_string(other->id);
    what += "; if it is another address of " + whose + ", write \"" + key + "\": {\"addresses\": [\"" + text +
            "\"], ...}";
    return wrong(listing.place, what);
  }

  /// Makes both ends of each link know it.
  Topology complete() {
    const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
    std::sort(nodes_.begin(), nodes_.end(), by_id);
    Topology topology;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      index_of_[nodes_[i].id] = i;
      std::sort(nodes_[i].neighbours.begin(), nodes_[i].neighbours.end(), by_id);
      topology.addresses.emplace_back(nodes_[i].id, i);
      for (const NodeId& address : nodes_[i].addresses) topology.addresses.emplace_back(address, i);
      topology.nodes.push_back({nodes_[i].id, std::move(nodes_[i].name), {}, std::move(nodes_[i].addresses)});
    }
    std::sort(topology.addresses.begin(), topology.addresses.end());
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
    const NodeId back_at = mutual ? back->at : node.id;
    topology.nodes[index_of_[node.id]].neighbours.push_back({other.id, cost.value_or(1), listing.at});
    topology.nodes[index_of_[other.id]].neighbours.push_back({node.id, cost.value_or(1), back_at});
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

std::vector<const Topology::Node*> Topology::with_address(const NodeId& address) const {
  std::vector<std::size_t> places;
  auto found = std::ranges::lower_bound(addresses, std::pair<NodeId, std::size_t>{address, 0});
  for (; found != addresses.end() && found->first.address == address.address; ++found) {
    if (address.port == 0 || found->first.port == address.port) places.push_back(found->second);
  }
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  std::vector<const Node*> all;
  for (const std::size_t place : places) all.push_back(&nodes[place]);
  return all;
}

Result<Topology> parse_topology(std::string_view json, std::string_view file_name) {
  return TopologyReader(file_name).read(json);
}

}  // namespace ott
