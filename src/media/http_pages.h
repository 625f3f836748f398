// The pages of our HTTP server: what people and programs see of the streams that there are.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "media/http_response.h"
#include "ott/message.h"

namespace ott {

/// A page that needs nothing else, with a picture of each stream. The first few move; a browser has no more
/// connections for a server than six, and each moving picture takes one.
HttpResponse index_page(std::span<const StreamInfo> streams);
/// {"streams": [{"name", "source", "width", "height", "fps", "state", "since", "mjpg", "jpg"}]}; what is not
/// known yet is null. "since": from when the stream is in this state, seconds since 1970; null: from its
/// start.
HttpResponse streams_json(std::span<const StreamInfo> streams);

}  // namespace ott
