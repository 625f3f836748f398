// Sockets that several in one process listen at. Passed ones are in test/system/systemd_test.py.
#include "io/listeners.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "io/socket.h"

namespace ott {
namespace {

NodeId own_address(std::uint16_t port) {
  const auto pid = static_cast<unsigned>(::getpid());
  return {*parse_ip("127.78." + std::to_string(pid / 250 % 250) + "." + std::to_string(1 + pid % 250)), port};
}

TEST_CASE("listeners: whoever follows at an address has the same socket", "[listeners]") {
  Listeners listeners;
  auto first = listeners.listen(own_address(18081), "http");
  REQUIRE(first);
  auto second = listeners.listen(own_address(18081), "http");
  REQUIRE(second);
  CHECK((*first)->get() == (*second)->get());
  CHECK((*listeners.listen(own_address(18082), "http"))->get() != (*first)->get());
  CHECK_FALSE(listeners.listen(own_address(18081), "rtsp"));

  Listeners others;
  const auto taken = others.listen(own_address(18081), "http");
  REQUIRE_FALSE(taken);
  CHECK(taken.error().message.find("another program listens there") != std::string::npos);
  first->reset();
  CHECK_FALSE(others.listen(own_address(18081), "http"));
  second->reset();
  CHECK(others.listen(own_address(18081), "http"));
  CHECK(listeners.take_warnings().empty());
}

}  // namespace
}  // namespace ott
