#include "overlay/messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "overlay/source_route.h"

namespace ott {
namespace {

/// How many messages are remembered: those that a few links may send in a second.
constexpr std::size_t kHandledMax = 1'024;
/// How many a second go on to guests, since each becomes one for each guest.
constexpr unsigned kToGuestsPerS = 5;
/// Nodes that one message may name.
constexpr std::size_t kDestinationsMax = 1'024;

/// How many bytes the character in UTF-8 has that begins there (RFC 3629, section 4); 0: it is none.
std::size_t character_at(const std::string& text, std::size_t at) {
  const auto byte = [&text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t bytes = first >= 0xC2 && first < 0xE0   ? 2
                            : (first & 0xF0U) == 0xE0       ? 3
                            : first >= 0xF0 && first < 0xF5 ? 4
                                                            : 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(at + 1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second >= 0xA0) || (first == 0xF4 && second >= 0x90);
  return overlong || beyond ? 0 : bytes;
}

}  // namespace

Result<void> check_message_text(const std::string& text) {
  if (text.empty()) return fail("there is no text to say");
  if (text.size() > kTextBytesMax)
    return fail(fmt::format("the text has {} bytes, and {} is the most", text.size(), kTextBytesMax));
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 || byte == 0x7F)
      return fail(fmt::format("byte {} of the text is the control character 0x{:02X}", at + 1, byte));
    const std::size_t bytes = character_at(text, at);
    if (bytes == 0) return fail(fmt::format("byte {} of the text, 0x{:02X}, is no UTF-8", at + 1, byte));
    at += bytes;
  }
  return {};
}

Result<NodeId> Messages::named(const std::string& node) const {
  if (const auto id = parse_node_id(node)) return *id;
  const std::vector<NodeId> found = neighbours_.named(node);
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    return fail(fmt::format("several nodes are called '{}': say which by its address", node));
  return fail(fmt::format("no node that is known here is called '{}': say its address", node));
}

Result<void> Messages::say(const std::string& text, const std::vector<std::string>& to, Now now) {
  if (auto good = check_message_text(text); !good) return good;
  if (to.size() > kDestinationsMax)
    return fail(fmt::format("a message goes to {} nodes at most, or to all", kDestinationsMax));
  std::vector<NodeId> nodes;
  for (const std::string& name : to) {
    const auto id = named(name);
    if (!id) return tl::unexpected(id.error());
    if (state_.self_known && *id == state_.self) return fail(fmt::format("{} is this node itself", name));
    if (std::ranges::find(nodes, *id) == nodes.end()) nodes.push_back(*id);
  }
  Message message;
  // Nodes remember the last numbers of a sender, and those of its former run may be among them.
  message.number = (state_.config.incarnation + ++said_) & kNumberMax;
  message.text = text;
  PeerLink* access = state_.links.access();
  if (!state_.links.has_neighbours()) {
    if (access == nullptr) return fail("this process has no link to any node yet");
    say_by_access(*access, std::move(message), std::move(nodes));
    return {};
  }
  message.from = state_.self;
  if (to.empty()) {
    message.tracker = Tracker::everywhere();
    spread(message, nullptr, now);
    return {};
  }
  const std::string missed = set_path(message, nodes);
  if (!missed.empty()) return fail(fmt::format("there is no path to {}", missed));
  forward(state_.links, message);
  return {};
}

/// Finds the way to these nodes. Returns those to which there is none, for people.
std::string Messages::set_path(Message& message, const std::vector<NodeId>& nodes) const {
  message.tracker.path = multicast_tree(state_.db.graph(), state_.self, nodes, state_.config.tree_policy);
  const std::vector<NodeId> reached = message.tracker.path.destinations();
  std::string missed;
  for (const NodeId& node : nodes) {
    if (std::ranges::find(reached, node) != reached.end()) continue;
    missed += (missed.empty() ? "" : ", ") + neighbours_.describe(node);
  }
  return missed;
}

