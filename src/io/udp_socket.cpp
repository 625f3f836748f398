#include "io/udp_socket.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/socket_address.h"
#include "ott/assert.h"

namespace ott {
namespace {

std::string errno_text() { return std::strerror(errno); }

bool set_option(const Fd& fd, int level, int option, const auto& value) {
  return ::setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
}

std::string where(const NodeId& id) { return fmt::format("{} port {}", to_string(id.address), id.port); }

/// The index of an interface that is named by its name or by an address of it.
Result<unsigned> find_interface(const std::string& name) {
  if (name.empty()) return 0U;
  if (const unsigned index = ::if_nametoindex(name.c_str()); index != 0) return index;
  const auto address = parse_ip(name);
  if (!address) return fail(fmt::format("this host has no network interface '{}'", name));
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return fail(fmt::format("getifaddrs: {}", errno_text()));
  unsigned index = 0;
  for (const ifaddrs* entry = list; entry != nullptr && index == 0; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || from_sockaddr(entry->ifa_addr).address != *address) continue;
    index = ::if_nametoindex(entry->ifa_name);
  }
  ::freeifaddrs(list);
  if (index == 0) return fail(fmt::format("no network interface of this host has the address {}", name));
  return index;
}

/// Addresses of such a scope are only complete with their interface.
bool needs_scope(const IpAddress& address) {
  constexpr std::uint8_t kLinkLocalScope = 2;
  return is_link_local(address) ||
         (!address.is_v4() && is_multicast(address) && (address.bytes[1] & 0x0FU) <= kLinkLocalScope);
}

/// The address as a socket of this family takes it.
SocketAddress socket_address(const NodeId& id, bool v4, unsigned interface) {
  if (v4 || !id.address.is_v4()) {
    SocketAddress address = to_sockaddr(id.address, id.port);
    if (needs_scope(id.address)) reinterpret_cast<sockaddr_in6&>(address.storage).sin6_scope_id = interface;
    return address;
  }
  SocketAddress address;
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(id.port);
  std::ranges::copy(id.address.bytes, v6.sin6_addr.s6_addr);
  address.length = sizeof v6;
  return address;
}

std::string bind_error(const NodeId& local) {
  const char* advice = errno == EADDRINUSE
                           ? ": another process receives there; stop it, or choose another port"
                       : errno == EADDRNOTAVAIL
                           ? ": no interface of this host has this address; leave it out to receive on all"
                           : "";
  return fmt::format("cannot receive at {}: {}{}", where(local), errno_text(), advice);
}

std::size_t set_buffer(const Fd& fd, int forced, int option, std::size_t bytes) {
  const int value = static_cast<int>(std::min(bytes, std::size_t{1} << 30));
  if (!set_option(fd, SOL_SOCKET, forced, value)) (void)set_option(fd, SOL_SOCKET, option, value);
  int got = 0;
  socklen_t length = sizeof got;
  if (::getsockopt(fd.get(), SOL_SOCKET, option, &got, &length) != 0) return 0;
  return static_cast<std::size_t>(got) / 2;  // the kernel doubles it, for its own records
}

}  // namespace

bool is_multicast(const IpAddress& address) {
  return address.is_v4() ? (address.bytes[12] & 0xF0U) == 0xE0 : address.bytes[0] == 0xFF;
}

Result<UdpSocket> UdpSocket::bind(const NodeId& local, const std::string& interface) {
  const auto index = find_interface(interface);
  if (!index) return tl::unexpected<Error>(index.error());
  const bool v4 = local.address.is_v4();
  Fd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(fmt::format("cannot receive at {}: socket: {}", where(local), errno_text()));
  if (is_multicast(local.address)) {
    (void)set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    // What others on this host have joined is not ours.
    (void)(v4 ? set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0)
              : set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0));
  }
  if (!v4) (void)set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  SocketAddress address = socket_address(local, v4, *index);
  if (::bind(fd.get(), address.get(), address.length) != 0) return fail(bind_error(local));
  if (*index != 0) {
    const ip_mreqn v4_interface{{}, {}, static_cast<int>(*index)};
    if (!(v4 ? set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, v4_interface)
             : set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, *index))) {
      return fail(fmt::format("cannot send multicast on interface {}: {}", interface, errno_text()));
    }
  }
  return UdpSocket(std::move(fd), v4, *index);
}

Result<std::pair<UdpSocket, UdpSocket>> UdpSocket::bind_pair(const IpAddress& local) {
  constexpr int kAttempts = 50;
  std::string why;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto one = bind({local, 0});
    if (!one) return tl::unexpected<Error>(std::move(one.error()));
    const std::uint16_t port = one->local().port;
    auto other = bind({local, static_cast<std::uint16_t>(port ^ 1U)});
    if (other && port % 2 == 0) return std::pair(std::move(*one), std::move(*other));
    if (other) return std::pair(std::move(*other), std::move(*one));
    why = other.error().message;
  }
  return fail(
      fmt::format("no two adjacent ports are free for RTP and RTCP at {}: {}", to_string(local), why));
}

