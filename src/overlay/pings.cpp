#include "overlay/pings.h"

#include <fmt/format.h>

#include <algorithm>

#include "overlay/source_route.h"

namespace ott {
namespace {

/// How many PINGs a second go on to guests, since each PING becomes one for each guest.
constexpr unsigned kGuestPingsPerS = 5;

}  // namespace

std::size_t Pings::ping(std::vector<NodeId> watchers, Now now) {
  if (state_.links.guests() > 0) watchers.push_back(state_.self);
  if (watchers.empty()) return 0;
  Ping ping;
  ping.tracker =
      Tracker::along(multicast_tree(state_.db.graph(), state_.self, watchers, state_.config.tree_policy));
  const std::size_t nodes = ping.tracker.path.destinations().size();
  if (nodes == 0) return 0;
  ping.from = state_.self;
  ping.number = ++number_;
  ping.time = static_cast<std::uint64_t>(std::max<std::int64_t>(now.wall.time_since_epoch().count(), 0));
  forward(state_.links, ping);
  pass_to_guests(ping, now);
  return nodes;
}

void Pings::on_ping(PeerLink& link, const Ping& message, Now now) {
  const Limits& limits = state_.config.limits;
  if (!link.messages_in.take(limits.messages_per_link_s, limits.burst_s, now.mono)) {
    ++state_.counters.messages_dropped;
    return;
  }
  if (message.tracker.path.root().node != state_.self_on(link)) return;
  const bool for_here = message.tracker.for_here();
  if (for_here) {
    arrived_.push_back({message.from, message.number, message.tracker.hops, message.time});
  }
  std::string onward;
  for (const PathTree::View child : message.tracker.path.children()) {
    onward += (onward.empty() ? "" : ", ") + describe_(child.front().node);
  }
  const std::size_t guests = for_here ? state_.links.guests() : 0;
  if (guests > 0)
    onward += fmt::format("{}{} guest{}", onward.empty() ? "" : ", ", guests, guests == 1 ? "" : "s");
  if (!onward.empty()) {
    state_.log.info(fmt::format("ping {} from {}: came from {}, goes to {}", message.number,
                                to_string(message.from), describe_(link.peer), onward));
  }
  // What an access node says goes on to guests at most: it has no place in the paths of a member.
  if (!link.is_access()) forward(state_.links, message);
  pass_to_guests(message, now);
}

void Pings::pass_to_guests(const Ping& ping, Now now) {
  if (!ping.tracker.for_here() || state_.links.guests() == 0) return;
  if (!to_guests_.take(kGuestPingsPerS, 1, now.mono)) return;
  for (PeerLink& link : state_.links.all()) {
    if (!link.is_guest()) continue;
    Ping copy = ping;
    copy.tracker.path.entries = {{state_.self, 2, false}, {link.peer, 1, true}};
    copy.tracker = split(copy.tracker).front().tracker;
    state_.links.send(link, copy);
  }
}

}  // namespace ott
