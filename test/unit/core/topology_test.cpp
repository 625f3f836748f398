#include "ott/topology.h"

#include <catch2/catch.hpp>

#include "nodes.h"

namespace ott {
namespace {

using test::node;

Topology parse(std::string_view json) {
  auto topology = parse_topology(json, "t.json");
  if (!topology) FAIL(topology.error().message);
  return *topology;
}

std::string error_of(std::string_view json) {
  const auto topology = parse_topology(json, "t.json");
  return topology ? "none" : topology.error().message;
}

/// "10.0.0.2 at 3" for each neighbour.
std::vector<std::string> neighbours(const Topology& topology, std::string_view id) {
  std::vector<std::string> list;
  for (const Topology::Neighbour& neighbour : topology.find(node(id))->neighbours) {
    list.push_back(to_string(neighbour.id) + " at " + std::to_string(neighbour.cost));
  }
  return list;
}

using Lines = std::vector<std::string>;

/// Behind an error that says that the file has some other form.
const std::string kForm =
    R"(; a topology looks like {"10.0.0.1": {"neighbors": ["10.0.0.2"]}, "10.0.0.2": {}}, and )"
    "`tools/topology convert` reads other forms";

TEST_CASE("the classic form loads, ordered by NodeId") {
  const Topology topology = parse(R"({
    "10.0.0.10": { "neighbors": ["10.0.0.1"] },
    "10.0.0.1":  { "neighbors": ["10.0.2.2", "10.0.0.10", "10.0.1.2"] },
    "10.0.2.2":  { "neighbors": ["10.0.0.1"] },
    "10.0.1.2":  { "neighbors": ["10.0.0.1"] }
  })");
  CHECK(topology.warnings.empty());
  std::vector<NodeId> ids;
  for (const auto& member : topology.nodes) ids.push_back(member.id);
  CHECK(test::text(ids) == "[10.0.0.1, 10.0.0.10, 10.0.1.2, 10.0.2.2]");
  CHECK(neighbours(topology, "10.0.0.1") == Lines{"10.0.0.10 at 1", "10.0.1.2 at 1", "10.0.2.2 at 1"});
  CHECK(neighbours(topology, "10.0.2.2") == Lines{"10.0.0.1 at 1"});
  CHECK(topology.find(node("10.0.0.10"))->name.empty());
  CHECK(topology.find(node("10.0.0.10:7001")) == nullptr);
}

TEST_CASE("names, costs, ports and both address families are read") {
  const Topology topology = parse(R"({
    "10.0.0.1:7001": { "name": "server \"one\" é", "neighbors": [{ "id": "2001:db8::1", "cost": 3 }] },
    "2001:db8::1": { "neighbors": [{ "cost": 3, "id": "10.0.0.1:7001" }, { "id": "[2001:db8::1]:7001" }] },
    "[2001:db8::1]:7001": { "neighbors": ["2001:DB8::1"] }
  })");
  CHECK(topology.warnings.empty());
  CHECK(topology.find(node("10.0.0.1:7001"))->name == "server \"one\" \u00e9");
  CHECK(neighbours(topology, "2001:db8::1") == Lines{"10.0.0.1:7001 at 3", "[2001:db8::1]:7001 at 1"});
}

TEST_CASE("a node may have no neighbours, and one node is a topology") {
  CHECK(parse(R"({"10.0.0.1": {"neighbors": []}})").nodes.size() == 1);
  CHECK(parse(R"({"10.0.0.1": {}})").nodes.size() == 1);
}

TEST_CASE("a link that one end alone lists holds both ways, with a warning that names both") {
  const Topology topology = parse(R"({
    "10.0.0.1": { "neighbors": [] },
    "10.0.0.2": { "neighbors": [{ "id": "10.0.0.1", "cost": 5 }] }
  })");
  CHECK(neighbours(topology, "10.0.0.1") == Lines{"10.0.0.2 at 5"});
  CHECK(neighbours(topology, "10.0.0.2") == Lines{"10.0.0.1 at 5"});
  CHECK(topology.warnings == Lines{"t.json: 10.0.0.2 lists 10.0.0.1 as a neighbour, but 10.0.0.1 does not "
                                   "list 10.0.0.2; they are linked both ways"});
}

