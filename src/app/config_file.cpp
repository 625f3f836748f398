#include "app/config_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "media/text.h"

namespace ott {
namespace {

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// Where the value of a line `key = value` begins; nothing if it is no such line.
std::optional<std::size_t> value_of(std::string_view line) {
  const std::size_t key = std::min(line.find_first_not_of(" \t"), line.size());
  std::size_t at = key;
  while (at < line.size() && is_key_character(line[at])) ++at;
  const bool has_key = at > key;
  at = std::min(line.find_first_not_of(" \t", at), line.size());
  if (!has_key || at == line.size() || line[at] != '=') return std::nullopt;
  at = line.find_first_not_of(" \t", at + 1);
  return at == line.npos ? std::nullopt : std::optional(at);
}

/// The value without what follows a '#' that stands at its beginning or behind a space, as TOML has comments.
std::string_view without_comment(std::string_view value) {
  for (std::size_t at = value.find('#'); at != value.npos; at = value.find('#', at + 1)) {
    if (at == 0 || value[at - 1] == ' ' || value[at - 1] == '\t') return trimmed(value.substr(0, at));
  }
  return trimmed(value);
}

/// A line as TOML has it: INI's bare value in quotes, INI's comment behind a '#'.
std::string as_toml(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first != line.npos && line[first] == ';') return "#";
  const auto begin = value_of(line);
  if (!begin) return std::string(line);
  const std::string_view value = without_comment(line.substr(*begin));
  const bool is_bare =
      !value.empty() && value.find_first_of("\"'[{") != 0 && value != "true" && value != "false";
  return is_bare ? std::string(line.substr(0, *begin)) + quoted_text(value) : std::string(line);
}

/// The same for each line. Where a text is of several lines nothing is touched.
std::string as_toml_file(std::string_view text) {
  if (text.find("\"\"\"") != text.npos || text.find("'''") != text.npos) return std::string(text);
  std::string all;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    all += as_toml(line) + '\n';
  }
  return all;
}

/// What a line begins with, if that may be a key, and the ": " behind it that errors have.
std::string key_at(std::string_view text, unsigned line) {
  for (unsigned i = 1; i < line; ++i) (void)take_until(text, '\n');
  const std::string_view whole = trimmed(take_until(text, '\n'));
  const auto end = std::ranges::find_if_not(whole, is_key_character);
  const std::string key(whole.begin(), end);
  return key.empty() ? "" : key + ": ";
}

/// The advice to quote, if a text without quotes may have been taken for a value of another kind; else empty.
/// toml++ says what it was about to read: "Error while parsing value: could not determine value type".
std::string_view advice_on(std::string_view error) {
  constexpr std::string_view kReading = "Error while parsing ";
  constexpr std::array<std::string_view, 6> kOther = {"value",   "integer", "floating-point",
                                                      "boolean", "date",    "time"};
  if (!error.starts_with(kReading)) return "";
  error.remove_prefix(kReading.size());
  const bool is_bare =
      std::ranges::any_of(kOther, [&](std::string_view kind) { return error.starts_with(kind); });
  return is_bare ? "; a text goes in quotes" : "";
}

/// Nothing if the value is no text, number or switch.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* on = node.as_boolean()) return on->get() ? "true" : "false";
  return std::nullopt;
}

Result<ConfigEntry> entry_of(std::string_view key, const toml::node& node, const std::string& path) {
  ConfigEntry entry{std::string(key), node.source().begin.line, {}, node.is_array()};
  const std::string where = fmt::format("{}:{}: {}", path, entry.line, key);
  if (node.is_table() || node.is_array_of_tables())
    return fail(where + ": there are no sections in this file");
  const auto add = [&](const toml::node& value) {
    const auto text = text_of(value);
    if (text) entry.values.push_back({*text, value.source().begin.line});
    return text.has_value();
  };
  bool good = true;
  if (const auto* list = node.as_array()) {
    for (const toml::node& each : *list) good = good && add(each);
  } else {
    good = add(node);
  }
  if (!good) return fail(where + ": a value is a text in quotes, true, false, or a list of texts in [ ]");
  return entry;
}

}  // namespace

Result<std::string> read_config_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text(kConfigBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof() && in.fail()) return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kConfigBytesMax)
    return fail(fmt::format("{}: a configuration has at most {} bytes", path, kConfigBytesMax));
  return text;
}

Result<std::vector<ConfigEntry>> parse_config_file(std::string_view text, const std::string& path) {
  unsigned number = 1;  // toml++ would name the line before
  for (std::string_view rest = text; !rest.empty(); ++number) {
    const std::string_view line = take_until(rest, '\n');
    if (to_utf8(line) != line)
      return fail(fmt::format("{}:{}: {}this is no UTF-8", path, number, key_at(text, number)));
  }
  toml::table table;
  try {
    table = toml::parse(as_toml_file(text));
  } catch (const toml::parse_error& error) {
    const unsigned line = std::max(error.source().begin.line, 1U);
    return fail(fmt::format("{}:{}: {}{}{}", path, line, key_at(text, line), error.description(),
                            advice_on(error.description())));
  }
  std::vector<ConfigEntry> entries;
  for (const auto& [key, node] : table) {
    auto entry = entry_of(key.str(), node, path);
    if (!entry) return tl::unexpected<Error>(entry.error());
    entries.push_back(std::move(*entry));
  }
  std::ranges::sort(entries, {}, &ConfigEntry::line);
  return entries;
}

std::string quoted_text(std::string_view text) {
  std::ostringstream out;
  out << toml::toml_formatter{toml::value<std::string>(std::string(text)),
                              toml::format_flags::allow_unicode_strings};
  return out.str();
}

}  // namespace ott
