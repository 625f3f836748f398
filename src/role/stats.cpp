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

void StatsLine::add_links(const LinkTable& links) {
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
    if (link.rtt >= Duration{}) {
      add("rtt_ms", std::chrono::duration<double, std::milli>(link.rtt).count());
    } else {
      key("rtt_ms");
      json_.Null();
    }
    end();
  }
  end_list();
}

std::string StatsLine::finish() {
  json_.EndObject();
  return buffer_.GetString();
}

}  // namespace ott
