#include "media/rtsp_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "media/text.h"
#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr std::uint8_t kDollar = '$';

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// RFC 7230, section 3.2.6.
bool is_token(std::string_view text) {
  static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (lower_case(c) >= 'a' && lower_case(c) <= 'z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_version(std::string_view text) {
  return text.size() == 3 && parse_number<unsigned>(text.substr(0, 1)) && text[1] == '.' &&
         parse_number<unsigned>(text.substr(2));
}

/// "RTSP/1.0 200 OK"; a reason may be missing.
bool parse_status_line(std::string_view line, RtspMessage& message) {
  line.remove_prefix(std::string_view("RTSP/").size());
  message.version = take_until(line, ' ');
  const auto status = parse_number<unsigned>(take_until(line, ' '));
  if (!is_version(message.version) || !status || *status < 100 || *status > 599) return false;
  message.status = *status;
  message.reason = line;
  return true;
}

/// "DESCRIBE rtsp://host/path RTSP/1.0".
bool parse_request_line(std::string_view line, RtspMessage& message) {
  message.method = take_until(line, ' ');
  message.uri = take_until(line, ' ');
  if (!line.starts_with("RTSP/")) return false;
  message.version = line.substr(5);
  return is_token(message.method) && !message.uri.empty() && is_version(message.version);
}

Result<void> parse_start_line(std::string_view line, RtspMessage& message) {
  const bool ok =
      line.starts_with("RTSP/") ? parse_status_line(line, message) : parse_request_line(line, message);
  if (ok && !has_control_character(line)) return {};
  return fail(fmt::format("'{}' begins no RTSP message{}", printable(line),
                          line.find("HTTP/") != std::string_view::npos ? ", it is HTTP" : ""));
}

Result<void> parse_header(std::string_view line, std::size_t headers_max, RtspMessage& message) {
  std::string tabless(line);
  std::ranges::replace(tabless, '\t', ' ');
  line = tabless;
  if (has_control_character(line)) {
    return fail(fmt::format("control characters in the RTSP header '{}'", printable(line)));
  }
  if (line.starts_with(' ')) {  // the value before goes on (RFC 2068, section 2.2)
    if (message.headers.empty()) return fail("an RTSP message whose first header begins with a space");
    message.headers.back().second += " " + std::string(trimmed(line));
    return {};
  }
  const auto [name, value] = cut(line, ':');
  if (!is_token(name) || name.size() == line.size()) {
    return fail(fmt::format("'{}' is no header of an RTSP message", printable(line)));
  }
  if (message.headers.size() == headers_max) {
    return fail(fmt::format("an RTSP message of more than {} headers", headers_max));
  }
  message.add(std::string(name), std::string(trimmed(value)));
  return {};
}

Result<std::size_t> content_length(const RtspMessage& message, std::size_t most) {
  std::size_t bytes = 0;
  bool first = true;
  for (const std::string_view value : message.find_all("Content-Length")) {
    const auto number = parse_number<std::size_t>(value);
    if (!number || (!first && *number != bytes)) {
      return fail(fmt::format("an RTSP message whose Content-Length is '{}'", printable(value)));
    }
    bytes = *number;
    first = false;
  }
  if (bytes > most)
    return fail(fmt::format("an RTSP message with {} bytes of body: at most {}", bytes, most));
  return bytes;
}

Result<RtspMessage> parse_head(std::string_view head, std::size_t headers_max) {
  RtspMessage message;
  bool first = true;
  while (!head.empty()) {
    std::string_view line = take_until(head, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    const auto parsed = first ? parse_start_line(line, message) : parse_header(line, headers_max, message);
    if (!parsed) return tl::unexpected(parsed.error());
    first = false;
  }
  return message;
}

}  // namespace

const std::string* RtspMessage::find(std::string_view name) const {
  for (const auto& [each, value] : headers) {
    if (equal_no_case(each, name)) return &value;
  }
  return nullptr;
}

std::vector<std::string_view> RtspMessage::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [each, value] : headers) {
    if (equal_no_case(each, name)) values.emplace_back(value);
  }
  return values;
}

std::optional<std::uint32_t> RtspMessage::cseq() const {
  const std::string* value = find("CSeq");
  return value == nullptr ? std::nullopt : parse_number<std::uint32_t>(*value);
}

std::string to_string(const RtspMessage& message) {
  std::string text = message.is_response()
                         ? fmt::format("RTSP/{} {} {}", message.version, message.status, message.reason)
                         : fmt::format("{} {} RTSP/{}", message.method, message.uri, message.version);
  OTT_ASSERT(!has_control_character(text));
  text += "\r\n";
  for (const auto& [name, value] : message.headers) {
    OTT_ASSERT(is_token(name) && !has_control_character(value));
    text += fmt::format("{}: {}\r\n", name, value);
  }
  if (!message.body.empty()) text += fmt::format("Content-Length: {}\r\n", message.body.size());
  text += "\r\n";
  return text += message.body;
}

