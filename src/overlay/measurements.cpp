#include "overlay/measurements.h"

#include <algorithm>

namespace ott {
namespace {

/// How long the memory of a link outlives it.
constexpr Duration kRememberGone = std::chrono::minutes(10);
/// And of how many at most.
constexpr std::size_t kRememberedMax = 256;
/// How often a second a link state may say other facts.
constexpr unsigned kSaidPerS = 1;

}  // namespace

void Measurements::on_link_up(PeerLink& link, Now now) {
  link.rtt = now.mono - link.last_sent;  // its last message of the handshake, which has been answered
  Metered& metered = metered_[link.peer];
  metered.meter.begin(link.rtt, now.mono);
  metered.meter.take_changed();  // its coming up is said anyway
  metered.gone_at = MonoTime::max();
  look_at_ = std::min(look_at_, now.mono + LinkMeter::kInterval);
  while (metered_.size() > kRememberedMax) {
    const auto oldest =
        std::ranges::min_element(metered_, {}, [](const auto& entry) { return entry.second.gone_at; });
    if (oldest->second.gone_at == MonoTime::max()) return;  // all are there
    metered_.erase(oldest);
  }
}

void Measurements::on_round_trip(const PeerLink& link, Duration sample, Now now) {
  const auto metered = metered_.find(link.peer);
  if (!link.is_neighbour() || metered == metered_.end()) return;
  metered->second.meter.round_trip(sample, now.mono);
  changed_ = metered->second.meter.take_changed() || changed_;
}

void Measurements::on_flight(const PeerLink& link, const Flight& flight, Now now) {
  const auto metered = metered_.find(link.peer);
  if (link.is_neighbour() && metered != metered_.end())
    metered->second.meter.segments(flight.segments_sent, flight.segments_resent, now.mono);
}

const LinkMeter* Measurements::of(const NodeId& neighbour) const {
  const auto metered = metered_.find(neighbour);
  return metered == metered_.end() ? nullptr : &metered->second.meter;
}

LinkFacts Measurements::facts(const NodeId& neighbour) const {
  const LinkMeter* meter = of(neighbour);
  return meter == nullptr ? LinkFacts{} : meter->facts();
}

bool Measurements::take_changed(Now now) {
  if (!changed_ || !said_.take(kSaidPerS, 1, now.mono)) return false;
  changed_ = false;
  return true;
}

void Measurements::tick(Now now) {
  if (now.mono < look_at_) return;
  look_at_ = MonoTime::max();
  std::erase_if(metered_, [now](const auto& entry) {
    return entry.second.gone_at != MonoTime::max() && now.mono - entry.second.gone_at >= kRememberGone;
  });
  for (auto& [id, metered] : metered_) {
    look_at_ = now.mono + LinkMeter::kInterval;
    const PeerLink* link = state_.links.neighbour(id);
    if (link == nullptr) {
      if (metered.gone_at == MonoTime::max()) metered.gone_at = now.mono;
      continue;
    }
    const LinkFacts* by_peer = state_.db.facts(id, state_.self);
    metered.meter.set_peer_queues(by_peer != nullptr && by_peer->could_carry_kbps != 0, now.mono);
    metered.meter.look({link->bytes_out, link->frames_skipped, link->blocked_until(now.mono)}, now.mono);
    changed_ = metered.meter.take_changed() || changed_;
    state_.links.requests().sample.push_back(link->id);
  }
}

}  // namespace ott
