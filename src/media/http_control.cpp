#include "media/http_control.h"

#include <fmt/format.h>
#include <rapidjson/document.h>

#include "media/text.h"

namespace ott {
namespace {

bool is_loopback(const IpAddress& address) {
  if (address.is_v4()) return address.bytes[12] == 127;
  return address == parse_ip("::1").value();
}

/// Of "localhost", "127.0.0.1:8080" or "[::1]:8080".
bool names_loopback(std::string_view host) {
  const bool bracketed = host.starts_with('[');
  const std::size_t end = bracketed ? host.find(']') : host.find(':');
  if (bracketed && end == std::string_view::npos) return false;
  const std::string_view name = bracketed ? host.substr(1, end - 1) : host.substr(0, end);
  if (equal_no_case(name, "localhost")) return true;
  const auto address = parse_ip(name);
  return address && is_loopback(*address);
}

HttpResponse refusal(int status, std::string_view why, std::string_view fields = {}) {
  return text_response(status, why, fields);
}

}  // namespace

std::variant<std::string, HttpResponse> command_of(const HttpRequest& request, const IpAddress& remote) {
  if (request.method != HttpMethod::Post) return refusal(405, "commands are sent by POST", "Allow: POST\r\n");
  if (request.is_forwarded)
    return refusal(403, "commands are not taken from a proxy, which says for somebody else");
  if (!is_loopback(remote) || !names_loopback(request.host))
    return refusal(403, "commands are taken from this host alone, at a loopback address or localhost");
  if (!request.origin.empty() && !equal_no_case(request.origin, "http://" + request.host))
    return refusal(403, "commands are not taken from pages of other origins");
  const std::string_view type = trimmed(cut(request.content_type, ';').first);
  if (!equal_no_case(type, "application/json"))
    return refusal(415, "the content of a command is application/json");
  rapidjson::Document body;
  body.Parse<rapidjson::kParseIterativeFlag>(request.body.data(), request.body.size());
  if (body.HasParseError())
    return refusal(400, fmt::format("byte {}: this is no JSON", body.GetErrorOffset() + 1));
  const char* const shape = "the content is {\"command\":\"pause\"}, with any command";
  if (!body.IsObject() || !body.HasMember("command") || !body["command"].IsString())
    return refusal(400, shape);
  const auto& command = body["command"];
  return std::string(command.GetString(), command.GetStringLength());
}

HttpResponse control_response(const CommandAnswer& answer) {
  HttpResponse response;
  response.status = answer.ok ? 200 : 409;
  response.fields = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
  response.text = answer.json + '\n';
  return response;
}

}  // namespace ott
