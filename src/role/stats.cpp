#include "role/stats.h"

#include <algorithm>
#include <map>

namespace ott {

void add_carries(JsonLine& line, const LinkFacts& said) {
  if (said.could_carry_kbps == 0) {
    line.add_null("carries_kbps");
  } else {
    line.add("carries_kbps", std::uint64_t{said.carries_kbps});
  }
}

StatsLine::StatsLine(std::string_view role, const std::optional<NodeId>& id, WallTime time) {
  add("time", std::chrono::duration<double>(time.time_since_epoch()).count());
  add("role", role);
  add("id", id ? to_string(*id) : "");
}

void StatsLine::add_limits(const LimitCounters& counters) {
  begin("limits");
  for (const LimitCounterName& limit : kLimitCounters) add(limit.name, counters.*limit.counter);
  end();
}

void StatsLine::add_rings(const RingBudget& rings) {
  begin("rings");
  add("bytes", std::uint64_t{rings.bytes_taken()});
  add("bytes_max", std::uint64_t{rings.bytes_max()});
  add("growths_refused", rings.growths_refused());
  end();
}

void StatsLine::add_flows(const FlowTable& flows) {
  begin_list("flows");
  std::size_t shown = 0;
  for (const auto& [id, flow] : flows.all()) {
    if (shown++ == kFlowsShownMax) break;
    const auto guests = static_cast<std::uint64_t>(
        std::ranges::count_if(flow->children, [](const auto& child) { return child->guest; }));
    begin();
    add("stream", flow->info.name).add("origin", to_string(flow->origin));
    add("bytes", flow->buffer.bytes_committed());
    add("nodes", flow->children.size() - guests).add("guests", guests);
    end();
  }
  end_list();
}

/// What this end has measured of a link to a neighbour.
void StatsLine::add_measured(const LinkMeter& meter) {
  add_milliseconds("rtt_smoothed_ms", meter.smoothed());
  add_milliseconds("rtt_variation_ms", meter.variation());
  add_milliseconds("rtt_least_ms", meter.least());
  if (meter.loss() >= 0) {
    add("loss", meter.loss());
  } else {
    add_null("loss");
  }
  add("blocked", meter.blocked());
  add("carries_kbps", std::uint64_t{meter.carries_kbps()});
  add("keeps_up", meter.keeps_up());
  const LinkFacts said = meter.facts();
  begin("said");
  add("rtt_ms", said.rtt_us / 1e3);
  add("loss", static_cast<double>(said.loss) / kLossMax);
  add("could_carry_kbps", std::uint64_t{said.could_carry_kbps});
  add_carries(*this, said);
  end();
}

void StatsLine::add_counts(const LinkCounts& counts, std::size_t waiting_bytes) {
  add("bytes_in", counts.bytes_in);
  add("bytes_out", counts.bytes_out);
  add("frames_in", counts.frames_in);
  add("frames_out", counts.frames_out);
  add("frames_skipped", counts.frames_skipped);
  add("waiting_bytes", std::uint64_t{waiting_bytes});
}

void StatsLine::add_link(const PeerLink& link, const Measurements& measurements) {
  begin();
  add("peer", link.name());
  add("state", to_string(link.handshake.state()));
  add("relation", link.what_peer_is());
  add_counts(link.counts(), link.waiting_bytes());
  if (link.rtt >= Duration{}) {
    add_milliseconds("rtt_ms", link.rtt);
  } else {
    add_null("rtt_ms");
  }
  const LinkMeter* meter = link.is_neighbour() ? measurements.of(link.peer) : nullptr;
  if (meter != nullptr) add_measured(*meter);
  end();
}

void StatsLine::add_links(const LinkTable& links, const Measurements& measurements) {
  begin_list("links");
  for (const PeerLink& link : links.all()) add_link(link, measurements);
  end_list();
}

void StatsLine::add_links_in_short(const LinkTable& links, const Measurements& measurements) {
  struct Sum {
    std::uint64_t links = 0;
    LinkCounts counts;
    std::size_t waiting_bytes = 0;
  };
  std::map<std::string_view, Sum> sums;
  for (const auto& [relation, counts] : links.counted_before()) sums[relation].counts = counts;
  begin_list("links");
  for (const PeerLink& link : links.all()) {
    if (link.shown && !link.ended) add_link(link, measurements);
    if (link.shown || !link.up) continue;
    Sum& sum = sums[link.what_peer_is()];
    ++sum.links;
    sum.counts += link.counts();
    sum.waiting_bytes += link.waiting_bytes();
  }
  for (const auto& [relation, sum] : sums) {
    begin();
    add("relation", relation).add("links", sum.links);
    add_counts(sum.counts, sum.waiting_bytes);
    end();
  }
  end_list();
}

}  // namespace ott