TEST_CASE("where the ends give different costs the higher counts, with a warning") {
  const Topology topology = parse(R"({
    "10.0.0.1": { "neighbors": [{ "id": "10.0.0.2", "cost": 7 }] },
    "10.0.0.2": { "neighbors": [{ "id": "10.0.0.1", "cost": 4 }] }
  })");
  CHECK(neighbours(topology, "10.0.0.1") == Lines{"10.0.0.2 at 7"});
  CHECK(neighbours(topology, "10.0.0.2") == Lines{"10.0.0.1 at 7"});
  CHECK(topology.warnings == Lines{"t.json: the link between 10.0.0.1 and 10.0.0.2 costs 7 at 10.0.0.1 and 4 "
                                   "at 10.0.0.2; it counts as 7"});
}

TEST_CASE("a cost that one end alone gives is the link's cost") {
  for (const std::string_view json : {R"({"10.0.0.1": { "neighbors": [{ "id": "10.0.0.2", "cost": 7 }] },
                                          "10.0.0.2": { "neighbors": ["10.0.0.1"] }})",
                                      R"({"10.0.0.1": { "neighbors": [{ "id": "10.0.0.2" }] },
                                          "10.0.0.2": { "neighbors": [{ "id": "10.0.0.1", "cost": 7 }] }})"}) {
    const Topology topology = parse(json);
    CHECK(topology.warnings.empty());
    CHECK(neighbours(topology, "10.0.0.1") == Lines{"10.0.0.2 at 7"});
    CHECK(neighbours(topology, "10.0.0.2") == Lines{"10.0.0.1 at 7"});
  }
}

TEST_CASE("what is not JSON is an error with file, line and column") {
  const std::string form =
      R"(; a topology looks like {"10.0.0.1": {"neighbors": ["10.0.0.2"]}, "10.0.0.2": {}}, )"
      "and `tools/topology convert` reads other forms";
  CHECK(error_of("") == "t.json:1:1: not JSON: The document is empty" + form);
  // Another form, as public files have it, and not a slip in this one.
  CHECK(error_of("10.0.0.1:10.0.0.2,10.0.0.3\n").ends_with(form));
  CHECK(error_of("\nn1: n2 n3\n").ends_with(form));
  CHECK(error_of(R"({"10.0.0.1": {"neighbors": []})") ==
        "t.json:1:31: not JSON: Missing a comma or '}' after an object member");
  CHECK(error_of("{").starts_with("t.json:1:2: not JSON: "));
  CHECK(error_of("{\n  \"10.0.0.1\": { \"neighbors\": [ }\n}").starts_with("t.json:2:32: not JSON: "));
  CHECK(error_of("{\n}\n\n x").starts_with("t.json:4:2: not JSON: "));
  CHECK(error_of("{ // no comments\n}").starts_with("t.json:1:3: not JSON: "));
  CHECK(error_of(R"({"10.0.0.1": {"neighbors": []},})").starts_with("t.json:1:32: not JSON: "));
  CHECK(error_of("{\"10.0.0.1\": {\"name\": \"\xff\"}}").starts_with("t.json:1:"));
  CHECK(error_of(std::string_view("{\"10.0.0.1\": {}}\n\0{", 19)).starts_with("t.json:2:1: not JSON: "));
}