Result<void> UdpSocket::join(const IpAddress& group, const std::optional<IpAddress>& source) {
  OTT_ASSERT(is_multicast(group));
  const int level = group.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
  bool joined = false;
  if (source) {
    if (source->is_v4() != group.is_v4()) {
      return fail(fmt::format("the source {} and the group {} are not of one IP version", to_string(*source),
                              to_string(group)));
    }
    group_source_req request{};
    request.gsr_interface = interface_;
    request.gsr_group = to_sockaddr(group, 0).storage;
    request.gsr_source = to_sockaddr(*source, 0).storage;
    joined = set_option(fd_, level, MCAST_JOIN_SOURCE_GROUP, request);
  } else {
    group_req request{};
    request.gr_interface = interface_;
    request.gr_group = to_sockaddr(group, 0).storage;
    joined = set_option(fd_, level, MCAST_JOIN_GROUP, request);
  }
  if (joined) return {};
  const char* advice = errno == ENODEV ? ": no route leads there; name the interface, or add a route"
                       : errno == ENOBUFS
                           ? ": this host has joined as many groups as it may (net.ipv4.igmp_max_memberships)"
                           : "";
  return fail(fmt::format("cannot join the multicast group {}{}: {}{}", to_string(group),
                          source ? " of the source " + to_string(*source) : std::string(), errno_text(),
                          advice));
}

Result<void> UdpSocket::connect(const NodeId& remote) {
  SocketAddress address = socket_address(remote, v4_, interface_);
  if (::connect(fd_.get(), address.get(), address.length) != 0) {
    const char* advice =
        errno == ENETUNREACH ? ": no route leads there; name the interface, or add a route" : "";
    return fail(fmt::format("cannot send to {}: {}{}", where(remote), errno_text(), advice));
  }
  return {};
}

void UdpSocket::set_multicast_hops(unsigned hops) {
  OTT_ASSERT(hops >= 1 && hops <= 255);
  const int value = static_cast<int>(hops);
  // Of the wrong family for the socket one of them fails, which is no harm.
  (void)set_option(fd_, IPPROTO_IP, IP_MULTICAST_TTL, value);
  (void)set_option(fd_, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, value);
}

void UdpSocket::set_multicast_loop(bool on) {
  const int value = on ? 1 : 0;
  (void)set_option(fd_, IPPROTO_IP, IP_MULTICAST_LOOP, value);
  (void)set_option(fd_, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, value);
}

std::size_t UdpSocket::set_receive_buffer(std::size_t bytes) {
  return set_buffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF, bytes);
}

std::size_t UdpSocket::set_send_buffer(std::size_t bytes) {
  return set_buffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF, bytes);
}

Result<std::size_t> UdpSocket::receive(std::span<Datagram> into) const {
  const std::size_t most = std::min(into.size(), kDatagramsMax);
  std::array<mmsghdr, kDatagramsMax> messages;
  std::array<iovec, kDatagramsMax> rooms;
  std::array<sockaddr_in6, kDatagramsMax> from;
  for (std::size_t i = 0; i < most; ++i) {
    rooms[i] = {into[i].room.data(), into[i].room.size()};
    messages[i] = {};
    messages[i].msg_hdr.msg_name = &from[i];
    messages[i].msg_hdr.msg_namelen = sizeof from[i];
    messages[i].msg_hdr.msg_iov = &rooms[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int count = 0;
  do {  // an ICMP error that a connected socket has had is told once
    count = ::recvmmsg(fd_.get(), messages.data(), static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
  } while (count < 0 && (errno == ECONNREFUSED || errno == EINTR));
  if (count < 0) {
    if (errno == EAGAIN) return std::size_t{0};
    return fail(fmt::format("cannot receive at {}: {}", where(local()), errno_text()));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    into[i].bytes = into[i].room.first(messages[i].msg_len);
    into[i].from = from_sockaddr(reinterpret_cast<const sockaddr*>(&from[i]));
    into[i].cut_short = (messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
  }
  return static_cast<std::size_t>(count);
}

std::uint64_t UdpSocket::dropped() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> figures{};
  socklen_t length = sizeof figures;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, figures.data(), &length) != 0) return 0;
  return figures[SK_MEMINFO_DROPS];
}

Result<std::size_t> UdpSocket::send(std::span<const ByteSpan> datagrams,
                                    const std::optional<NodeId>& to) const {
  SocketAddress address;
  if (to) address = socket_address(*to, v4_, interface_);
  std::array<mmsghdr, kDatagramsMax> messages;
  std::array<iovec, kDatagramsMax> bytes;
  std::size_t sent = 0;
  while (sent < datagrams.size()) {
    const std::size_t count = std::min(datagrams.size() - sent, kDatagramsMax);
    for (std::size_t i = 0; i < count; ++i) {
      const ByteSpan datagram = datagrams[sent + i];
      bytes[i] = {const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
      messages[i] = {};
      if (to) {
        messages[i].msg_hdr.msg_name = address.get();
        messages[i].msg_hdr.msg_namelen = address.length;
      }
      messages[i].msg_hdr.msg_iov = &bytes[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int taken = ::sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
    if (taken >= 0) {
      sent += static_cast<std::size_t>(taken);
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      break;
    } else if (errno != ECONNREFUSED && errno != EINTR) {  // the former is of an earlier datagram
      return fail(fmt::format("cannot send{}: {}", to ? " to " + where(*to) : std::string(), errno_text()));
    }
  }
  return sent;
}

NodeId UdpSocket::local() const {
  SocketAddress address;
  address.length = sizeof address.storage;
  if (::getsockname(fd_.get(), address.get(), &address.length) != 0) return {};
  return from_sockaddr(address.get());
}

}  // namespace ott
