#include "io/rtsp_udp.h"

#include <array>
#include <utility>

#include "media/rtcp.h"

namespace ott {
namespace {

constexpr std::size_t kDatagramBytesMax = std::size_t{16} << 10;
constexpr std::size_t kDatagrams = 32;  // in one call
constexpr std::size_t kCallsARound = 8;
constexpr std::size_t kUdpBufferBytes = std::size_t{4} << 20;

}  // namespace

Result<std::unique_ptr<RtspUdpPorts>> RtspUdpPorts::bind(const IpAddress& server, std::size_t track,
                                                         Owner& owner, struct ev_loop* loop) {
  IpAddress any;
  if (server.is_v4()) any = parse_ip("0.0.0.0").value();
  auto pair = UdpSocket::bind_pair(any);
  if (!pair) return tl::unexpected<Error>(pair.error());
  pair->first.set_receive_buffer(kUdpBufferBytes);
  return std::unique_ptr<RtspUdpPorts>(
      new RtspUdpPorts(std::move(pair->first), std::move(pair->second), track, owner, loop));
}

RtspUdpPorts::RtspUdpPorts(UdpSocket rtp, UdpSocket rtcp, std::size_t track, Owner& owner,
                           struct ev_loop* loop)
    : rtp_(std::move(rtp)),
      rtcp_(std::move(rtcp)),
      track_(track),
      owner_(owner),
      rtp_watcher_(loop),
      rtcp_watcher_(loop),
      room_(kDatagrams * kDatagramBytesMax) {
  rtp_watcher_.start<&RtspUdpPorts::rtp_ready>(*this, rtp_.fd(), EV_READ);
  rtcp_watcher_.start<&RtspUdpPorts::rtcp_ready>(*this, rtcp_.fd(), EV_READ);
}

void RtspUdpPorts::open_firewall(const IpAddress& server, const RtspTransport& transport) const {
  if (!transport.server_port) return;
  const auto report = write_rtcp({.ssrc = 1, .cname = "ottd"});
  const std::array datagrams = {ByteSpan(report)};
  (void)rtp_.send(datagrams, NodeId{server, transport.server_port->first});
  (void)rtcp_.send(datagrams, NodeId{server, transport.server_port->second});
}

void RtspUdpPorts::receive(const UdpSocket& socket, bool rtcp) {
  std::array<Datagram, kDatagrams> datagrams;
  for (std::size_t calls = 0; calls < kCallsARound && owner_.wants_datagrams(); ++calls) {
    for (std::size_t i = 0; i < kDatagrams; ++i)
      datagrams[i] = {MutableByteSpan(room_).subspan(i * kDatagramBytesMax, kDatagramBytesMax)};
    const auto count = socket.receive(datagrams);
    if (!count || *count == 0) break;
    for (const Datagram& one : std::span(datagrams).first(*count)) owner_.on_datagram(track_, one, rtcp);
  }
  owner_.on_datagrams_over();
}

}  // namespace ott
