#include "overlay/heartbeats.h"

#include <fmt/format.h>

#include <algorithm>

#include "overlay/membership.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A guest has nothing to say, and there are many: so often it measures the round trip, and is heard of by
/// it.
constexpr Duration kGuestEchoInterval = seconds(10);
/// How often all others measure it.
constexpr Duration kEchoInterval = seconds(5);
/// How often guests' and control links are looked at, which need not be as quick and may be many: to look at
/// a link is to fetch it from memory. Half of a guest's interval, so that no link is quiet for more than one
/// and a half of its own.
constexpr Duration kAllInterval = milliseconds(250);
/// Beats that are due within this part of the interval (1/4 of it) go out when we are awake anyway.
constexpr int kBeatEarly = 4;

std::uint64_t nanoseconds(MonoTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

bool is_quick(const PeerLink& link) { return link.is_neighbour() || link.is_access(); }

}  // namespace

MonoTime Heartbeats::early_deadline() const { return beat_at_ - state_.config.heartbeat / kBeatEarly; }

bool Heartbeats::tick(Now now) {
  if (now.mono < early_deadline()) return false;
  beat_at_ = now.mono + state_.config.heartbeat;
  std::erase_if(quick_, [this, now](LinkId id) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr || link->closing) return true;
    beat(*link, now);
    return false;
  });
  if (now.mono + slack() < all_at_) return false;
  all_at_ = now.mono + kAllInterval;
  for (PeerLink& link : state_.links.all()) {
    if (link.handshake.over() && !link.closing && !is_quick(link)) beat(link, now);
  }
  return true;
}

void Heartbeats::beat(PeerLink& link, Now now) {
  if (now.mono - link.last_heard > state_.silence_max(link)) {
    state_.log.info(
        fmt::format("{}: silent for {} ms: taken for dead", membership_.describe(link.peer),
                    std::chrono::duration_cast<milliseconds>(now.mono - link.last_heard).count()));
    state_.links.close(link, ByeReason::Silent, "nothing heard of you");
    return;
  }
  const Duration echo_interval = link.is_access() ? kGuestEchoInterval : kEchoInterval;
  if (!link.is_guest() && now.mono - link.echo_sent + slack() >= echo_interval) {
    send_echo(link, now);
    return;
  }
  const Duration interval = state_.beat_interval(link);
  const Duration quiet = now.mono - link.last_sent;
  // Who is about to be sent something needs no beat; but it may turn out to have all of that already.
  const bool served = link.queued && quiet < 2 * interval;
  if (!link.is_access() && !served && quiet + slack() >= interval) {
    state_.links.send(link, Heartbeat{false, 0});
  }
}

void Heartbeats::on_link_up(PeerLink& link, Now now) {
  send_echo(link, now);
  if (is_quick(link)) quick_.push_back(link.id);
}

void Heartbeats::send_echo(PeerLink& link, Now now) {
  link.echo_sent = now.mono;
  state_.links.send(link, Heartbeat{false, nanoseconds(now.mono)});
}

void Heartbeats::on_heartbeat(PeerLink& link, const Heartbeat& message, Now now) {
  if (!message.reply) {
    if (message.time != 0) state_.links.send(link, Heartbeat{true, message.time});
    return;
  }
  const std::uint64_t now_ns = nanoseconds(now.mono);
  if (message.time <= now_ns) link.rtt = Duration(static_cast<Duration::rep>(now_ns - message.time));
}

}  // namespace ott
