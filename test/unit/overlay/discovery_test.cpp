#include "overlay/discovery.h"

#include <catch2/catch.hpp>

#include "../core/nodes.h"

namespace ott::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const IpAddress kFrom = parse_ip("10.0.0.9").value();
const DiscoveryHello kHello{false, node(9), 77, "ott"};

struct Discoverer {
  explicit Discoverer(std::uint64_t seed = 1) : discovery("ott", 42, seed, limits, counters) {
    discovery.begin(now());
  }
  [[nodiscard]] Now now() const { return {at, WallTime(at.time_since_epoch())}; }
  /// When it says hello, until so much later.
  std::vector<Duration> hellos(Duration until) {
    std::vector<Duration> times;
    const MonoTime began = at;
    for (; at < began + until; at += milliseconds(10)) {
      if (discovery.due(self, now())) times.push_back(at - began);
    }
    return times;
  }

  MonoTime at{seconds(1000)};
  Limits limits;
  LimitCounters counters;
  Discovery::Self self{node(1), false};
  Discovery discovery;
};

TEST_CASE("a hello is read as it was written, and nothing else is read as one") {
  const auto bytes = encode(kHello);
  CHECK(bytes.size() <= kDiscoveryBytesMax);
  CHECK(decode_discovery(bytes) == kHello);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK_FALSE(decode_discovery(ByteSpan(bytes).first(length)));
  }
  for (std::size_t i = 0; i < 6; ++i) {  // magic, version, flags
    auto wrong = bytes;
    wrong[i] ^= 0x82;
    CHECK_FALSE(decode_discovery(wrong));
  }
  auto later = bytes;
  later.insert(later.end(), {1, 2, 3});
  CHECK(decode_discovery(later) == kHello);
  later.resize(kDiscoveryBytesMax + 1);
  CHECK_FALSE(decode_discovery(later));
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string("a\nb")}) {
    auto hello = kHello;
    if (name.find('\n') != std::string::npos) {
      auto with_line_end = bytes;
      with_line_end.back() = '\n';
      CHECK_FALSE(decode_discovery(with_line_end));
      continue;
    }
    hello.overlay = name;
    CHECK_FALSE(decode_discovery(encode(hello)));
  }
  auto without_port = kHello;
  without_port.id.port = 0;
  CHECK_FALSE(decode_discovery(encode(without_port)));
}

TEST_CASE("who says hello is named to be called, unless it is another overlay's, or this process itself") {
  Discoverer one;
  const auto heard = [&one](DiscoveryHello hello, const IpAddress& from = kFrom) {
    return one.discovery.on_datagram(encode(hello), from, one.now());
  };
  CHECK(heard(kHello) == node(9));
  auto other = kHello;
  other.overlay = "other";
  CHECK_FALSE(heard(other));
  auto own = kHello;
  own.incarnation = 42;
  CHECK_FALSE(heard(own));
  auto nowhere = kHello;
  nowhere.id = {{}, 0};
  CHECK_FALSE(heard(nowhere));
  auto loopback = kHello;
  loopback.id = NodeId{parse_ip("127.0.0.5").value()};
  CHECK_FALSE(heard(loopback));
  CHECK(heard(loopback, parse_ip("127.0.0.1").value()) == loopback.id);
}

TEST_CASE("hellos begin at once and become rare") {
  Discoverer one;
  const auto times = one.hellos(seconds(300));
  REQUIRE(times.size() >= 8);
  CHECK(times.front() == Duration{});
  CHECK(times[1] < seconds(1));
  CHECK(times.size() < 25);
  for (std::size_t i = 8; i < times.size(); ++i) CHECK(times[i] - times[i - 1] > seconds(20));
}

TEST_CASE("who loses all its neighbours asks at once again") {
  Discoverer one;
  one.self.has_neighbours = true;
  one.hellos(seconds(300));
  one.self.has_neighbours = false;
  const auto times = one.hellos(seconds(3));
  CHECK(times.size() >= 2);
}

TEST_CASE("who asks is answered soon, unless others have") {
  Discoverer one;
  one.hellos(seconds(300));
  auto asks = kHello;
  asks.asks = true;
  one.hellos(seconds(1));
  one.discovery.on_datagram(encode(asks), kFrom, one.now());
  CHECK(one.hellos(milliseconds(400)).size() == 1);
  one.discovery.on_datagram(encode(asks), kFrom, one.now());
  for (int i = 0; i < 3; ++i) one.discovery.on_datagram(encode(kHello), kFrom, one.now());
  CHECK(one.hellos(milliseconds(400)).empty());
}

TEST_CASE("a flood of hellos is not read") {
  Discoverer one;
  unsigned read = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (one.discovery.on_datagram(encode(kHello), kFrom, one.now())) ++read;
  }
  CHECK(read == one.limits.hellos_per_s * one.limits.burst_s);
  CHECK(one.counters.hellos_dropped == 10'000 - read);
}

}  // namespace
}  // namespace ott::test
