// The links of this host by multicast: a group of IPv4 and one of IPv6, hops 1, on each interface that is up.
// Interfaces come and go: they are looked at each few seconds.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "io/udp_socket.h"
#include "io/watcher.h"
#include "ott/local_links.h"
#include "ott/log.h"

namespace ott {

/// Of the blocks for use within a site (RFC 2365) and for one link (RFC 4291).
inline constexpr const char* kDiscoveryGroupV4 = "239.255.79.84";
inline constexpr const char* kDiscoveryGroupV6 = "ff02::4f54:5444";
inline constexpr std::uint16_t kDiscoveryPort = 7000;

class MulticastLinks final : public LocalLinks {
 public:
  MulticastLinks(struct ev_loop* loop, Log& log);
  ~MulticastLinks() override;
  MulticastLinks(const MulticastLinks&) = delete;
  MulticastLinks& operator=(const MulticastLinks&) = delete;

  void begin(Receiver& receiver) override;
  void send(ByteSpan datagram, bool loopback_only) override;

 private:
  struct Interface;
  struct Link;
  using Key = std::pair<std::string, bool>;  // an interface, and whether it is its IPv4

  void look();
  void open(const Key& key, const Interface& interface);
  void receive(Link& link);

  struct ev_loop* loop_;
  Log& log_;
  Receiver* receiver_ = nullptr;
  TimerWatcher look_timer_;
  std::map<Key, std::unique_ptr<Link>> links_;
};

}  // namespace ott
