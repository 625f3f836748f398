#include "media/http_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "media/text.h"
#include "ott/assert.h"

namespace ott {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using ErrorCode = beast::error_code;
using Piece = beast::string_view;

constexpr std::size_t kParametersMax = 16;
/// Line ends before a request are passed over (RFC 9112, section 2.2), but not without end.
constexpr std::size_t kLineEndsMax = 4;
constexpr unsigned char kDelete = 0x7F;

/// Whether an Accept-Encoding (RFC 9110, section 12.5.3) names gzip, with a weight that is not 0.
bool names_gzip(std::string_view list) {
  while (!list.empty()) {
    const auto [name, weight] = cut(take_until(list, ','), ';');
    if (!equal_no_case(trimmed(name), "gzip")) continue;
    return trimmed(weight).empty() || weight.find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

/// What Beast tells of one head. It looks for everything that a head must not be; we keep what we need of it.
class HeadParser : public http::basic_parser<true> {
 public:
  HttpRequest request;
  std::string target;
  unsigned hosts = 0;
  unsigned content_lengths = 0;
  unsigned authorizations = 0;
  bool transfer_encoding = false;
  bool expects_continue = false;

 private:
  void on_request_impl(http::verb method, Piece, Piece to, int version, ErrorCode&) override {
    request.method = method == http::verb::get       ? HttpMethod::Get
                     : method == http::verb::head    ? HttpMethod::Head
                     : method == http::verb::options ? HttpMethod::Options
                     : method == http::verb::post    ? HttpMethod::Post
                                                     : HttpMethod::Other;
    target.assign(to.data(), to.size());
    request.version = static_cast<unsigned>(version);
  }
  void on_field_impl(http::field name, Piece name_text, Piece value, ErrorCode& error) override {
    if (++fields_ > kHttpFieldsMax) error = http::error::header_limit;
    if (name == http::field::host) {
      ++hosts;
      request.host.assign(value.data(), value.size());
    } else if (name == http::field::origin) {
      if (!request.origin.empty()) request.origin += ',';
      request.origin.append(value.data(), value.size());
    } else if (name == http::field::content_type) {
      request.content_type.assign(value.data(), value.size());
    } else if (name == http::field::authorization) {
      ++authorizations;
      request.authorization.assign(value.data(), value.size());
    } else if (name == http::field::via || name == http::field::forwarded ||
               beast::iequals(name_text, "X-Forwarded-For")) {
      request.is_forwarded = true;
    } else if (name == http::field::accept_encoding) {
      request.accepts_gzip = request.accepts_gzip || names_gzip({value.data(), value.size()});
    } else if (name == http::field::range) {
      request.has_range = true;
    } else if (name == http::field::content_length) {
      ++content_lengths;
    } else if (name == http::field::transfer_encoding) {
      transfer_encoding = true;
    } else if (name == http::field::expect) {
      expects_continue = beast::iequals(value, "100-continue");
    } else if (beast::iequals(name_text, "Last-Event-ID")) {
      request.last_event_id.assign(value.data(), value.size());
    } else if (name == http::field::if_none_match) {
      if (!request.if_none_match.empty()) request.if_none_match += ',';
      request.if_none_match.append(value.data(), value.size());
    }
  }
  void on_header_impl(ErrorCode&) override {}
  // Bodies are refused before any is read.
  void on_response_impl(int, Piece, int, ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(Piece, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Piece, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Piece, ErrorCode&) override { return 0; }
  void on_finish_impl(ErrorCode&) override {}

  std::size_t fields_ = 0;
};

HttpRefusal refusal_for(const ErrorCode& error) {
  if (error == http::error::bad_version) return {505, "this server speaks HTTP/1.1 and HTTP/1.0"};
  if (error == http::error::body_limit)
    return {413, fmt::format("a request of more than {} bytes", kHttpHeadBytesMax)};
  if (error == http::error::header_limit)
    return {431, fmt::format("more than {} header fields", kHttpFieldsMax)};
  return {400, fmt::format("this is no request of HTTP/1.1: {}", error.message())};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The path and query of a target in origin or absolute form (RFC 9112, section 3.2). Nothing for another
/// form.
std::optional<std::string_view> origin_form(std::string_view target) {
  if (target.starts_with('/')) return target;
  constexpr std::string_view kScheme = "http://";
  if (target.size() < kScheme.size()) return std::nullopt;
  if (!beast::iequals(Piece(kScheme.data(), kScheme.size()), Piece(target.data(), kScheme.size())))
    return std::nullopt;
  target.remove_prefix(kScheme.size());
  const std::size_t end = target.find_first_of("/?");
  if (end == 0) return std::nullopt;
  if (end == std::string_view::npos) return "/";
  return target.substr(end);
}

bool read_query(std::string_view text, HttpRequest& request) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    std::string pair(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    std::replace(pair.begin(), pair.end(), '+', ' ');
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(std::string_view(pair).substr(0, equals));
    auto value = percent_decode(std::string_view(pair).substr(std::min(equals + 1, pair.size())));
    if (!name || !value || request.query.size() == kParametersMax) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

/// Fills in path and query.
std::optional<HttpRefusal> read_target(std::string_view target, HttpRequest& request) {
  if (target == "*" && request.method == HttpMethod::Options) {
    request.path = "*";
    return std::nullopt;
  }
  const auto at = origin_form(target);
  if (!at || target.find('#') != std::string_view::npos)
    return HttpRefusal{400, "the target is no path, such as /NAME.mjpg"};
  const std::size_t mark = std::min(at->find('?'), at->size());
  auto path = percent_decode(at->substr(0, mark));
  if (!path)
    return HttpRefusal{400, "the path has a '%' without two hexadecimal digits, or a control character"};
  request.path = path->empty() ? "/" : std::move(*path);
  if (mark < at->size() && !read_query(at->substr(mark + 1), request))
    return HttpRefusal{
        400, fmt::format("the query is wrongly encoded, or has more than {} parts", kParametersMax)};
  return std::nullopt;
}

std::optional<HttpRefusal> check(const HeadParser& parser) {
  const HttpRequest& request = parser.request;
  if (parser.hosts > 1) return HttpRefusal{400, "more than one Host"};
  if (parser.hosts == 0 && request.version == 11)
    return HttpRefusal{400, "HTTP/1.1 needs a Host (RFC 9112, section 3.2)"};
  if (parser.content_lengths > 1) return HttpRefusal{400, "more than one Content-Length"};
  if (parser.authorizations > 1) return HttpRefusal{400, "more than one Authorization"};
  if (parser.transfer_encoding) return HttpRefusal{501, "a request's body has a Content-Length here"};
  return std::nullopt;
}

/// Whether a body may follow, of `length` bytes, when the head has so many.
std::optional<HttpRefusal> check_body(const HttpRequest& request, std::optional<std::uint64_t> length,
                                      std::size_t head_bytes) {
  if (request.method == HttpMethod::Post &&
      (request.path == "/control" || request.path.starts_with("/api/"))) {
    if (length.value_or(0) <= kHttpHeadBytesMax - head_bytes) return std::nullopt;
    return HttpRefusal{413, fmt::format("a request of more than {} bytes", kHttpHeadBytesMax)};
  }
  if (length && *length > 0) return HttpRefusal{413, "this server takes no request bodies"};
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> HttpRequest::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void HttpRequestReader::feed(ByteSpan bytes) {
  OTT_ASSERT(bytes.size() <= room());
  if (begin_ > 0) {
    bytes_.erase(0, begin_);
    looked_ -= begin_;
    if (end_ > 0) end_ -= begin_;
    begin_ = 0;
  }
  bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

HttpRead HttpRequestReader::refuse(HttpRefusal refusal) {
  refused_ = true;
  bytes_.clear();
  begin_ = looked_ = 0;
  return refusal;
}

/// Looks at each byte once: sets end_ where the head ends. Beast would wait for more where a line ends
/// without CR, and takes a line that is folded, which others take for two.
std::optional<HttpRefusal> HttpRequestReader::look_for_end() {
  for (; looked_ < bytes_.size(); ++looked_) {
    const char c = bytes_[looked_];
    const std::size_t at = looked_ - begin_;
    if (c == '\0') return HttpRefusal{400, "a NUL in the header"};
    if (c == '\n') {
      if (at == 0 || bytes_[looked_ - 1] != '\r') return HttpRefusal{400, "a line ends without CR"};
      if (at == 1) {
        if (++skipped_ > kLineEndsMax) return HttpRefusal{400, "empty lines in place of a request"};
        begin_ = looked_ + 1;
      } else if (at >= 3 && bytes_[looked_ - 2] == '\n') {
        end_ = ++looked_;
        return std::nullopt;
      }
    } else if ((c == ' ' || c == '\t') && at > 0 && bytes_[looked_ - 1] == '\n') {
      return HttpRefusal{400, "a folded line (RFC 9112, section 5.2)"};
    }
  }
  return std::nullopt;
}

HttpRead HttpRequestReader::next() {
  if (refused_) return std::monostate{};
  if (awaits_body_) return with_body();
  if (auto refusal = look_for_end()) return refuse(std::move(*refusal));
  if (end_ == 0) {
    if (bytes_.size() - begin_ < kHttpHeadBytesMax) return std::monostate{};
    return refuse({431, fmt::format("a header of more than {} bytes", kHttpHeadBytesMax)});
  }
  HeadParser parser;
  parser.header_limit(kHttpHeadBytesMax);
  ErrorCode error;
  parser.put(boost::asio::const_buffer(bytes_.data() + begin_, end_ - begin_), error);
  if (error) return refuse(refusal_for(error));
  OTT_ASSERT(parser.is_header_done());
  auto wrong = check(parser);
  if (!wrong) wrong = read_target(parser.target, parser.request);
  std::optional<std::uint64_t> length;
  if (const auto said = parser.content_length()) length = *said;
  if (!wrong) wrong = check_body(parser.request, length, end_ - begin_);
  if (wrong) {
    wrong->of_api = parser.target.starts_with("/api/");
    return refuse(std::move(*wrong));
  }
  parser.request.keep_alive = parser.keep_alive();
  if (length.value_or(0) > 0) {
    awaits_body_ = std::move(parser.request);
    body_bytes_ = static_cast<std::size_t>(*length);
    HttpRead read = with_body();
    const bool waits = std::holds_alternative<std::monostate>(read);
    body_is_held_ = waits && parser.expects_continue && awaits_body_->version == 11;
    return read;
  }
  begin_ = std::exchange(end_, 0);
  skipped_ = 0;
  return std::move(parser.request);
}

HttpRead HttpRequestReader::with_body() {
  if (bytes_.size() - end_ < body_bytes_) return std::monostate{};
  HttpRequest request = *std::exchange(awaits_body_, std::nullopt);
  request.body = bytes_.substr(end_, body_bytes_);
  begin_ = looked_ = std::exchange(end_, 0) + body_bytes_;
  skipped_ = 0;
  return request;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == kDelete) return std::nullopt;
    decoded += c;
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kAsTheyAre =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string encoded;
  for (const char c : text) {
    if (kAsTheyAre.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace ott
