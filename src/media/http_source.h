// What an http:// or https:// SOURCE of the command line says. Its query is the camera's, but for what is
// ours there, behind any '?' or '&':
//
//     poll=1s      a single picture at this address is asked for so often (500ms to 1h)
//     timeout=10s  for how long nothing may come before the camera is asked anew
//     insecure     the certificate of https:// is not verified
//     proxy        by the proxy that the environment names (http_proxy, https_proxy, no_proxy); else by none
//
// A camera that has an option of the same name gets it with one letter percent-encoded: `%70oll=3`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "media/url.h"
#include "ott/result.h"
#include "ott/time.h"

namespace ott {

struct HttpSource {
  Url url;            // with user and password
  std::string shown;  // for logs, errors and lists: without what is secret
  std::optional<Duration> poll;
  Duration timeout = std::chrono::seconds(10);
  bool insecure = false;
  bool proxy = false;
};

/// The error says what is wrong and what there is, without what is secret.
Result<HttpSource> parse_http_source(std::string_view source);

}  // namespace ott
