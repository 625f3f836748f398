#include "role/stats.h"

#include "media/text.h"

namespace ott {

StatsLine::StatsLine(std::string_view role, const std::optional<NodeId>& id, WallTime time) {
  json_.SetMaxDecimalPlaces(3);
  json_.StartObject();
  add("time", std::chrono::duration<double>(time.time_since_epoch()).count());
  add("role", role);
  add("id", id ? to_string(*id) : "");
}

void StatsLine::key(std::string_view name) {
  json_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}

void StatsLine::add(std::string_view name, std::string_view value) {
  key(name);
  const std::string text = to_utf8(value);  // a stream's name is what its origin says
  json_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void StatsLine::add(std::string_view name, std::uint64_t value) {
  key(name);
  json_.Uint64(value);
}

void StatsLine::add(std::string_view name, double value) {
  key(name);
  json_.Double(value);
}

void StatsLine::add(std::string_view name, bool value) {
  key(name);
  json_.Bool(value);
}

void StatsLine::begin(std::string_view name) {
  key(name);
  json_.StartObject();
}

void StatsLine::begin_list(std::string_view name) {
  key(name);
  json_.StartArray();
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

void StatsLine::add_null(std::string_view name) {
  key(name);
  json_.Null();
}

void StatsLine::add_milliseconds(std::string_view name, Duration time) {
  add(name, std::chrono::duration<double, std::milli>(time).count());
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
  add("carries_kbps", std::uint64_t{said.carries_kbps});
  end();
}

void StatsLine::add_links(const LinkTable& links, const Measurements& measurements) {
  begin_list("links");
  for (const PeerLink& link : links.all()) {
    begin();
    add("peer", link.name());
    add("state", to_string(link.handshake.state()));
    add("relation", link.what_peer_is());
    add("bytes_in", link.bytes_in);
    add("bytes_out", link.bytes_out);
    add("frames_in", link.frames_in);
    add("frames_out", link.frames_out);
    add("frames_skipped", link.frames_skipped);
    add("waiting_bytes", std::uint64_t{link.waiting_bytes()});
    if (link.rtt >= Duration{}) {
      add_milliseconds("rtt_ms", link.rtt);
    } else {
      add_null("rtt_ms");
    }
    const LinkMeter* meter = link.is_neighbour() ? measurements.of(link.peer) : nullptr;
    if (meter != nullptr) add_measured(*meter);
    end();
  }
  end_list();
}

std::string StatsLine::finish() {
  json_.EndObject();
  return buffer_.GetString();
}

}  // namespace ott