/// The access node makes the paths: to it, all nodes stand right below itself.
void Messages::say_by_access(PeerLink& access, Message message, std::vector<NodeId> nodes) {
  message.from = access.you;
  if (nodes.empty()) {
    message.tracker = flood(Tracker::everywhere(), message.from, {}).tracker;
    return state_.links.send(access, message);
  }
  const bool for_access = std::erase(nodes, access.peer) > 0;
  const auto below = static_cast<std::uint32_t>(nodes.size());
  PathTree path;
  path.entries = {{message.from, below + 2, false}, {access.peer, below + 1, for_access}};
  for (const NodeId& node : nodes) path.entries.push_back({node, 1, true});
  message.tracker = split(Tracker::along(std::move(path))).front().tracker;
  state_.links.send(access, message);
}

void Messages::on_message(PeerLink& link, const Message& message, Now now) {
  const Limits& limits = state_.config.limits;
  const unsigned rate = link.is_guest() ? limits.messages_per_guest_s : limits.messages_per_link_s;
  if (!link.messages_in.take(rate, limits.burst_s, now.mono)) {
    ++state_.counters.messages_dropped;
    return;
  }
  if (link.is_guest()) return on_guest_message(link, message, now);
  if (!message.tracker.flood) {
    if (message.tracker.path.root().node != state_.self_on(link)) return;
    if (message.tracker.for_here() && !handled_before(message)) arrive(message);
    // What an access node says goes no further: it has no place in the paths of a member.
    if (!link.is_access()) forward(state_.links, message);
    return;
  }
  if (message.from == state_.self || handled_before(message)) return;
  arrive(message);
  if (!link.is_access()) spread(message, &link, now);
}

/// Of a guest's path the destinations alone count, and its sender is the guest, whatever it says.
void Messages::on_guest_message(PeerLink& guest, Message message, Now now) {
  message.from = guest.peer;
  std::vector<NodeId> nodes = message.tracker.path.destinations();
  message.tracker.path = {};
  message.tracker.hops = 1;
  message.tracker.visited = {guest.peer};
  if (handled_before(message)) return;
  if (message.tracker.flood) {
    arrive(message);
    return spread(message, &guest, now);
  }
  if (std::erase(nodes, state_.self) > 0) arrive(message);
  if (nodes.empty()) return;
  const std::string missed = set_path(message, nodes);
  if (!missed.empty()) {
    state_.log.info(
        fmt::format("a message from guest {}: there is no path to {}", to_string(guest.peer), missed));
  }
  forward(state_.links, message);
}

/// Passes a flood on: to every neighbour that it has not visited, and to guests.
void Messages::spread(const Message& message, const PeerLink* from, Now now) {
  const FloodStep step = flood(message.tracker, state_.self, state_.links.neighbours());
  Message copy = message;
  copy.tracker = step.tracker;
  for (const NodeId& next : step.next) {
    PeerLink* neighbour = state_.links.neighbour(next);
    if (neighbour != nullptr && neighbour != from) state_.links.send(*neighbour, copy);
  }
  pass_to_guests(message, from, now);
}

void Messages::pass_to_guests(const Message& message, const PeerLink* from, Now now) {
  if (state_.links.guests() == 0 || !to_guests_.take(kToGuestsPerS, 1, now.mono)) return;
  for (PeerLink& link : state_.links.all()) {
    if (!link.is_guest() || &link == from) continue;
    Message copy = message;
    copy.tracker.flood = false;
    copy.tracker.path.entries = {{state_.self, 2, false}, {link.peer, 1, true}};
    copy.tracker = split(copy.tracker).front().tracker;
    state_.links.send(link, copy);
  }
}

bool Messages::handled_before(const Message& message) {
  const std::pair known{message.from, message.number};
  if (std::ranges::find(handled_, known) != handled_.end()) return true;
  handled_.push_back(known);
  if (handled_.size() > kHandledMax) handled_.pop_front();
  return false;
}

void Messages::arrive(const Message& message) {
  arrived_.push_back({message.from, message.tracker.visited, message.text});
}

}  // namespace ott
