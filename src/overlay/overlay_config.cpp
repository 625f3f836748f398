#include "overlay/overlay_config.h"

#include <algorithm>

namespace ott {
namespace {

/// The shortest hello interval on links of guests; control links, which carry no stream, have a longer one.
constexpr Duration kGuestHelloMin = std::chrono::milliseconds(500);
constexpr Duration kControlHelloMin = std::chrono::seconds(1);
constexpr int kHellosMissedMax = 3;
/// The dead interval of guests. They are many, and a viewer that stands still for a while keeps its place.
constexpr Duration kGuestDeadInterval = std::chrono::seconds(60);

/// The hello interval on a link of an end whose interval for neighbours is `interval`.
Duration interval_on(Relation relation, Duration interval) {
  switch (relation) {
    case Relation::Neighbour:
      return interval;
    case Relation::Guest:
      return std::max(kGuestHelloMin, interval);
    case Relation::Control:
      return std::max(kControlHelloMin, interval);
  }
  return interval;
}

}  // namespace

[[gnu::hot]] Duration OverlayState::hello_interval(const PeerLink& link) const {
  return interval_on(link.relation, config.heartbeat);
}

[[gnu::hot]] Duration OverlayState::dead_interval(const PeerLink& link) const {
  if (link.is_of_guest()) return kGuestDeadInterval;
  if (link.is_measured()) return kHellosMissedMax * kEchoInterval + kControlHelloMin;
  return kHellosMissedMax * interval_on(link.relation, std::chrono::milliseconds(link.greeting.hello_ms));
}

PeerLink& OverlayState::connect(Purpose purpose, const NodeId& to, Now now, std::optional<IpAddress> from) {
  std::vector<IpAddress> sources;
  if (from) {
    sources = {*from};
  } else if (translated) {
    sources = {};
  } else if (self_known && config.kind != PeerKind::Guest) {
    sources = {self.address};
    for (const NodeId& address : further) sources.push_back(address.address);
  } else if (!self_known && config.id) {
    sources = {config.id->address};
  } else if (config.join && !self.address.is_unspecified()) {
    sources = {self.address};
  }
  PeerLink& link = links.add(purpose, to, now);
  links.requests().connect.push_back({link.id, to, std::move(sources)});
  return link;
}

void OverlayState::listen() {
  std::vector<NodeId> wanted = {self};
  wanted.insert(wanted.end(), further.begin(), further.end());
  for (const NodeId& address : wanted) {
    if (std::ranges::count(listening_on, address) > 0) continue;
    listening_on.push_back(address);
    links.requests().listen.push_back(address);
  }
}

PeerLink* OverlayState::access_towards(const NodeId& origin) {
  PeerLink* access = links.access();
  return access != nullptr && is_member() && db.reaches(self, origin) ? nullptr : access;
}

void OverlayState::quit(std::string message) {
  if (!links.requests().exit) links.requests().exit = {1, std::move(message)};
}

Greeting OverlayState::greeting() const {
  const auto hello = std::chrono::ceil<std::chrono::milliseconds>(config.heartbeat).count();
  return {config.kind, config.incarnation, static_cast<std::uint32_t>(hello),
          kTakesMeasuring | (config.join ? kFindsNeighbours : 0)};
}

}  // namespace ott
