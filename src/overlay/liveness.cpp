#include "overlay/liveness.h"

#include <fmt/format.h>

#include <algorithm>

#include "overlay/measurements.h"
#include "overlay/neighbours.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How often neighbours measure the round trip, which are sent hellos anyway, and how often all others do.
constexpr Duration kNeighbourEchoInterval = milliseconds(500);
/// How long an answer is waited for before the question is asked again.
constexpr Duration kAnswerTimeMax = seconds(5);
/// How often guests' and control links are looked at: to look at a link is to fetch it from memory. This is
/// half of a guest link's hello interval, so no link is quiet for more than one and a half of its own.
constexpr Duration kAllInterval = milliseconds(250);
/// Hellos that are due within this part of the interval (1/4 of it) go out when the process is awake anyway.
constexpr int kEarlyPart = 4;
/// How many round trips a peer may be silent for, but in no case for more dead intervals than so many.
constexpr int kSilentRoundTrips = 2;
constexpr int kSilentMost = 3;

std::uint64_t nanoseconds(MonoTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

bool is_quick(const PeerLink& link) { return link.is_neighbour() || link.is_access(); }

}  // namespace

MonoTime Liveness::early_deadline() const {
  return std::min(hellos_at_ - state_.config.heartbeat / kEarlyPart, dead_at_);
}

bool Liveness::tick(Now now) {
  if (now.mono < early_deadline()) return false;
  hellos_at_ = now.mono + state_.config.heartbeat;
  dead_at_ = MonoTime::max();
  std::erase_if(quick_, [this, now](LinkId id) {
    PeerLink* link = state_.links.find(id);
    if (link == nullptr || link->closing) return true;
    look_at(*link, now);
    if (!link->closing) dead_at_ = std::min(dead_at_, silence_looked_at(*link));
    return false;
  });
  if (now.mono + slack() < all_at_) return false;
  all_at_ = now.mono + kAllInterval;
  for (PeerLink& link : state_.links.all()) {
    if (link.handshake.over() && !link.closing && !is_quick(link)) look_at(link, now);
  }
  return true;
}

void Liveness::look_at(PeerLink& link, Now now) {
  if (now.mono >= silence_looked_at(link)) state_.links.requests().sample.push_back(link.id);
  if (echo_is_due(link, now)) return send_echo(link, now);
  const Duration interval = state_.hello_interval(link);
  const Duration quiet = now.mono - link.last_sent;
  // A link on which records are about to go out needs no hello, unless the peer turns out to have them all.
  const bool served = link.queued && quiet < 2 * interval;
  const bool says_hello = !link.is_access() && !link.is_measured();
  if (says_hello && !served && quiet + slack() >= interval) {
    state_.links.send(link, Heartbeat{false, 0});
  }
}

/// When the kernel is asked next: after two thirds of the dead interval, and at its end.
MonoTime Liveness::silence_looked_at(const PeerLink& link) const {
  const Duration dead = state_.dead_interval(link);
  if (link.segments_at < link.last_heard) return link.last_heard + 2 * dead / 3;
  return std::max(link.last_sign() + dead, link.segments_at + dead / 3);
}

void Liveness::on_flight(PeerLink& link, const Flight& flight, Now now) {
  if (link.closing) return;
  const bool first_look = link.segments_at < link.last_heard;  // since something could be read
  if (!first_look && flight.segments_received == link.segments_in) {
    if (now.mono < silence_looked_at(link)) return;
    const Duration most =
        std::min(kSilentRoundTrips * flight.round_trip, kSilentMost * state_.dead_interval(link));
    if (now.mono >= link.last_sign() + most) return close_as_dead(link, now);
    link.segments_at = now.mono;
    return;
  }
  if (!first_look) link.arrived_at = now.mono;
  link.segments_in = flight.segments_received;
  link.segments_at = now.mono;
}

bool Liveness::echo_is_due(const PeerLink& link, Now now) const {
  if (link.is_of_guest()) return false;
  const Duration interval = link.is_neighbour() ? kNeighbourEchoInterval : kEchoInterval;
  const Duration since = now.mono - link.echo_sent;
  return since + slack() >= interval && (!link.echo_awaited || since >= kAnswerTimeMax);
}

void Liveness::close_as_dead(PeerLink& link, Now now) {
  state_.log.info(fmt::format("{}: silent for {} ms: taken for dead", neighbours_.describe(link.peer),
                              std::chrono::duration_cast<milliseconds>(now.mono - link.last_heard).count()));
  state_.links.close(link, ByeReason::Silent, "nothing heard of you");
}

void Liveness::on_link_up(PeerLink& link, Now now) {
  // The peer is up when it has heard of it, and its first hello comes a round trip from now.
  if (!link.outgoing()) link.arrived_at = now.mono + (now.mono - link.last_sent);
  if (!link.is_measured() || link.outgoing()) send_echo(link, now);
  if (!is_quick(link)) return;
  quick_.push_back(link.id);
  dead_at_ = std::min(dead_at_, silence_looked_at(link));
}

void Liveness::send_echo(PeerLink& link, Now now) {
  link.echo_sent = now.mono;
  link.echo_awaited = true;
  state_.links.send(link, Heartbeat{false, nanoseconds(now.mono)});
}

bool Liveness::on_heartbeat(PeerLink& link, const Heartbeat& message, Now now) {
  if (!message.reply) {
    if (message.time != 0) state_.links.answer_echo(link, message.time);
    return false;
  }
  // Only the answer to the last question measures the round trip.
  if (message.time != nanoseconds(link.echo_sent) || !std::exchange(link.echo_awaited, false)) return false;
  link.rtt = now.mono - link.echo_sent;
  state_.round_trips.add(link.rtt);
  measurements_.on_round_trip(link, link.rtt, now);
  return true;
}

}  // namespace ott
