#include "ott/link_map.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

TEST_CASE("a link's value is found by its id, and by no other that had its slot") {
  LinkMap<int> map;
  const LinkId first = make_link_id(0, 1);
  const LinkId other = make_link_id(2, 2);
  map.insert(first, std::make_unique<int>(10));
  map.insert(other, std::make_unique<int>(20));
  CHECK(*map.find(first) == 10);
  CHECK(*map.find(other) == 20);
  CHECK(map.find(LinkId{}) == nullptr);
  CHECK(map.find(make_link_id(1, 3)) == nullptr);
  CHECK(map.find(make_link_id(9, 1)) == nullptr);

  CHECK(*map.take(first) == 10);
  CHECK(map.take(first) == nullptr);
  CHECK(map.find(first) == nullptr);
  const LinkId again = make_link_id(0, 4);
  map.insert(again, std::make_unique<int>(30));
  CHECK(map.find(first) == nullptr);
  CHECK(map.take(first) == nullptr);
  CHECK(*map.find(again) == 30);
  CHECK(map.size() == 2);
}

TEST_CASE("links are gone through in the order of their slots, free ones left out") {
  LinkMap<int> map;
  for (const std::uint32_t slot : {4U, 0U, 2U, 3U})
    map.insert(make_link_id(slot, 1), std::make_unique<int>(static_cast<int>(slot)));
  map.take(make_link_id(2, 1));
  std::vector<int> seen;
  for (const int value : map) seen.push_back(value);
  CHECK(seen == std::vector<int>{0, 3, 4});
}

}  // namespace
}  // namespace ott
