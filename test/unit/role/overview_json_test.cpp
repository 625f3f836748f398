#include "role/overview_json.h"

#include <catch2/catch.hpp>

#include "role/stats.h"

namespace ott {
namespace {

NodeId node(const std::string& text) { return parse_node_id(text).value(); }

Route some_route() {
  Route route;
  route.id = StreamId{0xA1};
  route.stream = "cam";
  route.origin = node("10.0.0.10");
  route.tree.entries = {{node("10.0.0.10"), 4, false},
                        {node("10.0.0.1"), 3, false},
                        {node("10.0.1.2"), 1, true},
                        {node("10.0.2.2:7001"), 1, true}};
  route.viewers = {0, 0, 2, 1};
  return route;
}

TEST_CASE("what a link carries is known while it does not keep up") {
  const auto shown = [](const LinkFacts& said) {
    JsonLine line;
    add_carries(line, said);
    return line.finish();
  };
  CHECK(shown({1'000, 0, 900, 700}) == R"({"carries_kbps":700})");
  CHECK(shown({1'000, 0, 900, 0}) == R"({"carries_kbps":0})");
  CHECK(shown({1'000, 0, 0, 0}) == R"({"carries_kbps":null})");
}

TEST_CASE("a tree that is shown is read as it was") {
  const Route route = some_route();
  const auto read = read_routes(routes_json({route}), route.origin);
  REQUIRE(read.size() == 1);
  CHECK(read[0].id == route.id);
  CHECK(read[0].stream == "cam");
  CHECK(read[0].tree == route.tree);
  CHECK(read[0].viewers == route.viewers);
}

TEST_CASE("what is no tree of its origin is left out, and the others are taken") {
  const Route route = some_route();
  CHECK(read_routes(routes_json({route}), node("10.0.0.9")).empty());
  const std::string good = routes_json({route});
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string json = good;
    const std::size_t at = json.find(from);
    REQUIRE(at != std::string::npos);
    json.replace(at, from.size(), to);
    return read_routes(json, route.origin).empty();
  };
  CHECK(broken("\"parent\":-1", "\"parent\":0"));
  CHECK(broken("\"parent\":0", "\"parent\":1"));
  CHECK(broken("\"parent\":0", "\"parent\":-1"));
  CHECK(broken("\"parent\":0", "\"parent\":\"0\""));
  CHECK(broken("10.0.1.2", "10.0.0.1"));      // twice
  CHECK(broken("10.0.1.2", "example.org"));   // no id
  CHECK(broken("00000000a1", "00000000ax"));  // no stream
  CHECK(read_routes("", route.origin).empty());
  CHECK(read_routes("[]", route.origin).empty());
  CHECK(read_routes("{\"routes\":7}", route.origin).empty());
  std::string both = good;
  both.insert(both.find('[') + 1, "{\"stream\":1},");
  CHECK(read_routes(both, route.origin).size() == 1);
}

TEST_CASE("viewers that are shown are read as they were, and no more than may be") {
  std::vector<ViewerFigures> viewers(100, {"cam", "10.0.9.1:4000", 100, 1, 2, 3, 41.5, {{1.5, 3.25, 9}}});
  viewers[1].latency_ms.reset();
  const auto read = read_viewers(viewers_json(viewers, {}));
  REQUIRE(read.size() == kViewersShownMax);
  CHECK(read[0].who == "10.0.9.1:4000");
  CHECK(read[0].frames_lost == 1);
  CHECK(read[0].latency_ms->p99 == 3.25);
  CHECK_FALSE(read[1].latency_ms);
  CHECK(read_viewers("{\"viewers\":[7, {\"who\":\"x\"}]}").empty());
}

TEST_CASE("guests that are shown are read as they were, and no more than may be") {
  std::vector<GuestShown> guests(1'000, {"10.0.9.1:4000", 1.5});
  guests[1].rtt_ms.reset();
  const auto read = read_guests(viewers_json({}, guests));
  REQUIRE(read.size() == kGuestsShownMax);
  CHECK(read[0].id == "10.0.9.1:4000");
  CHECK(read[0].rtt_ms == 1.5);
  CHECK_FALSE(read[1].rtt_ms);
  CHECK(read_guests("{\"viewers\":[]}").empty());  // of an older one
  CHECK(read_guests("{\"guests\":[7, {\"id\":\"x\"}]}").empty());
}

}  // namespace
}  // namespace ott
