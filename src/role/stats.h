// One line of --stats: a JSON object, built member by member.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

#include "overlay/overlay.h"

namespace ott {

class StatsLine {
 public:
  StatsLine(std::string_view role, const std::optional<NodeId>& id, WallTime time);

  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, std::uint64_t value);
  void add(std::string_view key, double value);
  void add(std::string_view key, bool value);
  /// A nested object: begin, add, end. Within a list it has no key.
  void begin(std::string_view key);
  void begin() { json_.StartObject(); }
  void end() { json_.EndObject(); }
  void begin_list(std::string_view key);
  void end_list() { json_.EndArray(); }
  /// How often each limit on what peers can do was reached.
  void add_limits(const LimitCounters& counters);
  /// How much memory the rings have, of how much, and how often one did not grow for want of it.
  void add_rings(const RingBudget& rings);
  void add_links(const LinkTable& links, const Measurements& measurements);
  /// The whole line, without a line end. Once.
  std::string finish();

 private:
  void key(std::string_view name);
  void add_null(std::string_view name);
  void add_milliseconds(std::string_view name, Duration time);
  void add_measured(const LinkMeter& meter);

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> json_{buffer_};
};

}  // namespace ott
