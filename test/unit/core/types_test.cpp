#include "ott/types.h"

#include <catch2/catch.hpp>
#include <unordered_set>

namespace ott {
namespace {

TEST_CASE("a NodeId is an address and a port, 7000 unless given") {
  const auto id = parse_node_id("10.0.0.1");
  REQUIRE(id);
  CHECK(id->address.is_v4());
  CHECK(id->port == 7000);
  CHECK(*parse_node_id("10.0.0.1:7000") == *id);
  CHECK(*parse_node_id("10.0.0.1:7001") != *id);
  CHECK(*parse_node_id("::ffff:10.0.0.1") == *id);
  CHECK(parse_node_id("[2001:db8::1]:9")->port == 9);
  CHECK(parse_node_id("2001:db8::1")->port == 7000);
  CHECK_FALSE(parse_node_id("2001:db8::1")->address.is_v4());
}

TEST_CASE("a NodeId prints in the form it is read from, shortest first") {
  const auto [text, printed] = GENERATE(table<std::string, std::string>({
      {"10.0.0.1", "10.0.0.1"},
      {"10.0.0.1:7000", "10.0.0.1"},
      {"10.0.0.1:65535", "10.0.0.1:65535"},
      {"2001:DB8:0:0::1", "2001:db8::1"},
      {"[2001:db8::1]", "2001:db8::1"},
      {"[2001:db8::1]:7000", "2001:db8::1"},
      {"[2001:db8::1]:1", "[2001:db8::1]:1"},
      {"::1", "::1"},
  }));
  CAPTURE(text);
  const auto id = parse_node_id(text);
  REQUIRE(id);
  CHECK(to_string(*id) == printed);
  CHECK(*parse_node_id(printed) == *id);
}

TEST_CASE("what is no address is refused in a sentence that quotes it") {
  const std::string text =
      GENERATE(as<std::string>{}, "", "localhost", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1 ",
               "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:x", "10.0.0.1:+1", ":7000",
               "10.0.0.1:1:2", "[::1", "[::1]7", "[::1]:", "::1]:7", "fe80::1%eth0", "12345::");
  CAPTURE(text);
  const auto id = parse_node_id(text);
  REQUIRE_FALSE(id);
  CHECK(id.error().message.find('\'') != std::string::npos);
}

TEST_CASE("NodeIds are ordered by number, not by text") {
  const auto id = [](std::string_view text) { return *parse_node_id(text); };
  CHECK(id("10.0.0.9") < id("10.0.0.10"));
  CHECK(id("9.255.255.255") < id("10.0.0.0"));
  CHECK(id("10.0.0.1:6999") < id("10.0.0.1"));
  CHECK(id("10.0.0.1:65535") < id("10.0.0.2:1"));
  CHECK(id("::1") < id("10.0.0.1"));
  CHECK(id("10.0.0.1") < id("2001:db8::"));
}

TEST_CASE("the unspecified address is known in both families") {
  CHECK(parse_ip("0.0.0.0")->is_unspecified());
  CHECK(parse_ip("::")->is_unspecified());
  CHECK_FALSE(parse_ip("0.0.0.1")->is_unspecified());
  CHECK_FALSE(parse_ip("::1")->is_unspecified());
}

TEST_CASE("a label holds its stream and the version of its tree") {
  constexpr StreamId kStream{0xFE'DCBA'9876};
  constexpr Label kLabel = make_label(kStream, 0xABCDEF);
  STATIC_REQUIRE(stream_of(kLabel) == kStream);
  STATIC_REQUIRE(version_of(kLabel) == 0xABCDEF);
  STATIC_REQUIRE(stream_of(make_label(kStream, 0x0100'0000)) == kStream);
  STATIC_REQUIRE(version_of(make_label(kStream, 0x0100'0001)) == 1);
}

TEST_CASE("ids are keys of hash tables") {
  std::unordered_set<NodeId> nodes;
  for (int i = 0; i < 256; ++i) nodes.insert(*parse_node_id("10.0.0." + std::to_string(i)));
  CHECK(nodes.size() == 256);
  CHECK(nodes.contains(*parse_node_id("10.0.0.77:7000")));
  CHECK_FALSE(nodes.contains(*parse_node_id("10.0.0.77:7001")));
  CHECK(std::unordered_set<LinkId>{LinkId{1}, LinkId{2}, LinkId{1}}.size() == 2);
}

}  // namespace
}  // namespace ott
