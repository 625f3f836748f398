#include "media/url.h"

#include <algorithm>
#include <array>

#include "media/text.h"
#include "ott/bytes.h"

namespace ott {
namespace {

bool is_scheme(std::string_view text) {
  const auto is_letter = [](char c) { return lower_case(c) >= 'a' && lower_case(c) <= 'z'; };
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

/// HOST, HOST:PORT, [V6] or [V6]:PORT, into `url`. False if it is none of them.
bool parse_host_port(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return false;
    port = text.empty() ? text : text.substr(1);
  } else {
    url.host = take_until(text, ':');
    port = text;
  }
  if (url.host.empty()) return false;
  if (port.empty()) return true;
  url.port = parse_number<std::uint16_t>(port);
  return url.port.has_value() && *url.port != 0;
}

/// The authority of a URL, and all that follows it.
std::pair<std::string_view, std::string_view> cut_authority(std::string_view behind_scheme) {
  const std::size_t end = std::min(behind_scheme.find_first_of("/?#"), behind_scheme.size());
  return {behind_scheme.substr(0, end), behind_scheme.substr(end)};
}

bool names_a_secret(std::string_view name) {
  static constexpr std::array kSecret = {"pas", "pwd", "psw", "token", "secret", "auth", "key", "sig"};
  const std::string lower = lower_case(name);
  return std::ranges::any_of(kSecret,
                             [&](const char* part) { return lower.find(part) != std::string::npos; });
}

/// *** for each value whose name is that of a secret.
std::string masked(std::string_view text) {
  static constexpr std::string_view kEnds = "&;/?#";
  std::string shown;
  while (!text.empty()) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) break;
    // Some cameras have it in the path: /user=admin_password=..._channel=1
    std::size_t name = equals;
    while (name > 0 && kEnds.find(text[name - 1]) == std::string_view::npos && text[name - 1] != '_') --name;
    shown += text.substr(0, equals + 1);
    const bool secret = names_a_secret(text.substr(name, equals - name));
    text.remove_prefix(equals + 1);
    if (!secret) continue;
    shown += "***";
    text.remove_prefix(std::min(text.find_first_of(kEnds), text.size()));
  }
  return shown += text;
}

/// Where the first of a text's words ends: at a space, and at a quote; within quotes (`open`, else 0) at none
/// of the other kind, and in the user and password of an address at none. A word has one address at most.
std::size_t end_of_word(std::string_view text, char open) {
  const std::string_view quotes = open == '"' ? "\"" : open == '\'' ? "'" : "\"'";
  const std::size_t space = std::min(text.find_first_of(" \t"), text.size());
  std::size_t end = std::min(text.find_first_of(quotes), space);
  const std::size_t colon = text.find("://");
  if (colon >= end) return end;
  const std::size_t at = text.find('@', colon);
  const std::size_t path = std::min(text.find_first_of("/?#", colon + 3), space);
  if (at < path && at > end) end = std::min(text.find_first_of(quotes, at), space);
  const std::size_t next = text.substr(0, end).find("://", colon + 3);
  const std::size_t between = text.substr(0, std::min(next, end)).find_last_of("\"'");
  return next != text.npos && between != text.npos && between > colon ? between : end;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto byte = parse_hex<unsigned>(text.substr(i + 1, 2));
    if (!byte) return std::nullopt;
    decoded += static_cast<char>(*byte);
    i += 2;
  }
  return decoded;
}

