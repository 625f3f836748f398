// A URL of the kinds that name a camera (RFC 3986): taken apart, and shown without what is secret in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ott/result.h"

namespace ott {

struct Url {
  std::string scheme;  // in lower case
  bool has_user = false;
  std::string user;      // percent-decoded, as is the password
  std::string password;  // may be empty
  std::string host;      // without the brackets of an IPv6 address
  std::optional<std::uint16_t> port;
  std::string path;   // as written: empty, or from its '/'
  std::string query;  // as written, without its '?'
};

/// With the bytes that %XX stands for. Nothing if a % is followed by anything else.
std::optional<std::string> percent_decoded(std::string_view text);

/// SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?QUERY]. A fragment is left out. Spaces and control
/// characters are refused. The error says what is wrong, and holds no user or password.
Result<Url> parse_url(std::string_view text);

/// The URL as it is sent and shown: without user and password.
std::string to_string(const Url& url);

/// Any text that is a URL or was meant to be one, for logs, errors and lists: without user and password, and
/// with *** for the values in path and query whose names say that they are secret (?pwd=, ;token=).
std::string without_credentials(std::string_view url);
/// The same for each address in a text, also for what is nearly one ("rtp:user:secret@host").
std::string hide_credentials(std::string_view text);

/// The value of a name in a query ("a=1&b=2"); nothing if the name is not there. As written.
std::optional<std::string_view> query_value(std::string_view query, std::string_view name);

/// What a reference found in `base` means (RFC 3986, section 5.2, without the dot segments that no camera
/// sends): a URL, //HOST, /PATH, ?QUERY or a relative path. The user and password of `base` stay, unless the
/// reference leads to another host.
Result<Url> resolve(const Url& base, std::string_view reference);

}  // namespace ott
