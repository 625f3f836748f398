// What our HTTP server asks the role: what it is to answer at /api/v1/…, /metrics and /readyz. The server
// knows HTTP, the role knows the overlay (role/api.h).
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "media/http_request.h"
#include "media/http_response.h"
#include "media/live_events.h"
#include "ott/time.h"

namespace ott {

/// The answer has to come from another process first.
struct HttpWait {
  std::uint64_t number = 0;
};

class Api {
 public:
  virtual ~Api() = default;
  /// True of a path that answer() is for.
  [[nodiscard]] virtual bool has(const HttpRequest& request) const = 0;
  /// True of a request that would change something, if it is answered.
  [[nodiscard]] virtual bool changes(const HttpRequest& request) const = 0;
  /// REQUIRES: has(request); and if it changes something, that whoever sends it may do so.
  virtual std::variant<HttpResponse, HttpWait> answer(const HttpRequest& request, Now now) = 0;
  /// The answer that was to be waited for, once, or nothing so far. It comes within some seconds, and may say
  /// that there is none.
  virtual std::optional<HttpResponse> awaited(HttpWait wait, Now now) = 0;
  /// Nobody waits for it any more.
  virtual void forget(HttpWait wait) = 0;
  virtual EventLog& events() = 0;
};

}  // namespace ott
