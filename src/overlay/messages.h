// MESSAGE: a text for people, from one process to some nodes or to all. To one node it takes a path, to
// several a tree, so that a link that they share carries one copy, and to all it is flooded; each node shows
// it once. A guest is in no tree and knows no paths: its access node makes them, names the guest as the
// sender, and lets it say a few a second. What is said to all is passed on to guests.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "overlay/neighbours.h"

namespace ott {

/// A text that was meant for this process.
struct ArrivedMessage {
  NodeId from;
  std::vector<NodeId> route;  // the nodes that have handled it, the sender first
  std::string text;
};

/// An error names the place of what a MESSAGE cannot carry: no UTF-8, a control character, too many bytes.
Result<void> check_message_text(const std::string& text);

class Messages {
 public:
  Messages(OverlayState& state, const Neighbours& neighbours) : state_(state), neighbours_(neighbours) {}

  /// Sends a text to these nodes, each an id or a name that is known here (a neighbour's; at the bootstrapper
  /// anybody's), or to all where there are none. The error says which of them cannot be reached and why; then
  /// nothing is sent. A guest hears nothing of nodes that its access node cannot reach.
  Result<void> say(const std::string& text, const std::vector<std::string>& to, Now now);
  void on_message(PeerLink& link, const Message& message, Now now);
  std::vector<ArrivedMessage> take_arrived() { return std::exchange(arrived_, {}); }

 private:
  [[nodiscard]] Result<NodeId> named(const std::string& node) const;
  void say_by_access(PeerLink& access, Message message, std::vector<NodeId> nodes);
  void on_guest_message(PeerLink& guest, Message message, Now now);
  [[nodiscard]] std::string set_path(Message& message, const std::vector<NodeId>& nodes) const;
  void spread(const Message& message, const PeerLink* from, Now now);
  void pass_to_guests(const Message& message, const PeerLink* from, Now now);
  bool handled_before(const Message& message);
  void arrive(const Message& message);

  OverlayState& state_;
  const Neighbours& neighbours_;
  std::uint64_t said_ = 0;
  RateLimit to_guests_;
  std::deque<std::pair<NodeId, std::uint64_t>> handled_;  // the last ones that passed, by sender and number
  std::vector<ArrivedMessage> arrived_;
};

}  // namespace ott
