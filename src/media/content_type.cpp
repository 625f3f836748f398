#include "media/content_type.h"

#include "media/text.h"

namespace ott {
namespace {

/// Takes a parameter off the front of `rest`, up to a ';' that is not in quotes.
std::string_view take_parameter(std::string_view& rest) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size() && (quoted || rest[end] != ';'); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (quoted && rest[end] == '\\') ++end;
  }
  end = end < rest.size() ? end : rest.size();
  const std::string_view parameter = rest.substr(0, end);
  rest.remove_prefix(end < rest.size() ? end + 1 : end);
  return parameter;
}

std::string without_quotes(std::string_view value) {
  if (!value.starts_with('"')) return std::string(value);
  std::string plain;
  for (std::size_t i = 1; i < value.size() && value[i] != '"'; ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    plain += value[i];
  }
  return plain;
}

}  // namespace

ContentType parse_content_type(std::string_view value) {
  ContentType parsed;
  const std::string_view type = trimmed(take_parameter(value));
  parsed.type = lower_case(type.substr(0, type.find_first_of(" \t,")));
  while (!value.empty()) {
    const auto [name, given] = cut(take_parameter(value), '=');
    if (!equal_no_case(trimmed(name), "boundary")) continue;
    parsed.boundary = without_quotes(trimmed(given));
    break;
  }
  return parsed;
}

}  // namespace ott