TEST_CASE("what is no topology is an error with file and JSON pointer") {
  const auto [json, error] = GENERATE(table<std::string, std::string>({
      {"[]", "the top: a topology is an object with a member for each node, not an array" + kForm},
      {"null", "the top: a topology is an object with a member for each node, not null" + kForm},
      {"7", "the top: a topology is an object with a member for each node, not a number" + kForm},
      {"{}", "the top: the topology has no nodes"},
      {R"({"a/b~c": {}})", "/a~1b~0c: 'a/b~c' is not an IPv4 or IPv6 address" + kForm},
      {R"({"": {}})", "/: '' is not an IPv4 or IPv6 address" + kForm},
      {R"({"10.0.0.1:0": {}})", "/10.0.0.1:0: '10.0.0.1:0': '0' is not a port from 1 to 65535" + kForm},
      {R"({"10.0.0.1\u0000": {}})", "/10.0.0.1?: '10.0.0.1?' is not an address" + kForm},
      {R"({"10.0.0.1\n": {}})", "/10.0.0.1?: '10.0.0.1?' is not an address" + kForm},
      {R"({"0.0.0.0": {}})", "/0.0.0.0: no node can listen on '0.0.0.0'" + kForm},
      {R"({"::": {}})", "/::: no node can listen on '::'" + kForm},
      {R"({"239.0.0.1": {}})", "/239.0.0.1: no node can listen on '239.0.0.1'" + kForm},
      {R"({"ff02::1": {}})", "/ff02::1: no node can listen on 'ff02::1'" + kForm},
      {R"({"10.0.0.1": []})",
       R"(/10.0.0.1: a node is an object like {"neighbors": [...]}, not an array)" + kForm},
      {R"({"10.0.0.1": {}, "10.0.0.1": {}})", "/10.0.0.1: node 10.0.0.1 is there already, as /10.0.0.1"},
      {R"({"10.0.0.1": {}, "10.0.0.1:7000": {}})",
       "/10.0.0.1:7000: node 10.0.0.1 is there already, as /10.0.0.1"},
      {R"({"::1": {}, "[0:0::1]:7000": {}})", "/[0:0::1]:7000: node ::1 is there already, as /::1"},
      {R"({"10.0.0.1": {"name": 3}})", "/10.0.0.1/name: a name is a string, not a number"},
      {R"({"10.0.0.1": {"name": "a\nb"}})", "/10.0.0.1/name: a name has no control characters"},
      {R"({"10.0.0.1": {"name": ")" + std::string(256, 'x') + R"("}})",
       "/10.0.0.1/name: a name has at most 255 bytes"},
      {R"({"10.0.0.1": {"name": "a", "name": "a"}})", "/10.0.0.1/name: the key is there twice"},
      {R"({"10.0.0.1": {"neighbors": [], "neighbors": []}})", "/10.0.0.1/neighbors: the key is there twice"},
      {R"({"10.0.0.1": {"neighbours": []}})",
       R"(/10.0.0.1/neighbours: the file format spells it "neighbors")"},
      {R"({"10.0.0.1": {"x/y": []}})",
       R"(/10.0.0.1/x~1y: unknown member; a node has "neighbors" and, if you like, "name" and "addresses")" +
           kForm},
      {R"({"10.0.0.1": {"neighbors": {}}})", "/10.0.0.1/neighbors: neighbors are an array, not an object"},
      {R"({"10.0.0.1": {"neighbors": "10.0.0.1"}})",
       "/10.0.0.1/neighbors: neighbors are an array, not a string"},
      {R"({"10.0.0.1": {"neighbors": [true]}})",
       R"(/10.0.0.1/neighbors/0: a neighbour is an address or {"id": ..., "cost": ...}, not true)"},
      {R"({"10.0.0.1": {"neighbors": ["10.0.0"]}})",
       "/10.0.0.1/neighbors/0: '10.0.0' is not an IPv4 or IPv6 address, and no node has this name"},
      {R"({"10.0.0.1": {"neighbors": ["10.0.0.1:7000"]}})",
       "/10.0.0.1/neighbors/0: the node is its own neighbour"},
      {R"({"10.0.0.1": {"neighbors": ["10.0.0.2"]}})",
       "/10.0.0.1/neighbors/0: neighbour 10.0.0.2 of 10.0.0.1 is not a node of the topology; if it is "
       "another "
       R"(address of a node that is there, write "ITS KEY": {"addresses": ["10.0.0.2"], ...})"},
      {R"({"10.0.0.1": {"neighbors": ["10.0.0.2", "10.0.0.3", {"id": "10.0.0.2:7000"}]},
           "10.0.0.2": {}, "10.0.0.3": {}})",
       "/10.0.0.1/neighbors/2/id: 10.0.0.2 is listed already, at /10.0.0.1/neighbors/0"},
      {R"({"10.0.0.1": {"neighbors": [{}]}})", R"(/10.0.0.1/neighbors/0: the neighbour's "id" is missing)"},
      {R"({"10.0.0.1": {"neighbors": [{"id": 1}]}})",
       "/10.0.0.1/neighbors/0/id: an id is a string, not a number"},
      {R"({"10.0.0.1": {"neighbors": [{"id": "x"}]}})",
       "/10.0.0.1/neighbors/0/id: 'x' is not an IPv4 or IPv6 address, and no node has this name"},
      {R"({"10.0.0.1": {"neighbors": [{"id": "::1", "id": "::2"}]}})",
       "/10.0.0.1/neighbors/0/id: the key is there twice"},
      {R"({"10.0.0.1": {"neighbors": [{"id": "::1", "cost": 1, "cost": 1}]}})",
       "/10.0.0.1/neighbors/0/cost: the key is there twice"},
      {R"({"10.0.0.1": {"neighbors": [{"id": "::1", "weight": 1}]}})",
       R"(/10.0.0.1/neighbors/0/weight: unknown member; a neighbour has "id" and, if you like, "cost")"},
  }));
  CAPTURE(json);
  CHECK(error_of(json) == "t.json: at " + error);
}

