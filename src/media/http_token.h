// The right to change something by our HTTP server: all have it that send the token of --http-token FILE, as
// "Authorization: Bearer TOKEN" (RFC 6750, section 2.1). No page can make a browser send it.
#pragma once

#include <optional>
#include <string>

#include "media/http_request.h"
#include "media/http_response.h"
#include "ott/result.h"

namespace ott {

class HttpToken {
 public:
  static constexpr std::size_t kBytesMin = 16;
  static constexpr std::size_t kBytesMax = 1024;

  /// No token: nobody may.
  HttpToken() = default;
  /// Reads a file of one line, without the white space around it. The error names the file and what is wrong.
  static Result<HttpToken> read(const std::string& file);
  bool operator==(const HttpToken&) const = default;

  /// Why the request may change nothing: 403 where there is no token here, or another one; 401 where the
  /// request has none. Compares in a time that depends on no byte of the token.
  [[nodiscard]] std::optional<HttpResponse> refusal(const HttpRequest& request) const;

 private:
  std::string token_;
};

/// {"error": "…"}, with this status.
HttpResponse error_response(int status, std::string_view why, std::string_view more_fields = {});
/// 200 with JSON as it is now.
HttpResponse json_response(std::string json);

}  // namespace ott
