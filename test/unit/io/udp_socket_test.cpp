#include "io/udp_socket.h"

#include <poll.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace ott {
namespace {

IpAddress ip(const char* text) { return *parse_ip(text); }

UdpSocket bound(const NodeId& local, const std::string& interface = {}) {
  auto socket = UdpSocket::bind(local, interface);
  if (!socket) FAIL(socket.error().message);
  return std::move(*socket);
}

void send(const UdpSocket& from, const std::vector<std::string>& texts,
          const std::optional<NodeId>& to = {}) {
  std::vector<ByteSpan> datagrams;
  for (const std::string& text : texts) {
    datagrams.emplace_back(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  }
  const auto sent = from.send(datagrams, to);
  if (!sent) FAIL(sent.error().message);
  REQUIRE(*sent == texts.size());
}

struct Received {
  std::string text;
  NodeId from;
  bool cut_short = false;
};

/// Waits until so many datagrams have come, 5 s at most.
std::vector<Received> receive(const UdpSocket& at, std::size_t count) {
  std::array<std::array<std::uint8_t, 16>, 100> rooms;
  std::array<Datagram, 100> datagrams;
  for (std::size_t i = 0; i < rooms.size(); ++i) datagrams[i].room = rooms[i];
  std::vector<Received> received;
  while (received.size() < count) {
    pollfd readable{at.fd(), POLLIN, 0};
    if (::poll(&readable, 1, 5'000) != 1) break;
    const auto came = at.receive(datagrams);
    if (!came) FAIL(came.error().message);
    REQUIRE(*came <= kDatagramsMax);
    for (std::size_t i = 0; i < *came; ++i) {
      const Datagram& one = datagrams[i];
      received.push_back({{one.bytes.begin(), one.bytes.end()}, one.from, one.cut_short});
    }
  }
  return received;
}

TEST_CASE("datagrams arrive with their sender's address, many in one call", "[udp_socket]") {
  const auto* address = GENERATE("127.0.0.1", "::1");
  const UdpSocket receiver = bound({ip(address), 0});
  const UdpSocket sender = bound({ip(address), 0});
  CHECK(receiver.local().address == ip(address));
  std::vector<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.push_back(std::to_string(i));
  texts.emplace_back("longer than sixteen bytes");
  send(sender, texts, receiver.local());

  const auto received = receive(receiver, texts.size());
  REQUIRE(received.size() == texts.size());
  for (std::size_t i = 0; i < 100; ++i) {
    CHECK(received[i].text == texts[i]);
    CHECK(received[i].from == sender.local());
    CHECK_FALSE(received[i].cut_short);
  }
  CHECK(received.back().text == "longer than sixt");
  CHECK(received.back().cut_short);
}

TEST_CASE("a connected socket needs no address, and hears nobody else", "[udp_socket]") {
  UdpSocket one = bound({ip("127.0.0.1"), 0});
  UdpSocket other = bound({ip("127.0.0.1"), 0});
  const UdpSocket stranger = bound({ip("127.0.0.1"), 0});
  REQUIRE(one.connect(other.local()));
  REQUIRE(other.connect(one.local()));
  const auto strange = stranger.send(std::array{ByteSpan()}, other.local());
  REQUIRE(strange);
  send(one, {"hello"});
  const auto received = receive(other, 1);
  REQUIRE(received.size() == 1);
  CHECK(received[0].text == "hello");
}

TEST_CASE("that nobody listens is no error of a sender", "[udp_socket]") {
  UdpSocket sender = bound({ip("127.0.0.1"), 0});
  NodeId nobody;
  { nobody = bound({ip("127.0.0.1"), 0}).local(); }
  REQUIRE(sender.connect(nobody));
  for (int i = 0; i < 3; ++i) send(sender, {"is anybody there?"});
  std::array<Datagram, 1> none;
  CHECK(sender.receive(none) == std::size_t{0});
}

TEST_CASE("an IPv6 socket on all addresses speaks IPv4, too", "[udp_socket]") {
  const UdpSocket both = bound({ip("::"), 0});
  const UdpSocket sender = bound({ip("127.0.0.1"), 0});
  send(sender, {"4"}, NodeId{ip("127.0.0.1"), both.local().port});
  auto received = receive(both, 1);
  REQUIRE(received.size() == 1);
  CHECK(received[0].from == sender.local());
  send(both, {"answer"}, received[0].from);
  received = receive(sender, 1);
  REQUIRE(received.size() == 1);
  CHECK(received[0].text == "answer");
}

TEST_CASE("multicast comes to those who have joined, from the sources they want", "[udp_socket]") {
  const IpAddress group = ip("232.9.8.7");
  UdpSocket all = bound({group, 0}, "lo");
  const std::uint16_t port = all.local().port;
  UdpSocket some = bound({group, port}, "lo");
  UdpSocket others = bound({group, port}, "lo");
  const UdpSocket none = bound({group, port}, "lo");
  REQUIRE(all.join(group));
  REQUIRE(some.join(group, ip("127.0.0.1")));
  REQUIRE(others.join(group, ip("127.0.0.2")));

  UdpSocket sender = bound({ip("127.0.0.1"), 0}, "lo");
  sender.set_multicast_hops(1);
  send(sender, {"first", "second"}, NodeId{group, port});
  CHECK(receive(all, 2).size() == 2);
  CHECK(receive(some, 2).size() == 2);
  std::array<std::uint8_t, 16> room;
  std::array<Datagram, 1> datagram;
  datagram[0].room = room;
  CHECK(others.receive(datagram) == std::size_t{0});
  CHECK(none.receive(datagram) == std::size_t{0});
}

TEST_CASE("an RTP and an RTCP port are an even one and the next", "[udp_socket]") {
  const auto pair = UdpSocket::bind_pair(ip("127.0.0.1"));
  REQUIRE(pair);
  CHECK(pair->first.local().port % 2 == 0);
  CHECK(pair->second.local().port == pair->first.local().port + 1);
}

TEST_CASE("a receive buffer that is full drops, and counts", "[udp_socket]") {
  UdpSocket receiver = bound({ip("127.0.0.1"), 0});
  CHECK(receiver.set_receive_buffer(64 << 10) >= 64 << 10);
  CHECK(receiver.dropped() == 0);
  const UdpSocket sender = bound({ip("127.0.0.1"), 0});
  const std::vector<std::string> flood(500, std::string(1'000, 'x'));
  send(sender, flood, receiver.local());
  const std::uint64_t dropped = receiver.dropped();
  CHECK(dropped > 0);
  CHECK(receive(receiver, flood.size() - dropped).size() == flood.size() - dropped);
}

TEST_CASE("errors say what to do", "[udp_socket]") {
  const auto error = [](const auto& result) { return result ? "none" : result.error().message; };
  const UdpSocket first = bound({ip("127.0.0.1"), 0});
  CHECK(error(UdpSocket::bind(first.local())).find("another process receives there") != std::string::npos);
  CHECK(error(UdpSocket::bind({ip("192.0.2.1"), 0})).find("leave it out") != std::string::npos);
  CHECK(error(UdpSocket::bind({ip("127.0.0.1"), 0}, "nosuch0")) ==
        "this host has no network interface 'nosuch0'");
  CHECK(error(UdpSocket::bind({ip("127.0.0.1"), 0}, "192.0.2.1")) ==
        "no network interface of this host has the address 192.0.2.1");
  CHECK(UdpSocket::bind({ip("127.0.0.1"), 0}, "127.0.0.1"));
  UdpSocket group = bound({ip("232.9.8.7"), 0}, "lo");
  CHECK(error(group.join(ip("232.9.8.7"), ip("::1"))).find("not of one IP version") != std::string::npos);
}

}  // namespace
}  // namespace ott
