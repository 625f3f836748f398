#include "io/socket_address.h"

#include <cstring>

namespace ott {

SocketAddress to_sockaddr(const IpAddress& address, std::uint16_t port) {
  SocketAddress to;
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(to.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data() + 12, 4);
    to.length = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(to.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    to.length = sizeof v6;
  }
  return to;
}

NodeId from_sockaddr(const sockaddr* from) {
  NodeId id;
  if (from->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(from);
    id.address.bytes[10] = id.address.bytes[11] = 0xFF;
    std::memcpy(id.address.bytes.data() + 12, &v4->sin_addr, 4);
    id.port = ntohs(v4->sin_port);
  } else if (from->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(from);
    std::memcpy(id.address.bytes.data(), &v6->sin6_addr, 16);
    id.port = ntohs(v6->sin6_port);
  }
  return id;
}

bool is_link_local(const IpAddress& address) {
  return !address.is_v4() && address.bytes[0] == 0xFE && (address.bytes[1] & 0xC0U) == 0x80;
}

}  // namespace ott