TEST_CASE("a cost is an integer from 1 to a million") {
  const auto with_cost = [](const std::string& cost) {
    return R"({"10.0.0.1": {"neighbors": [{"id": "10.0.0.2", "cost": )" + cost +
           R"(}]}, "10.0.0.2": {"neighbors": ["10.0.0.1"]}})";
  };
  CHECK(neighbours(parse(with_cost("1000000")), "10.0.0.2") == Lines{"10.0.0.1 at 1000000"});
  for (const std::string cost :
       {"0", "-1", "1000001", "4294967297", "1.5", "1.0", "1e3", "\"3\"", "null", "[]"}) {
    CAPTURE(cost);
    CHECK(error_of(with_cost(cost)) ==
          "t.json: at /10.0.0.1/neighbors/0/cost: a cost is an integer from 1 to 1000000");
  }
}

TEST_CASE("a message quotes no more of a monstrous key than a reader likes") {
  const std::string error = error_of("{\"" + std::string(1'000'000, 'a') + "\": {}}");
  CHECK(error.size() < 400);
  CHECK(error.ends_with("' is not an address" + kForm));
}

TEST_CASE("nesting a million deep is an error, not an overflow") {
  const std::string open(1'000'000, '[');
  const std::string close(1'000'000, ']');
  CHECK(error_of(open).starts_with("t.json:1:"));
  CHECK(error_of(open + close) ==
        "t.json: at the top: a topology is an object with a member for each node, not an array" + kForm);
  CHECK(
      error_of(R"({"10.0.0.1": {"neighbors": )" + open + close + "}}").starts_with("t.json: at /10.0.0.1/"));
}

/// "10.0.1.1 is 10.0.0.1" for each neighbour: where it is named, and who it is.
Lines named_as(const Topology& topology, std::string_view id) {
  Lines list;
  for (const Topology::Neighbour& neighbour : topology.find(node(id))->neighbours) {
    list.push_back(to_string(neighbour.at) + " is " + to_string(neighbour.id));
  }
  return list;
}

