// HTTP authentication as RTSP has it, too, for clients: Basic (RFC 7617) and Digest (RFC 7616, with MD5 and
// SHA-256). A server challenges a request (401, WWW-Authenticate), the client sends it again with
// Authorization, and with each request from then on. Nothing here is logged, and no error holds a password.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ott/result.h"

namespace ott {

struct HttpCredentials {
  std::string user;
  std::string password;
};

struct HttpChallenge {
  /// In the order of their strength.
  enum class Scheme : std::uint8_t { Basic, DigestMd5, DigestSha256 };
  Scheme scheme = Scheme::Basic;
  bool session = false;   // -sess (RFC 7616, section 3.4.2)
  bool qop_auth = false;  // else as RFC 2069 has it
  bool stale = false;
  std::string realm, nonce, opaque;
  std::string algorithm;  // as the server wrote it; empty: it did not
};

/// Those of a WWW-Authenticate header that can be answered; a header may hold several.
std::vector<HttpChallenge> parse_http_challenges(std::string_view value);

/// A client's answers to one server.
class HttpAuth {
 public:
  HttpAuth(HttpCredentials credentials, std::uint64_t random_seed);

  /// A request was answered with 401: takes the strongest challenge of these headers. An error if none can be
  /// answered, or an answer was refused: then sending the request again is of no use.
  Result<void> challenged(std::span<const std::string_view> www_authenticate);
  /// A request was answered with something else.
  void accepted() { answered_ = 0; }
  /// The value of Authorization for the next request; empty before there was a challenge. `uri`: as in the
  /// request line.
  std::string authorization(std::string_view method, std::string_view uri);

 private:
  [[nodiscard]] std::string digest(std::string_view method, std::string_view uri);

  HttpCredentials credentials_;
  std::mt19937_64 random_;
  bool has_challenge_ = false;
  HttpChallenge challenge_;
  std::uint32_t nonce_count_ = 0;
  unsigned answered_ = 0;  // challenges in a row
  std::string cnonce_;
};

}  // namespace ott
