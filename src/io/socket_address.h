// The kernel's socket addresses and ours.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "ott/types.h"

namespace ott {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// Of the family of the address: AF_INET for an IPv4 one.
SocketAddress to_sockaddr(const IpAddress& address, std::uint16_t port);
/// All zeros if it is of neither family.
NodeId from_sockaddr(const sockaddr* from);

/// Such an address means something on one link alone.
bool is_link_local(const IpAddress& address);

}  // namespace ott
