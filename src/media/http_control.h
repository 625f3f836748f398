// POST /control of the HTTP server: commands as those of --control, {"command":"pause"}, answered in JSON.
//
// The server is open to its network, and a browser on this host to any page. So only this host may command:
// the connection comes from a loopback address, Host is a name of the loopback (another one leads here by a
// name service that lies: DNS rebinding), no page of another origin has sent it (Origin, RFC 6454), and the
// content is declared as JSON, which no form of a page can do, and no proxy has handed it on. No other origin
// may read the answer either.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "media/commands.h"
#include "media/http_request.h"
#include "media/http_response.h"

namespace ott {

inline constexpr std::string_view kControlPath = "/control";

/// The line of a request for kControlPath, or why it is none. `remote`: where it comes from.
std::variant<std::string, HttpResponse> command_of(const HttpRequest& request, const IpAddress& remote);
/// 200, or 409 for what cannot be done.
HttpResponse control_response(const CommandAnswer& answer);

}  // namespace ott
