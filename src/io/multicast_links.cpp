#include "io/multicast_links.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <vector>

#include "io/clock.h"
#include "io/socket_address.h"

namespace ott {
namespace {

constexpr Duration kLookInterval = std::chrono::seconds(3);
/// Two sockets each, one of each family.
constexpr std::size_t kSocketsMax = 64;
/// What of a longer datagram is cut off shows that it is none of ours.
constexpr std::size_t kRoomBytes = 256;
constexpr std::size_t kDatagramsPerTurn = 16;

NodeId group_of(bool v4) {
  return {parse_ip(v4 ? kDiscoveryGroupV4 : kDiscoveryGroupV6).value(), kDiscoveryPort};
}

void send_from(const UdpSocket& socket, const std::string& interface, const IpAddress& address) {
  ip_mreqn from{};
  std::copy_n(address.bytes.begin() + 12, 4, reinterpret_cast<std::uint8_t*>(&from.imr_address));
  from.imr_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  (void)::setsockopt(socket.fd(), IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from);
}

}  // namespace

struct MulticastLinks::Interface {
  IpAddress address;
  bool loopback;
};

struct MulticastLinks::Link {
  Link(MulticastLinks& links, UdpSocket udp, bool on_loopback)
      : owner(links), socket(std::move(udp)), loopback(on_loopback), watcher(links.loop_) {
    watcher.start<&Link::ready>(*this, socket.fd(), EV_READ);
  }
  void ready(int) { owner.receive(*this); }

  MulticastLinks& owner;
  UdpSocket socket;
  bool loopback;
  IoWatcher watcher;
};

MulticastLinks::MulticastLinks(struct ev_loop* loop, Log& log) : loop_(loop), log_(log), look_timer_(loop) {}

MulticastLinks::~MulticastLinks() = default;

void MulticastLinks::begin(Receiver& receiver) {
  receiver_ = &receiver;
  look();
}

/// Opens what has come and closes what has gone.
void MulticastLinks::look() {
  look_timer_.start<&MulticastLinks::look>(*this, kLookInterval);
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;  // the next time
  std::map<Key, Interface> there;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    const int family = entry->ifa_addr->sa_family;
    const bool loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
    if (!loopback && (entry->ifa_flags & IFF_MULTICAST) == 0) continue;
    if (family != AF_INET && family != AF_INET6) continue;
    there.try_emplace({entry->ifa_name, family == AF_INET},
                      Interface{from_sockaddr(entry->ifa_addr).address, loopback});
  }
  ::freeifaddrs(list);
  std::erase_if(links_, [&](const auto& entry) {
    if (there.contains(entry.first)) return false;
    log_.info(fmt::format("interface {} is gone: it is not looked for others there", entry.first.first));
    return true;
  });
  for (const auto& [key, interface] : there) {
    if (!links_.contains(key) && links_.size() < kSocketsMax) open(key, interface);
  }
}

void MulticastLinks::open(const Key& key, const Interface& interface) {
  const auto& [name, v4] = key;
  auto socket = UdpSocket::bind(group_of(v4), name);
  if (!socket) return log_.debug(socket.error().message);
  if (const auto joined = socket->join(group_of(v4).address); !joined)
    return log_.debug(joined.error().message);
  socket->set_multicast_hops(1);
  socket->set_multicast_loop(true);
  // From the interface's own address: the kernel takes none of a loopback for multicast by itself.
  if (v4) send_from(*socket, name, interface.address);
  log_.debug(fmt::format("looking for others on {}, by IPv{}", name, v4 ? 4 : 6));
  links_[key] = std::make_unique<Link>(*this, std::move(*socket), interface.loopback);
}

void MulticastLinks::receive(Link& link) {
  std::array<std::array<std::uint8_t, kRoomBytes>, kDatagramsPerTurn> rooms;
  std::array<Datagram, kDatagramsPerTurn> datagrams;
  for (std::size_t i = 0; i < rooms.size(); ++i) datagrams[i].room = rooms[i];
  const auto count = link.socket.receive(datagrams);
  if (!count) {  // its interface has gone; it is looked at again soon
    std::erase_if(links_, [&link](const auto& entry) { return entry.second.get() == &link; });
    return;
  }
  for (std::size_t i = 0; i < *count; ++i) {
    if (!datagrams[i].cut_short)
      receiver_->on_datagram(datagrams[i].bytes, datagrams[i].from.address, clock_now());
  }
}

void MulticastLinks::send(ByteSpan datagram, bool loopback_only) {
  const std::array<ByteSpan, 1> datagrams = {datagram};
  for (const auto& [key, link] : links_) {
    // That an interface takes none is seen when it is looked at the next time.
    if (link->loopback || !loopback_only) (void)link->socket.send(datagrams, group_of(key.second));
  }
}

}  // namespace ott
