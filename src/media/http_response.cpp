#include "media/http_response.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace ott {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

/// A tag without the mark of a weak one: If-None-Match compares weakly (RFC 9110, section 8.8.3.2).
std::string_view opaque(std::string_view tag) {
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

HttpResponse text_response(int status, std::string_view text, std::string_view more_fields) {
  HttpResponse response;
  response.status = status;
  response.fields =
      fmt::format("Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n{}", more_fields);
  response.text = fmt::format("{}\n", text);
  return response;
}

bool has_content(const HttpResponse& response, const HttpRequest* request) {
  const bool head_only = request != nullptr && request->method == HttpMethod::Head;
  return !head_only && response.status != 204 && response.status != 304;
}

std::string to_bytes(const HttpResponse& response, const HttpRequest* request, bool keep, WallTime date) {
  std::string bytes =
      fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nServer: ottd\r\nX-Content-Type-Options: nosniff\r\n{}",
                  response.status, reason_of(response.status), http_date(date), response.fields);
  if (!response.endless && response.status != 204 && response.status != 304) {
    const std::size_t length = response.picture ? response.picture->bytes.size() : response.text.size();
    bytes += fmt::format("Content-Length: {}\r\n", length);
  }
  if (!keep) {
    bytes += "Connection: close\r\n";
  } else if (request != nullptr && request->version == 10) {
    bytes += "Connection: keep-alive\r\n";
  }
  bytes += "\r\n";
  if (has_content(response, request)) bytes += response.text;
  return bytes;
}

std::string http_date(WallTime time) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr int kTmYear = 1900;
  const std::time_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays.at(static_cast<std::size_t>(utc.tm_wday)),
                     utc.tm_mday, kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + kTmYear,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string entity_tag(const Frame& frame) {
  return fmt::format("\"{:x}-{}\"", frame.stream.value, frame.number.value);
}

bool matches(std::string_view if_none_match, std::string_view tag) {
  if (trimmed(if_none_match) == "*") return true;
  while (!if_none_match.empty()) {
    const std::size_t end = std::min(if_none_match.find(','), if_none_match.size());
    if (opaque(trimmed(if_none_match.substr(0, end))) == opaque(tag)) return true;
    if_none_match.remove_prefix(std::min(end + 1, if_none_match.size()));
  }
  return false;
}

std::string unix_seconds(WallTime time) {
  const auto ns = time.time_since_epoch().count();
  constexpr std::int64_t kPerSecond = 1'000'000'000;
  constexpr std::int64_t kPerMicrosecond = 1000;
  return fmt::format("{}.{:06}", ns / kPerSecond, ns % kPerSecond / kPerMicrosecond);
}

std::string part_head(const Frame& frame, std::uint64_t number) {
  return fmt::format(
      "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}\r\nX-Frame: {}\r\n\r\n",
      frame.bytes.size(), unix_seconds(frame.source_time), number);
}

}  // namespace ott
