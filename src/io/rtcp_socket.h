// RTCP that comes to a socket, from anybody: a bounded share of it in each round of the loop.
#pragma once

#include <array>
#include <span>

#include "io/udp_socket.h"
#include "media/rtcp.h"

namespace ott {

/// Calls take(packet, from) for some of the packets that wait; what is no RTCP is left out.
template <class Take>
void read_rtcp(const UdpSocket& socket, Take take) {
  constexpr std::size_t kDatagrams = 16;
  constexpr std::size_t kBytesMax = 1'500;
  std::array<std::uint8_t, kDatagrams * kBytesMax> room;
  std::array<Datagram, kDatagrams> datagrams;
  for (std::size_t i = 0; i < kDatagrams; ++i)
    datagrams[i].room = MutableByteSpan(room).subspan(i * kBytesMax, kBytesMax);
  const std::size_t count = socket.receive(datagrams).value_or(0);
  for (const Datagram& one : std::span(datagrams).first(count)) {
    const auto packet = parse_rtcp(one.bytes);
    if (packet && !one.cut_short) take(*packet, one.from);
  }
}

}  // namespace ott