TEST_CASE("a neighbour is named by any address of it, and connected to at that one") {
  const Topology topology = parse(R"({
    "10.0.0.10": { "neighbors": ["10.0.0.1"] },
    "10.0.0.1":  { "name": "r", "addresses": ["10.0.1.1", "2001:db8::1"], "neighbors": ["10.0.0.10", "10.0.1.20"] },
    "10.0.1.20": { "neighbors": ["10.0.1.1"] },
    "2001:db8::30": { "neighbors": [{ "id": "2001:db8::1", "cost": 2 }] }
  })");
  CHECK(topology.warnings.size() == 1);  // 10.0.0.1 does not list 2001:db8::30
  CHECK(named_as(topology, "10.0.1.20") == Lines{"10.0.1.1 is 10.0.0.1"});
  CHECK(named_as(topology, "10.0.0.10") == Lines{"10.0.0.1 is 10.0.0.1"});
  CHECK(named_as(topology, "2001:db8::30") == Lines{"2001:db8::1 is 10.0.0.1"});
  CHECK(named_as(topology, "10.0.0.1") ==
        Lines{"10.0.0.10 is 10.0.0.10", "10.0.1.20 is 10.0.1.20", "2001:db8::30 is 2001:db8::30"});
  CHECK(topology.find(node("10.0.0.1"))->addresses == std::vector{node("10.0.1.1"), node("2001:db8::1")});
  CHECK(topology.find(node("10.0.1.1")) == nullptr);
}

TEST_CASE("a neighbour is named by a name that no other node has") {
  const Topology topology = parse(R"({
    "10.0.0.1": { "name": "server", "neighbors": ["r", "10.0.0.3"] },
    "10.0.0.2": { "name": "r", "neighbors": [{ "id": "server", "cost": 4 }] },
    "10.0.0.3": { "name": "10.0.0.1", "neighbors": ["10.0.0.1"] }
  })");
  CHECK(topology.warnings.empty());
  CHECK(neighbours(topology, "10.0.0.1") == Lines{"10.0.0.2 at 4", "10.0.0.3 at 1"});
  CHECK(neighbours(topology, "10.0.0.3") == Lines{"10.0.0.1 at 1"});  // an address comes before a name
  CHECK(error_of(
            R"({"10.0.0.1": {"name": "r"}, "10.0.0.2": {"name": "r"}, "10.0.0.3": {"neighbors": ["r"]}})") ==
        "t.json: at /10.0.0.3/neighbors/0: 'r' is the name of 10.0.0.1 and of 10.0.0.2; write the address");
}

