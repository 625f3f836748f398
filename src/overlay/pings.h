// PING and MESSAGE, which travel for people to see. A node passes both on along their Trackers, and keeps
// those for itself until they are taken. A neighbour may send a number of them a second; more are dropped and
// counted.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "overlay/origin.h"

namespace ott {

/// A message that has arrived here by its Tracker.
struct Arrived {
  NodeId from;
  std::uint64_t number = 0;
  std::uint16_t hops = 0;
  std::optional<std::uint64_t> sent_time;  // of a PING
  std::string text;                        // of a MESSAGE
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
  void on_message(PeerLink& link, const Message& message, Now now);
  std::vector<Arrived> take_arrived() { return std::exchange(arrived_, {}); }

 private:
  bool take_turn(PeerLink& link, Now now);
  void pass_to_guests(const Ping& ping, Now now);
  bool handled_before(const Message& message);

  OverlayState& state_;
  std::function<std::string(const NodeId&)> describe_;
  std::uint64_t number_ = 0;
  RateLimit to_guests_;
  std::deque<std::pair<NodeId, std::uint64_t>> handled_;  // the last floods that passed, by sender and number
  std::vector<Arrived> arrived_;
};

}  // namespace ott
