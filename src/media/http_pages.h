// The pages of our HTTP server: what people and programs see of the streams that there are.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "media/http_response.h"
#include "ott/message.h"

namespace ott {

/// The live page of the overlay (page.h), as the client takes it. Its policy is in it: nothing is loaded from
/// elsewhere, and no script runs but its own. 304 where the client has it.
HttpResponse live_page(const HttpRequest& request);
/// A page with the pictures, the sound and the text of all streams, which works without the script of the
/// live one. Of the pictures the first few move; a browser has no more connections for a server than six, and
/// each that moves takes one. What is no JPEG is played by player_script() (page.h).
HttpResponse streams_page(std::span<const StreamInfo> streams);
/// {"streams": [{"name", "source", "width", "height", "fps", "state", "since", "media", "encoding"}]}; what
/// is not known yet is null. Behind that the paths at which a stream can be had: "mjpg" and "jpg", "mp4", or
/// "events". "since": from when the stream is in this state, seconds since 1970; null: from its
/// start.
HttpResponse streams_json(std::span<const StreamInfo> streams);

}  // namespace ott
