// PING, which travels for people to see. A node passes it on along its Tracker, and keeps those for itself
// until they are taken. A neighbour may send a number of them a second; more are dropped and counted.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "overlay/origin.h"

namespace ott {

/// One that has arrived here by its Tracker.
struct ArrivedPing {
  NodeId from;
  std::uint64_t number = 0;
  std::uint16_t hops = 0;
  std::uint64_t sent_time = 0;
};

class Pings {
 public:
  /// `describe` puts a node into words for the log.
  Pings(OverlayState& state, std::function<std::string(const NodeId&)> describe)
      : state_(state), describe_(std::move(describe)) {}

  /// Sends a PING to these nodes, which watch streams of this one, and to this node's guests. Returns how
  /// many they are.
  std::size_t ping(std::vector<NodeId> watchers, Now now);
  void on_ping(PeerLink& link, const Ping& message, Now now);
  std::vector<ArrivedPing> take_arrived() { return std::exchange(arrived_, {}); }

 private:
  void pass_to_guests(const Ping& ping, Now now);

  OverlayState& state_;
  std::function<std::string(const NodeId&)> describe_;
  std::uint64_t number_ = 0;
  RateLimit to_guests_;
  std::vector<ArrivedPing> arrived_;
};

}  // namespace ott