Result<Url> parse_url(std::string_view text) {
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c == '\x7F'; })) {
    return fail("a URL has no spaces or control characters: write them as %20 and the like");
  }
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon))) {
    return fail("a URL begins with its scheme and ://");
  }
  Url url;
  url.scheme = lower_case(text.substr(0, colon));
  auto [authority, behind] = cut_authority(text.substr(colon + 3));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const auto [user, password] = cut(authority.substr(0, at), ':');
    const auto decoded_user = percent_decoded(user);
    const auto decoded_password = percent_decoded(password);
    if (!decoded_user || !decoded_password) {
      return fail("a % in a URL's user or password is followed by two hexadecimal digits; write % as %25");
    }
    if (has_control_character(*decoded_user) || has_control_character(*decoded_password)) {
      return fail("a URL's user and password have no control characters");
    }
    url.has_user = true;
    url.user = *decoded_user;
    url.password = *decoded_password;
    authority.remove_prefix(at + 1);
  }
  if (!parse_host_port(authority, url)) {
    return fail(behind.find('@') != std::string_view::npos
                    ? "a URL's user and password are written with %2F for /, %3F for ? and %23 for #"
                    : "a URL has HOST or HOST:PORT behind its ://, an IPv6 address in [ ]");
  }
  behind = cut(behind, '#').first;
  const auto [path, query] = cut(behind, '?');
  url.path = path;
  url.query = query;
  return url;
}

std::string to_string(const Url& url) {
  const bool v6 = url.host.find(':') != std::string::npos;
  std::string text = url.scheme + "://";
  text += v6 ? "[" + url.host + "]" : url.host;
  if (url.port) text += ":" + std::to_string(*url.port);
  text += url.path;
  if (!url.query.empty()) text += "?" + url.query;
  return text;
}

std::string without_credentials(std::string_view url) {
  const std::size_t colon = url.find("://");
  const std::size_t start = colon == std::string_view::npos ? 0 : colon + 3;
  auto [authority, behind] = cut_authority(url.substr(start));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  } else if (Url host_port; !parse_host_port(authority, host_port) && behind.rfind('@') != behind.npos) {
    // A password with a / that should have been %2F.
    authority = {};
    behind.remove_prefix(behind.rfind('@') + 1);
  }
  std::string shown(url.substr(0, start));
  shown += authority;
  return shown += masked(behind);
}

std::string hide_credentials(std::string_view text) {
  std::string shown;
  char open = 0;  // the quote that the text is within
  while (!text.empty()) {
    const std::size_t end = end_of_word(text, open);
    const std::string_view word = text.substr(0, end);
    const std::size_t at = word.starts_with("pattern:") ? word.npos : word.rfind('@');
    const std::size_t begin = at == word.npos ? 0 : word.substr(0, at).find_last_of("/=,") + 1;
    if (word.find("://") != word.npos) {
      shown += without_credentials(word);
    } else if (at != word.npos && word.substr(begin, at - begin).find(':') != word.npos) {
      shown += std::string(word.substr(0, begin)) + "…" + std::string(word.substr(at));
    } else {
      shown += word;
    }
    if (end < text.size()) shown += text[end];
    if (end < text.size() && (text[end] == '"' || text[end] == '\'')) open = open == 0 ? text[end] : 0;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown;
}

std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto [key, value] = cut(take_until(query, '&'), '=');
    if (key == name) return value;
  }
  return std::nullopt;
}

Result<Url> resolve(const Url& base, std::string_view reference) {
  reference = trimmed(reference);
  const std::size_t colon = reference.find("://");
  const bool whole = colon != std::string_view::npos && is_scheme(reference.substr(0, colon));
  std::string text;
  if (whole) {
    text = reference;
  } else if (reference.starts_with("//")) {
    text = base.scheme + ":" + std::string(reference);
  } else {
    Url plain = base;
    plain.query.clear();
    if (!reference.starts_with('?')) plain.path.resize(plain.path.rfind('/') + 1);  // npos + 1 is 0
    if (reference.starts_with('/')) plain.path.clear();
    if (plain.path.empty() && !reference.starts_with('/')) plain.path = "/";
    text = to_string(plain) + std::string(reference);
  }
  auto url = parse_url(text);
  if (url && !url->has_user && url->host == base.host) {
    url->has_user = base.has_user;
    url->user = base.user;
    url->password = base.password;
  }
  return url;
}

}  // namespace ott
