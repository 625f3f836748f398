#include "overlay/route_changes.h"

#include <catch2/catch.hpp>

#include "../core/nodes.h"

namespace ott {
namespace {

using test::node;
using Kind = RouteChange::Kind;

PathTree tree(const std::vector<std::vector<NodeId>>& paths) {
  return paths.empty() ? PathTree{{{node(1), 1, false}}} : multicast_path(paths);
}

TEST_CASE("a watcher that comes, one that gets another way and one that goes are changes; others are none") {
  const PathTree none = tree({});
  const PathTree two = tree({{node(1), node(2), node(3)}, {node(1), node(2), node(4)}});
  CHECK(route_changes(none, none).empty());
  CHECK(route_changes(two, two).empty());
  CHECK(route_changes(none, two) ==
        std::vector<RouteChange>{{Kind::Begins, node(3), {node(2)}}, {Kind::Begins, node(4), {node(2)}}});
  CHECK(route_changes(two, none) ==
        std::vector<RouteChange>{{Kind::Ends, node(3), {}}, {Kind::Ends, node(4), {}}});
  // 4 has its way over 5 and 6 now; 3 stays.
  const PathTree moved = tree({{node(1), node(2), node(3)}, {node(1), node(5), node(6), node(4)}});
  CHECK(route_changes(two, moved) == std::vector<RouteChange>{{Kind::Moves, node(4), {node(5), node(6)}}});
}

TEST_CASE("a change far up a tree is one for all that is below, and a relay may become a watcher") {
  const PathTree before = tree({{node(1), node(2), node(3), node(4)}});
  const PathTree moved = tree({{node(1), node(5), node(3), node(4)}});
  CHECK(route_changes(before, moved) == std::vector<RouteChange>{{Kind::Moves, node(4), {node(5), node(3)}}});
  const PathTree both = tree({{node(1), node(2), node(3)}, {node(1), node(2), node(3), node(4)}});
  CHECK(route_changes(before, both) == std::vector<RouteChange>{{Kind::Begins, node(3), {node(2)}}});
  CHECK(route_changes(both, before) == std::vector<RouteChange>{{Kind::Ends, node(3), {}}});
  CHECK(route_changes(tree({}), tree({{node(1), node(2)}})) ==
        std::vector<RouteChange>{{Kind::Begins, node(2), {}}});
}

}  // namespace
}  // namespace ott
