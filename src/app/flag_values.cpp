#include "app/flag_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace ott {
namespace {

constexpr std::size_t kMemoryMin = std::size_t{4} << 20U;
constexpr std::size_t kMemoryMax = std::size_t{1} << 40U;
constexpr unsigned kDegreeMax = 64;

/// True for what may be a host's name, and is no address that has been written wrongly.
bool is_host_name(std::string_view text) {
  const auto fits = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_';
  };
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, fits) &&
         std::ranges::any_of(text, is_letter) && text.front() != '-' && text.front() != '.';
}

}  // namespace

Result<std::uint64_t> parse_count(const std::string& flag, const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && rest == end && number > 0) return number;
  return fail(fmt::format("{} {}: a count is a whole number, 1 or more", flag, text));
}

Result<std::size_t> parse_size(const std::string& flag, const std::string& text) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  const std::string_view rest(unit, static_cast<std::size_t>(end - unit));
  const unsigned shift = rest == "K" ? 10 : rest == "M" ? 20 : rest == "G" ? 30 : 0;
  if (error != std::errc{} || (shift == 0 && !rest.empty())) {
    return fail(fmt::format(
        "{} {}: a size is a number of bytes, or one with K, M or G (powers of 1024): 64M, 1G", flag, text));
  }
  if (number > (kMemoryMax >> shift) || number << shift < kMemoryMin) {
    return fail(fmt::format("{} {}: 4M is the least and 1024G the most", flag, text));
  }
  return number << shift;
}

Result<std::variant<NodeId, HostName>> parse_place(const std::string& flag, const std::string& text) {
  auto id = parse_node_id(text);
  if (id) return *id;
  const std::size_t colon = std::min(text.rfind(':'), text.size());
  HostName name{text.substr(0, colon)};
  if (!is_host_name(name.host))
    return fail(
        fmt::format("{} {}; write ADDRESS, ADDRESS:PORT, HOST or HOST:PORT", flag, id.error().message));
  if (colon == text.size()) return name;
  // An address in place of the name shows whether the port is one.
  const auto with_port = parse_node_id("0.0.0.0" + text.substr(colon));
  if (!with_port)
    return fail(fmt::format("{} {}: '{}' is not a port from 1 to 65535", flag, text, text.substr(colon + 1)));
  name.port = with_port->port;
  return name;
}

Result<NodeId> parse_address(const std::string& flag, const std::string& text) {
  auto id = parse_node_id(text);
  if (!id) return fail(fmt::format("{} {}; write ADDRESS or ADDRESS:PORT", flag, id.error().message));
  return id;
}

Result<Metric> parse_metric(std::string_view what, std::string_view text) {
  for (const Metric metric : {Metric::Cost, Metric::Latency, Metric::Quality}) {
    if (text == to_string(metric)) return metric;
  }
  return fail(fmt::format("{}{}: there are cost, latency and quality", what, text));
}

Result<void> parse_degree(const std::string& flag, const std::string& text, JoinConfig& join) {
  const std::size_t dash = text.find('-');
  const auto least = parse_count(flag, text.substr(0, dash));
  const auto most = dash == std::string::npos ? least : parse_count(flag, text.substr(dash + 1));
  if (!least || !most || *least < 2 || *most > kDegreeMax || *most < *least + 2) {
    return fail(
        fmt::format("{} {}: write MIN-MAX, such as 3-8; MIN is 2 or more, MAX at least 2 more than "
                    "that, and {} at most",
                    flag, text, kDegreeMax));
  }
  join.degree_min = static_cast<unsigned>(*least);
  join.degree_max = static_cast<unsigned>(*most);
  return {};
}

}  // namespace ott
