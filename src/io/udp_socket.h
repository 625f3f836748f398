// UDP sockets for media: unicast and multicast, IPv4 and IPv6, many datagrams in one call. Non-blocking. The
// owner watches fd(). Closing the socket leaves its multicast group.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "io/fd.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

bool is_multicast(const IpAddress& address);

/// What one call of receive() takes at most.
inline constexpr std::size_t kDatagramsMax = 64;

/// Room for a datagram that receive() fills.
struct Datagram {
  MutableByteSpan room;    // the caller's
  ByteSpan bytes{};        // what came, at the start of `room`
  NodeId from{};           // who sent it
  bool cut_short = false;  // it did not fit
};

class UdpSocket {
 public:
  /// Bound to this address and port; an unspecified address takes what comes to any of this host's, port 0 is
  /// one that is free. A multicast group is bound to as it is, so that nothing else arrives; other processes
  /// may then have the same group and port. `interface` is a name ("eth0") or one of its addresses: groups
  /// are joined there, and multicast is sent there; empty: what the host's routes say. The error says what to
  /// do.
  static Result<UdpSocket> bind(const NodeId& local, const std::string& interface = {});
  /// Of an even port and the next one, which are free, for RTP and RTCP (RFC 3550, section 11).
  static Result<std::pair<UdpSocket, UdpSocket>> bind_pair(const IpAddress& local);

  /// Receives what is sent to the group (RFC 3376 for IPv4, RFC 3810 for IPv6): by anybody, or by this source
  /// alone. REQUIRES: is_multicast(group).
  Result<void> join(const IpAddress& group, const std::optional<IpAddress>& source = std::nullopt);
  /// From now on send() sends there, and only what comes from there is received.
  Result<void> connect(const NodeId& remote);

  /// How many routers multicast passes, 1 to 255; the kernel's default is 1, so that it stays on its link.
  void set_multicast_hops(unsigned hops);
  /// Whether this host's own receivers get the multicast that is sent here; the kernel's default is that they
  /// do.
  void set_multicast_loop(bool on);
  /// As far as the kernel allows (net.core.rmem_max, unless privileged); returns what there is now.
  std::size_t set_receive_buffer(std::size_t bytes);
  std::size_t set_send_buffer(std::size_t bytes);

  /// Fills the first of `into`, at most kDatagramsMax, and returns how many came; 0: none waits.
  Result<std::size_t> receive(std::span<Datagram> into) const;
  /// Datagrams that there was no room for in the receive buffer, since the socket exists.
  [[nodiscard]] std::uint64_t dropped() const;

  /// Sends these datagrams in order, and returns how many the kernel took: fewer if its buffer is full, until
  /// the socket is writable. That nobody listens at the other end is no error. `to` may be left out when
  /// connected.
  Result<std::size_t> send(std::span<const ByteSpan> datagrams,
                           const std::optional<NodeId>& to = std::nullopt) const;

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// This end's address and port.
  [[nodiscard]] NodeId local() const;

 private:
  UdpSocket(Fd fd, bool v4, unsigned interface) : fd_(std::move(fd)), v4_(v4), interface_(interface) {}

  Fd fd_;
  bool v4_;                 // the socket's family; an IPv6 one reaches IPv4 addresses in their mapped form
  unsigned interface_ = 0;  // its index; 0: none was named
};

}  // namespace ott
