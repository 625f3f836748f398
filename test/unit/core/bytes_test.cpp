#include "ott/bytes.h"

#include <catch2/catch.hpp>

#include "nodes.h"

namespace ott {
namespace {

using test::node;
using Bytes = std::vector<std::uint8_t>;

TEST_CASE("numbers stand in network byte order") {
  Bytes bytes;
  Writer out(bytes);
  out.u8(0x01);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.u64(0x08090A0B0C0D0E0F);
  CHECK(bytes == Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  Reader in(bytes);
  CHECK(in.u8() == 0x01);
  CHECK(in.u16() == 0x0203);
  CHECK(in.u32() == 0x04050607);
  CHECK(in.u64() == 0x08090A0B0C0D0E0F);
  CHECK(in.ok());
}

TEST_CASE("a NodeId is sixteen bytes of address and two of port") {
  Bytes bytes;
  Writer out(bytes);
  out.node_id(node("10.1.2.3:7001"));
  out.node_id(node("[2001:db8::5]:80"));
  REQUIRE(bytes.size() == 2 * kNodeIdBytes);
  CHECK(Bytes(bytes.begin(), bytes.begin() + 18) ==
        Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 1, 2, 3, 0x1B, 0x59});
  CHECK(Bytes(bytes.begin() + 18, bytes.end()) ==
        Bytes{0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 80});
  Reader in(bytes);
  CHECK(in.node_id() == node("10.1.2.3:7001"));
  CHECK(in.node_id() == node("[2001:db8::5]:80"));
  CHECK(in.ok());
}

TEST_CASE("a text is as long as it says, up to 65,535 bytes") {
  const std::string text = GENERATE(std::string(), std::string("caf\xC3\xA9 \xFF"), std::string(65'535, 'x'));
  Bytes bytes;
  Writer(bytes).text(text);
  CHECK(bytes.size() == 2 + text.size());
  Reader in(bytes);
  CHECK(in.text() == text);
  CHECK(in.ok());
  bytes.pop_back();
  Reader cut(bytes);
  CHECK(cut.text().empty());
  CHECK_FALSE(cut.ok());
}

TEST_CASE("a text with a control character is none") {
  for (int value = 0; value < 256; ++value) {
    const Bytes bytes = {0, 3, 'a', static_cast<std::uint8_t>(value), 'b'};
    Reader in(bytes);
    in.text();
    CAPTURE(value);
    CHECK(in.ok() == (value >= 0x20 && value != 0x7F));
  }
}

TEST_CASE("after the first short read everything is zero, and the reader stays failed") {
  const Bytes bytes = {1, 2, 3};
  Reader in(bytes);
  CHECK(in.u32() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.u8() == 0);  // there would have been one
  CHECK(in.text().empty());
  CHECK(in.node_id() == Reader({}).node_id());
  CHECK(in.count<std::uint8_t>(1) == 0);
  CHECK_FALSE(in.ok());
}

TEST_CASE("a count that the rest cannot hold fails before anything is made of it") {
  const auto count = [](std::uint16_t n, std::size_t bytes_behind, std::size_t bytes_each) {
    Bytes bytes;
    Writer(bytes).u16(n);
    bytes.resize(bytes.size() + bytes_behind);
    Reader in(bytes);
    const std::size_t counted = in.count<std::uint16_t>(bytes_each);
    return std::pair(counted, in.ok());
  };
  CHECK(count(3, 12, 4) == std::pair(std::size_t{3}, true));
  CHECK(count(3, 15, 4) == std::pair(std::size_t{3}, true));
  CHECK(count(3, 11, 4) == std::pair(std::size_t{0}, false));
  CHECK(count(0, 0, 4) == std::pair(std::size_t{0}, true));
  CHECK(count(65'535, 65'534, 1) == std::pair(std::size_t{0}, false));
}

}  // namespace
}  // namespace ott