TEST_CASE("further addresses are addresses of one node, with its port unless they have another") {
  const Topology topology = parse(R"({
    "10.0.0.1:7001": { "addresses": ["10.0.1.1", "10.0.2.1:7002"] },
    "10.0.0.2": { "neighbors": ["10.0.1.1:7001"] },
    "10.0.0.1:7005": {}
  })");
  CHECK(topology.find(node("10.0.0.1:7001"))->addresses ==
        std::vector{node("10.0.1.1:7001"), node("10.0.2.1:7002")});
  const auto ids = [&topology](const NodeId& address) {
    Lines list;
    for (const Topology::Node* found : topology.with_address(address)) list.push_back(to_string(found->id));
    return list;
  };
  CHECK(ids(node("10.0.2.1:7002")) == Lines{"10.0.0.1:7001"});
  CHECK(ids(node("10.0.2.1:7001")).empty());
  CHECK(ids(NodeId{node("10.0.2.1").address, 0}) == Lines{"10.0.0.1:7001"});
  CHECK(ids(NodeId{node("10.0.0.1").address, 0}) == Lines{"10.0.0.1:7001", "10.0.0.1:7005"});

  const auto [json, error] = GENERATE(table<std::string, std::string>({
      {R"({"10.0.0.1": {"addresses": "10.0.1.1"}})",
       "/10.0.0.1/addresses: addresses are an array, not a string"},
      {R"({"10.0.0.1": {"addresses": [1]}})", "/10.0.0.1/addresses/0: an address is a string, not a number"},
      {R"({"10.0.0.1": {"addresses": ["r"]}})", "/10.0.0.1/addresses/0: 'r' is not an IPv4 or IPv6 address"},
      {R"({"10.0.0.1": {"addresses": ["0.0.0.0"]}})",
       "/10.0.0.1/addresses/0: no node can listen on '0.0.0.0'"},
      {R"({"10.0.0.1": {"addresses": ["10.0.0.1"]}})",
       "/10.0.0.1/addresses/0: node 10.0.0.1 is there already, as /10.0.0.1"},
      {R"({"10.0.0.1": {"addresses": ["10.0.0.2"]}, "10.0.0.2": {}})",
       "/10.0.0.2: node 10.0.0.2 is there already, as /10.0.0.1"},
      {R"({"10.0.0.1": {"addresses": [], "addresses": []}})", "/10.0.0.1/addresses: the key is there twice"},
      {R"({"10.0.0.1": {"addresses": ["10.0.1.1"], "neighbors": ["10.0.1.1"]}})",
       "/10.0.0.1/neighbors/0: the node is its own neighbour"},
      {R"({"10.0.0.1": {"addresses": ["10.0.1.1"]}, "10.0.0.2": {"neighbors": ["10.0.1.1", "10.0.0.1"]}})",
       "/10.0.0.2/neighbors/1: 10.0.0.1 is listed already, at /10.0.0.2/neighbors/0"},
  }));
  CAPTURE(json);
  CHECK(error_of(json) == "t.json: at " + error);
}

TEST_CASE("a neighbour that no node is may be another address of a node that lists this one") {
  CHECK(error_of(R"({
    "10.8.0.10": { "name": "s", "neighbors": ["10.8.0.1"] },
    "10.8.0.1":  { "name": "r", "neighbors": ["10.8.0.10", "10.8.1.20"] },
    "10.8.1.20": { "name": "c", "neighbors": ["10.8.1.1"] }
  })") ==
        "t.json: at /10.8.1.20/neighbors/0: neighbour 10.8.1.1 of 10.8.1.20 is not a node of the topology; "
        "if it is "
        R"(another address of 10.8.0.1, write "10.8.0.1": {"addresses": ["10.8.1.1"], ...})");
}

TEST_CASE("a form of another program is an error that shows the right one") {
  for (const std::string_view json :
       {R"({ "nodes": [ { "ip": ["10.8.0.1", "10.8.1.1"], "connections": ["10.8.0.10"] } ] })",
        R"([{"id": "a", "neighbours": ["b"]}])", R"({"n1": {"names": ["10.0.0.1"], "neighbours": []}})",
        R"({"10.0.0.1": ["10.0.0.2"]})"}) {
    CAPTURE(json);
    CHECK(error_of(json).ends_with(kForm));
  }
}

TEST_CASE("ten thousand nodes load") {
  std::string json = "{";
  constexpr unsigned kCount = 10'000;
  for (unsigned i = 0; i < kCount; ++i) {
    json += (i > 0 ? "," : "") + ("\"" + to_string(node(i + 1)) + "\": {\"neighbors\": [\"") +
            to_string(node((i + 1) % kCount + 1)) + "\", \"" +
            to_string(node((i + kCount - 1) % kCount + 1)) + "\"]}";
  }
  const Topology topology = parse(json + "}");
  CHECK(topology.nodes.size() == kCount);
  CHECK(topology.warnings.empty());
  CHECK(neighbours(topology, "10.0.0.1") == Lines{"10.0.0.2 at 1", "10.0.39.16 at 1"});
}

}  // namespace
}  // namespace ott
