// A JSON object in one line, built member by member. Texts may be a peer's: what is no UTF-8 in them becomes
// U+FFFD.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "ott/time.h"

namespace ott {

class JsonLine {
 public:
  JsonLine();

  JsonLine& add(std::string_view key, std::string_view value);
  JsonLine& add(std::string_view key, const std::string& value) { return add(key, std::string_view(value)); }
  JsonLine& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  JsonLine& add(std::string_view key, std::uint64_t value);
  JsonLine& add(std::string_view key, std::int64_t value);
  JsonLine& add(std::string_view key, double value);
  JsonLine& add(std::string_view key, bool value);
  JsonLine& add_null(std::string_view key);
  JsonLine& add_milliseconds(std::string_view key, Duration time);
  /// A nested object: begin, add, end. Within a list it has no key.
  void begin(std::string_view key);
  void begin() { json_.StartObject(); }
  void end() { json_.EndObject(); }
  void begin_list(std::string_view key);
  void end_list() { json_.EndArray(); }
  /// A text in a list.
  void item(std::string_view value);
  /// A member, or an item of a list, that is JSON already.
  void add_json(std::string_view key, std::string_view object);
  void item_json(std::string_view object);
  /// The whole line, without a line end. Once.
  std::string finish();

 private:
  void key(std::string_view name);

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> json_{buffer_};
};

}  // namespace ott
