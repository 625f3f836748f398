// Small things that the text protocols (RTSP, SDP, HTTP) need to read a line. ASCII, whatever the locale.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ott {

[[nodiscard]] constexpr char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = lower_case(c);
  return lower;
}

[[nodiscard]] constexpr bool equal_no_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower_case(a[i]) != lower_case(b[i])) return false;
  }
  return true;
}
[[nodiscard]] constexpr bool starts_no_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && equal_no_case(text.substr(0, start.size()), start);
}

/// Without spaces and tabs at both ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// What is before the first `separator`, and what is behind it; all and nothing where there is none.
[[nodiscard]] constexpr std::pair<std::string_view, std::string_view> cut(std::string_view text,
                                                                          char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

/// Takes what is before the next `separator` off the front of `rest`, and the separator.
constexpr std::string_view take_until(std::string_view& rest, char separator) {
  const auto [first, behind] = cut(rest, separator);
  rest = behind;
  return first;
}

/// A number that is all of the text, without a '+' or spaces around it; nothing when it is anything else or
/// out of the type's range.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}
/// The same of hexadecimal digits.
template <std::unsigned_integral Number>
[[nodiscard]] std::optional<Number> parse_hex(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// For an error or a log line: at most `most` characters, and '?' for what a terminal would act on.
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t most = 60) {
  std::string shown(text.substr(0, most));
  for (char& c : shown) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (text.size() > most) shown += "...";
  return shown;
}

/// The bytes of the UTF-8 sequence at the beginning (RFC 3629, section 4); 0 if none is there.
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);

/// The text as UTF-8: what is none becomes U+FFFD.
std::string to_utf8(std::string_view text);

}  // namespace ott
