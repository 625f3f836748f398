#include "role/json_line.h"

#include <chrono>

#include "media/text.h"

namespace ott {

JsonLine::JsonLine() {
  json_.SetMaxDecimalPlaces(3);
  json_.StartObject();
}

void JsonLine::key(std::string_view name) {
  json_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
}

void JsonLine::item(std::string_view value) {
  const std::string text = to_utf8(value);
  json_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

JsonLine& JsonLine::add(std::string_view name, std::string_view value) {
  key(name);
  item(value);
  return *this;
}

JsonLine& JsonLine::add(std::string_view name, std::uint64_t value) {
  key(name);
  json_.Uint64(value);
  return *this;
}

JsonLine& JsonLine::add(std::string_view name, std::int64_t value) {
  key(name);
  json_.Int64(value);
  return *this;
}

JsonLine& JsonLine::add(std::string_view name, double value) {
  key(name);
  json_.Double(value);
  return *this;
}

JsonLine& JsonLine::add(std::string_view name, bool value) {
  key(name);
  json_.Bool(value);
  return *this;
}

JsonLine& JsonLine::add_null(std::string_view name) {
  key(name);
  json_.Null();
  return *this;
}

JsonLine& JsonLine::add_milliseconds(std::string_view name, Duration time) {
  return add(name, std::chrono::duration<double, std::milli>(time).count());
}

void JsonLine::begin(std::string_view name) {
  key(name);
  json_.StartObject();
}

void JsonLine::begin_list(std::string_view name) {
  key(name);
  json_.StartArray();
}

void JsonLine::add_json(std::string_view name, std::string_view object) {
  key(name);
  item_json(object);
}

void JsonLine::item_json(std::string_view object) {
  json_.RawValue(object.data(), object.size(), rapidjson::kObjectType);
}

std::string JsonLine::finish() {
  json_.EndObject();
  return {buffer_.GetString(), buffer_.GetSize()};
}

}  // namespace ott
