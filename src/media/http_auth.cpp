#include "media/http_auth.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <optional>

#include "media/text.h"
#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::size_t kChallengesMax = 16;
/// A server whose nonces are stale at once is given up.
constexpr unsigned kAnswersMax = 3;

bool is_digest(HttpChallenge::Scheme scheme) { return scheme != HttpChallenge::Scheme::Basic; }

std::string hex_hash(HttpChallenge::Scheme scheme, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  std::size_t bytes = 0;
  const char* name = scheme == HttpChallenge::Scheme::DigestSha256 ? "SHA256" : "MD5";
  if (EVP_Q_digest(nullptr, name, nullptr, text.data(), text.size(), hash.data(), &bytes) != 1) return "";
  std::string hex;
  for (std::size_t i = 0; i < bytes; ++i) hex += fmt::format("{:02x}", hash[i]);
  return hex;
}

std::string base64(const std::string& text) {
  std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int bytes =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(bytes));
  return encoded;
}

std::string quoted(std::string_view text) {
  std::string in_quotes = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') in_quotes += '\\';
    in_quotes += c;
  }
  return in_quotes += '"';
}

void skip_separators(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t,"), rest.size()));
}

/// A token, or a quoted string with its escapes undone.
std::string take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find_first_of(" \t,"), rest.size());
    value = rest.substr(0, end);
    rest.remove_prefix(end);
    return value;
  }
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
    value += rest.front();
    rest.remove_prefix(1);
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return value;
}

struct Parsed {
  std::string scheme;
  std::optional<std::string> qop;
  HttpChallenge challenge;
};

void set_parameter(std::string_view name, const std::string& value, Parsed& into) {
  if (equal_no_case(name, "realm")) into.challenge.realm = value;
  if (equal_no_case(name, "nonce")) into.challenge.nonce = value;
  if (equal_no_case(name, "opaque")) into.challenge.opaque = value;
  if (equal_no_case(name, "algorithm")) into.challenge.algorithm = value;
  if (equal_no_case(name, "stale")) into.challenge.stale = equal_no_case(value, "true");
  if (equal_no_case(name, "qop")) into.qop = value;
}

/// False if it cannot be answered.
bool finish(Parsed& parsed) {
  HttpChallenge& challenge = parsed.challenge;
  if (equal_no_case(parsed.scheme, "Basic")) return true;
  if (!equal_no_case(parsed.scheme, "Digest") || challenge.nonce.empty()) return false;
  std::string_view algorithm = challenge.algorithm;
  if (algorithm.size() > 5 && equal_no_case(algorithm.substr(algorithm.size() - 5), "-sess")) {
    challenge.session = true;
    algorithm.remove_suffix(5);
  }
  if (algorithm.empty() || equal_no_case(algorithm, "MD5")) {
    challenge.scheme = HttpChallenge::Scheme::DigestMd5;
  } else if (equal_no_case(algorithm, "SHA-256")) {
    challenge.scheme = HttpChallenge::Scheme::DigestSha256;
  } else {
    return false;
  }
  std::string_view qop = parsed.qop ? std::string_view(*parsed.qop) : std::string_view();
  const bool has_qop = !trimmed(qop).empty();
  while (!qop.empty()) challenge.qop_auth |= equal_no_case(trimmed(take_until(qop, ',')), "auth");
  return challenge.qop_auth || !has_qop;  // auth-int alone is not answered
}

}  // namespace

std::vector<HttpChallenge> parse_http_challenges(std::string_view rest) {
  std::vector<HttpChallenge> challenges;
  Parsed current;
  const auto end_current = [&] {
    if (!current.scheme.empty() && finish(current)) challenges.push_back(std::move(current.challenge));
    current = {};
  };
  if (has_control_character(rest)) return challenges;
  for (skip_separators(rest); !rest.empty() && challenges.size() < kChallengesMax; skip_separators(rest)) {
    const std::string_view name = rest.substr(0, std::min(rest.find_first_of(" \t,=\""), rest.size()));
    rest.remove_prefix(name.size());
    const std::string_view behind = trimmed(rest);
    if (behind.starts_with('=')) {
      rest = trimmed(behind.substr(1));
      set_parameter(name, take_value(rest), current);
    } else if (rest.starts_with('"')) {
      take_value(rest);  // belongs to nothing
    } else {
      end_current();
      current.scheme = name;
    }
  }
  end_current();
  return challenges;
}

HttpAuth::HttpAuth(HttpCredentials credentials, std::uint64_t random_seed)
    : credentials_(std::move(credentials)), random_(random_seed) {}

Result<void> HttpAuth::challenged(std::span<const std::string_view> www_authenticate) {
  std::vector<HttpChallenge> challenges;
  for (const std::string_view value : www_authenticate) {
    for (HttpChallenge& one : parse_http_challenges(value)) challenges.push_back(std::move(one));
  }
  const auto strongest = std::ranges::max_element(challenges, {}, &HttpChallenge::scheme);
  if (strongest == challenges.end()) {
    return fail(
        "the server asks for a kind of authentication that is neither Basic nor Digest with MD5 or SHA-256");
  }
  if (credentials_.user.empty() && credentials_.password.empty()) {
    return fail("the server asks for a user and password: write USER:PASSWORD@ before the host");
  }
  const bool may_be_right = answered_ == 0 || (strongest->stale && answered_ < kAnswersMax);
  if (!may_be_right) return fail("the server refuses the user or the password");
  ++answered_;
  has_challenge_ = true;
  challenge_ = std::move(*strongest);
  nonce_count_ = 0;
  return {};
}

std::string HttpAuth::authorization(std::string_view method, std::string_view uri) {
  if (!has_challenge_) return "";
  if (is_digest(challenge_.scheme)) return digest(method, uri);
  return "Basic " + base64(credentials_.user + ":" + credentials_.password);
}

std::string HttpAuth::digest(std::string_view method, std::string_view uri) {
  const auto hash = [this](const std::string& text) { return hex_hash(challenge_.scheme, text); };
  // RFC 7616, section 3.4.2: with -sess, the client's nonce is that of the first request.
  if (!challenge_.session || nonce_count_ == 0) cnonce_ = fmt::format("{:016x}", random_());
  const std::string count = fmt::format("{:08x}", ++nonce_count_);
  std::string a1 = hash(fmt::format("{}:{}:{}", credentials_.user, challenge_.realm, credentials_.password));
  if (challenge_.session) a1 = hash(fmt::format("{}:{}:{}", a1, challenge_.nonce, cnonce_));
  const std::string a2 = hash(fmt::format("{}:{}", method, uri));
  const std::string response =
      challenge_.qop_auth ? hash(fmt::format("{}:{}:{}:{}:auth:{}", a1, challenge_.nonce, count, cnonce_, a2))
                          : hash(fmt::format("{}:{}:{}", a1, challenge_.nonce, a2));

  std::string value = fmt::format("Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\"",
                                  quoted(credentials_.user), quoted(challenge_.realm),
                                  quoted(challenge_.nonce), quoted(uri), response);
  if (!challenge_.algorithm.empty()) value += ", algorithm=" + challenge_.algorithm;
  if (!challenge_.opaque.empty()) value += ", opaque=" + quoted(challenge_.opaque);
  if (challenge_.qop_auth) value += fmt::format(", qop=auth, nc={}", count);
  if (challenge_.qop_auth || challenge_.session) value += fmt::format(", cnonce=\"{}\"", cnonce_);
  return value;
}

}  // namespace ott
