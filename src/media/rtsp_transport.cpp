// The Transport header.
#include <fmt/format.h>

#include "media/rtsp_message.h"
#include "media/text.h"

namespace ott {
namespace {

/// "8000-8001", or "8000" for 8000 and the one behind it.
std::optional<RtspTransport::Pair> parse_pair(std::string_view text, std::uint16_t least,
                                              std::uint16_t most) {
  const auto [first_text, second_text] = cut(text, '-');
  const auto first = parse_number<std::uint16_t>(trimmed(first_text));
  if (!first || *first < least || *first > most) return std::nullopt;
  if (first_text.size() == text.size()) {
    return RtspTransport::Pair{*first, static_cast<std::uint16_t>(*first < most ? *first + 1 : *first)};
  }
  const auto second = parse_number<std::uint16_t>(trimmed(second_text));
  if (!second || *second < *first || *second > most) return std::nullopt;
  return RtspTransport::Pair{*first, *second};
}

std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"'))
    return text.substr(1, text.size() - 2);
  return text;
}

/// False if a value is out of its range.
bool parse_parameter(std::string_view name, std::string_view value, RtspTransport& transport) {
  const auto pair = [&](std::optional<RtspTransport::Pair>& into, std::uint16_t least, std::uint16_t most) {
    into = parse_pair(value, least, most);
    return into.has_value();
  };
  if (equal_no_case(name, "interleaved")) return pair(transport.interleaved, 0, 255);
  if (equal_no_case(name, "client_port")) return pair(transport.client_port, 1, 65535);
  if (equal_no_case(name, "server_port")) return pair(transport.server_port, 1, 65535);
  if (equal_no_case(name, "port")) return pair(transport.port, 1, 65535);
  if (equal_no_case(name, "ttl")) {
    transport.ttl = parse_number<std::uint8_t>(value);
    return transport.ttl.has_value();
  }
  if (equal_no_case(name, "multicast")) transport.multicast = true;
  if (equal_no_case(name, "unicast")) transport.multicast = false;
  if (equal_no_case(name, "source")) transport.source = value;
  if (equal_no_case(name, "destination")) transport.destination = value;
  if (equal_no_case(name, "mode")) transport.mode = unquoted(value);
  // Eight hexadecimal digits; some servers write something else, and nothing depends on it.
  if (equal_no_case(name, "ssrc")) transport.ssrc = parse_hex<std::uint32_t>(value);
  return true;
}

Result<RtspTransport> parse_transport(std::string_view text) {
  RtspTransport transport;
  std::string_view rest = text;
  std::string_view spec = trimmed(take_until(rest, ';'));
  if (!starts_no_case(spec, "RTP/")) {
    return fail(fmt::format("'{}' is no RTSP transport: it begins with RTP/AVP", printable(text)));
  }
  const std::size_t lower = spec.find('/', 4);
  transport.profile = spec.substr(0, lower);
  transport.tcp = lower != std::string_view::npos && equal_no_case(spec.substr(lower + 1), "TCP");
  if (lower != std::string_view::npos && !transport.tcp && !equal_no_case(spec.substr(lower + 1), "UDP")) {
    return fail(fmt::format("the RTSP transport '{}' is neither over UDP nor over TCP", printable(spec)));
  }
  while (!rest.empty()) {
    const auto [name, value] = cut(trimmed(take_until(rest, ';')), '=');
    if (!parse_parameter(trimmed(name), trimmed(value), transport)) {
      return fail(
          fmt::format("'{}' of an RTSP transport has the value '{}'", printable(name), printable(value)));
    }
  }
  return transport;
}

}  // namespace

Result<std::vector<RtspTransport>> parse_rtsp_transports(std::string_view value) {
  std::vector<RtspTransport> transports;
  do {
    auto transport = parse_transport(trimmed(take_until(value, ',')));
    if (!transport) return tl::unexpected(transport.error());
    transports.push_back(std::move(*transport));
  } while (!value.empty());
  return transports;
}

std::string to_string(const RtspTransport& transport) {
  const auto pair = [](std::string_view name, const std::optional<RtspTransport::Pair>& value) {
    return value ? fmt::format(";{}={}-{}", name, value->first, value->second) : "";
  };
  const auto named = [](std::string_view name, const std::string& value) {
    return value.empty() ? "" : fmt::format(";{}={}", name, value);
  };
  std::string text = transport.profile + (transport.tcp ? "/TCP" : "");
  text += transport.multicast ? ";multicast" : ";unicast";
  text += named("destination", transport.destination) + named("source", transport.source);
  text += pair("interleaved", transport.interleaved) + pair("client_port", transport.client_port);
  text += pair("server_port", transport.server_port) + pair("port", transport.port);
  if (transport.ttl) text += fmt::format(";ttl={}", *transport.ttl);
  if (transport.ssrc) text += fmt::format(";ssrc={:08X}", *transport.ssrc);
  if (!transport.mode.empty()) text += fmt::format(";mode=\"{}\"", transport.mode);
  return text;
}

}  // namespace ott