std::array<std::uint8_t, kInterleavedHeaderBytes> interleaved_header(std::uint8_t channel,
                                                                     std::size_t bytes) {
  OTT_ASSERT(bytes <= kInterleavedBytesMax);
  std::array<std::uint8_t, kInterleavedHeaderBytes> header{kDollar, channel};
  store_be(header.data() + 2, static_cast<std::uint16_t>(bytes));
  return header;
}

MutableByteSpan RtspReader::space() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) buffer_.resize(end_ + kReadBytes);
  return MutableByteSpan(buffer_).subspan(end_);
}

void RtspReader::advance(std::size_t bytes) {
  OTT_ASSERT(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

Result<std::optional<RtspReader::Unit>> RtspReader::next() {
  if (failed_) return tl::unexpected(*failed_);
  ByteSpan window = ByteSpan(buffer_).subspan(begin_, end_ - begin_);
  if (!awaits_body_ && searched_ == 0) {  // empty lines before a message mean nothing (RFC 2326, section 4.1)
    while (!window.empty() && (window[0] == '\r' || window[0] == '\n')) window = window.subspan(1), ++begin_;
  }
  if (window.empty() && !awaits_body_) return std::nullopt;
  auto unit = !awaits_body_ && window[0] == kDollar ? next_interleaved(window) : next_message(window);
  if (!unit) failed_ = unit.error();
  return unit;
}

Result<std::optional<RtspReader::Unit>> RtspReader::next_interleaved(ByteSpan window) {
  if (window.size() < kInterleavedHeaderBytes) return std::nullopt;
  const std::size_t bytes = load_be<std::uint16_t>(window.data() + 2);
  if (window.size() - kInterleavedHeaderBytes < bytes) return std::nullopt;
  begin_ += kInterleavedHeaderBytes + bytes;
  return RtspInterleaved{window[1], window.subspan(kInterleavedHeaderBytes, bytes)};
}

/// The bytes up to and with the empty line that ends the headers; 0: it is not there yet.
Result<std::size_t> RtspReader::find_header_end(ByteSpan window) {
  const std::string_view text = as_text(window.first(std::min(window.size(), limits_.header_bytes)));
  for (std::size_t at = searched_; (at = text.find('\n', at)) != std::string_view::npos; ++at) {
    if (searched_ == 0) {
      // The first line is looked at as soon as it is there: a peer of another protocol is told of at once.
      RtspMessage message;
      std::string_view line = text.substr(0, at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto started = parse_start_line(line, message);
      if (!started) return tl::unexpected(started.error());
    }
    const std::string_view behind = text.substr(at + 1);
    if (behind.starts_with('\n')) return at + 2;
    if (behind.starts_with("\r\n")) return at + 3;
    if (behind.empty() || behind == "\r") break;  // what follows says
    searched_ = at + 1;
  }
  if (window.size() < limits_.header_bytes) return 0;
  return fail(fmt::format("more than {} bytes of RTSP headers", limits_.header_bytes));
}

Result<std::optional<RtspReader::Unit>> RtspReader::next_message(ByteSpan window) {
  if (!awaits_body_) {
    const auto head_bytes = find_header_end(window);
    if (!head_bytes) return tl::unexpected(head_bytes.error());
    if (*head_bytes == 0) return std::nullopt;
    auto message = parse_head(as_text(window.first(*head_bytes)), limits_.headers);
    if (!message) return tl::unexpected(message.error());
    const auto bytes = content_length(*message, limits_.body_bytes);
    if (!bytes) return tl::unexpected(bytes.error());
    searched_ = 0;
    begin_ += *head_bytes;
    window = window.subspan(*head_bytes);
    body_bytes_ = *bytes;
    awaits_body_ = std::move(*message);
  }
  if (window.size() < body_bytes_) return std::nullopt;
  awaits_body_->body = as_text(window.first(body_bytes_));
  begin_ += body_bytes_;
  Unit unit = std::move(*awaits_body_);
  awaits_body_.reset();
  return unit;
}

Result<RtspSession> parse_rtsp_session(std::string_view value) {
  RtspSession session;
  session.id = trimmed(take_until(value, ';'));
  const bool visible = std::ranges::all_of(session.id, [](char c) { return c > ' ' && c <= '~'; });
  if (session.id.empty() || !visible || session.id.size() > 256) {
    return fail(fmt::format("'{}' is no RTSP session", printable(session.id)));
  }
  while (!value.empty()) {
    const auto [name, number] = cut(trimmed(take_until(value, ';')), '=');
    if (!equal_no_case(trimmed(name), "timeout")) continue;
    const auto seconds = parse_number<std::uint32_t>(trimmed(number));
    if (seconds && *seconds > 0) session.timeout = std::chrono::seconds(*seconds);
  }
  return session;
}

}  // namespace ott
