#include "io/socket.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "io/socket_address.h"
#include "ott/assert.h"

namespace ott {
namespace {

std::string errno_text() { return std::strerror(errno); }

Fd stream_socket(const IpAddress& address) {
  return Fd(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set_option(const Fd& fd, int level, int option, int value) {
  // These options only tune the socket: a kernel that does not know one still works.
  (void)::setsockopt(fd.get(), level, option, &value, sizeof value);
}

void tune(const Fd& fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kNotSentLowAtBytes);
}

/// The address that this host would connect from: what it gives a UDP socket, which sends nothing for that.
std::optional<IpAddress> own_choice(const NodeId& to) {
  const Fd fd(::socket(to.address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress address = to_sockaddr(to.address, to.port);
  if (!fd.valid() || ::connect(fd.get(), address.get(), address.length) != 0) return std::nullopt;
  return local_end(fd).address;
}

std::optional<IpAddress> source_for(const NodeId& to, std::span<const IpAddress> from) {
  std::vector<IpAddress> fitting(from.begin(), from.end());
  std::erase_if(fitting, [&to](const IpAddress& one) { return one.is_v4() != to.address.is_v4(); });
  if (fitting.empty()) return std::nullopt;
  if (fitting.size() == 1) return fitting.front();
  const auto chosen = own_choice(to);
  return chosen && std::ranges::count(fitting, *chosen) > 0 ? *chosen : fitting.front();
}

}  // namespace

namespace {

/// What to do when an address is taken, or is none of this host's.
struct ListenAdvice {
  const char* taken;
  const char* not_here;
};

Result<Fd> listen_on(const NodeId& id, const ListenAdvice& advice) {
  constexpr int kBacklog = 4096;
  Fd fd = stream_socket(id.address);
  const std::string where = id.address.is_unspecified()
                                ? fmt::format("port {}", id.port)
                                : fmt::format("{} port {}", to_string(id.address), id.port);
  if (!fd.valid()) return fail(fmt::format("cannot listen on {}: socket: {}", where, errno_text()));
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!id.address.is_v4()) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, id.address.is_unspecified() ? 0 : 1);
  SocketAddress address = to_sockaddr(id.address, id.port);
  if (::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const char* what = errno == EADDRINUSE ? advice.taken : errno == EADDRNOTAVAIL ? advice.not_here : "";
    return fail(fmt::format("cannot listen on {}: {}{}", where, errno_text(), what));
  }
  return fd;
}

}  // namespace

Result<Fd> listen_on(const NodeId& id) {
  return listen_on(
      id, {": another process has this identity on this host; stop it, or give this one another --id",
           ": no interface of this host has this address; choose another --id, or add the address"});
}

Result<Fd> listen_for_clients(const NodeId& at) {
  constexpr ListenAdvice kAdvice = {
      ": another program listens there; choose another port",
      ": no interface of this host has this address; without one, all are meant"};
  auto fd = listen_on(at, kAdvice);
  if (fd || !at.address.is_unspecified() || errno == EADDRINUSE) return fd;
  // A host may have no IPv6.
  NodeId v4 = at;
  v4.address.bytes[10] = v4.address.bytes[11] = 0xFF;
  return listen_on(v4, kAdvice);
}

Result<NodeId> parse_listen_address(std::string_view text) {
  const std::string sentence =
      fmt::format("'{}' is no place to listen at: write PORT, ADDRESS:PORT or [ADDRESS]:PORT", text);
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  NodeId at;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), at.port);
  if (error != std::errc() || end != port.data() + port.size() || at.port == 0) return fail(sentence);
  if (colon == std::string_view::npos) return at;
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = parse_ip(host);
  if (!address || address->is_v4() == brackets) return fail(sentence);
  at.address = *address;
  return at;
}

Result<std::optional<Accepted>> accept_from(const Fd& listener) {
  SocketAddress remote;
  remote.length = sizeof remote.storage;
  Fd fd(::accept4(listener.get(), remote.get(), &remote.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return fail(fmt::format("cannot accept a connection: {}", errno_text()));
    }
    return std::nullopt;
  }
  tune(fd);
  return Accepted{std::move(fd), from_sockaddr(remote.get())};
}

Result<Fd> connect_to(const NodeId& to, std::span<const IpAddress> from) {
  Fd fd = stream_socket(to.address);
  if (!fd.valid()) return fail(fmt::format("socket: {}", errno_text()));
  tune(fd);
  if (const auto source = source_for(to, from)) {
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    SocketAddress address = to_sockaddr(*source, 0);
    if (::bind(fd.get(), address.get(), address.length) != 0) {
      return fail(fmt::format("cannot connect from {}: {}", to_string(*source), errno_text()));
    }
  }
  SocketAddress address = to_sockaddr(to.address, to.port);
  if (::connect(fd.get(), address.get(), address.length) != 0 && errno != EINPROGRESS)
    return fail(errno_text());
  return fd;
}

Result<void> connect_result(const Fd& socket) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return fail(std::strerror(error));
  return {};
}

ssize_t send_some(const Fd& socket, ByteSpan bytes) {
  return ::syscall(SYS_sendto, socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}

ssize_t receive_some(const Fd& socket, MutableByteSpan into) {
  return ::syscall(SYS_recvfrom, socket.get(), into.data(), into.size(), 0, nullptr, nullptr);
}

ssize_t send_gathered(const Fd& socket, std::span<const ByteSpan> pieces) {
  OTT_ASSERT(pieces.size() <= kPiecesMax);
  std::array<iovec, kPiecesMax> vectors;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    // The kernel only reads them.
    vectors.at(i) = {const_cast<std::uint8_t*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = pieces.size();
  return ::syscall(SYS_sendmsg, socket.get(), &message, MSG_NOSIGNAL);
}

NodeId local_end(const Fd& socket) {
  SocketAddress local;
  local.length = sizeof local.storage;
  if (::getsockname(socket.get(), local.get(), &local.length) != 0) return {};
  return from_sockaddr(local.get());
}

Result<std::vector<IpAddress>> look_up_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    return fail(fmt::format("cannot resolve '{}': {}", host,
                            error == EAI_SYSTEM ? errno_text() : std::string(::gai_strerror(error))));
  }
  std::vector<IpAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    const IpAddress address = from_sockaddr(entry->ai_addr).address;
    const bool known = std::ranges::find(addresses, address) != addresses.end();
    if (!known && !is_link_local(address)) addresses.push_back(address);
  }
  ::freeaddrinfo(list);
  if (addresses.empty())
    return fail(fmt::format("cannot resolve '{}': it has no address to connect to", host));
  return addresses;
}

bool can_bind(const IpAddress& address) {
  const Fd fd = stream_socket(address);
  SocketAddress local = to_sockaddr(address, 0);
  return fd.valid() && ::bind(fd.get(), local.get(), local.length) == 0;
}

std::vector<IpAddress> interface_addresses() {
  std::vector<IpAddress> outside;
  std::vector<IpAddress> loopback;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const IpAddress address = from_sockaddr(entry->ifa_addr).address;
    if (is_link_local(address)) continue;
    ((entry->ifa_flags & IFF_LOOPBACK) != 0 ? loopback : outside).push_back(address);
  }
  freeifaddrs(list);
  outside.insert(outside.end(), loopback.begin(), loopback.end());
  return outside;
}

}  // namespace ott
