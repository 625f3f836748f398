// The requests of one HTTP/1.x connection (RFC 9110, 9112), as strictly as a server may take them. Bytes go
// in as they come, requests come out whole, one after the other. Whatever two parsers could read in two ways
// is refused, and the connection is to be closed after a refusal. Owned by its connection; keeps at most
// kHttpHeadBytesMax bytes.
//
// No request has a body here but POST /control and POST /api/…, whose head and body have kHttpHeadBytesMax
// bytes together: any other that announces one is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ott/types.h"

namespace ott {

/// A request's first line and fields, together.
inline constexpr std::size_t kHttpHeadBytesMax = 8192;
inline constexpr std::size_t kHttpFieldsMax = 64;

enum class HttpMethod : std::uint8_t { Get, Head, Options, Post, Other };

struct HttpRequest {
  HttpMethod method = HttpMethod::Other;
  std::string path;  // percent-decoded, without the query; begins with '/', or is "*"
  std::vector<std::pair<std::string, std::string>> query;  // decoded; what has no '=' has an empty value
  unsigned version = 11;                                   // 10 or 11
  bool keep_alive = false;                                 // the connection may be used for another request
  bool has_range = false;
  bool accepts_gzip = false;  // as a response's Content-Encoding
  std::string host;
  std::string origin;  // of the page that a browser sends it from; empty: it does not say
  std::string content_type;
  std::string body;
  std::string authorization;
  bool is_forwarded = false;  // by a proxy: it comes from somebody else than it seems (Forwarded, RFC 7239)
  std::string last_event_id;
  std::string if_none_match;  // as it was written; several fields are joined by commas

  /// The first value of this name in the query.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
};

struct HttpRefusal {
  int status = 400;
  std::string why;      // a sentence for whoever wrote the client
  bool of_api = false;  // the request was for /api/…, whose errors are JSON
};

/// Nothing while a request is not whole yet.
using HttpRead = std::variant<std::monostate, HttpRequest, HttpRefusal>;

class HttpRequestReader {
 public:
  /// How many bytes feed() takes now. None: requests wait in here, or a refusal does.
  [[nodiscard]] std::size_t room() const {
    return refused_ ? 0 : kHttpHeadBytesMax - (bytes_.size() - begin_);
  }
  /// REQUIRES: at most room() bytes.
  void feed(ByteSpan bytes);
  /// The next request. A refusal is the last thing that comes.
  HttpRead next();
  /// True if some bytes of a request are here.
  [[nodiscard]] bool has_begun() const { return begin_ < bytes_.size(); }
  /// True once if the client waits for a 100 before it sends a body (RFC 9110, section 10.1.1).
  [[nodiscard]] bool take_held_body() { return std::exchange(body_is_held_, false); }

 private:
  HttpRead refuse(HttpRefusal refusal);
  [[nodiscard]] std::optional<HttpRefusal> look_for_end();
  HttpRead with_body();

  std::string bytes_;
  std::size_t begin_ = 0;    // of the request under way
  std::size_t looked_ = 0;   // every byte before this was looked at; none of them ends the head
  std::size_t end_ = 0;      // of the head, once it is whole; 0: not yet
  std::size_t skipped_ = 0;  // line ends before the request
  std::optional<HttpRequest> awaits_body_;  // its head is whole
  std::size_t body_bytes_ = 0;
  bool body_is_held_ = false;
  bool refused_ = false;
};

/// Percent-decodes (RFC 3986, section 2.1). Nothing if a '%' begins no such triplet, or one stands for a
/// control character.
std::optional<std::string> percent_decode(std::string_view text);
/// Encodes all but unreserved characters and '/'.
std::string percent_encode(std::string_view text);

}  // namespace ott
