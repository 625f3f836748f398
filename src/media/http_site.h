// What the paths of our HTTP server mean:
//
//     /NAME.mjpg      a moving picture; ?fps=5: at most so many a second
//     /NAME.jpg       the newest picture; ?wait=next: the next one, or the
//                     first that If-None-Match does not name
//     /NAME.mp4       video and audio that are no JPEG, as fragmented MP4;
//                     X-Backlog: so many bytes of it are here already
//     /NAME.events    text, as server-sent events
//     /streams.json   the streams that there are
//     /healthz        "ok" while the process is there
//     /api/v1/…       what programs ask (role/openapi.yaml), and its events
//     /metrics        Prometheus's text format
//     /readyz         "ok" once the process has its place in the overlay
//     /               the live page of the overlay (src/page)
//     /streams        a page with each stream's picture and sound, for browsers without script
//     /player.js      what plays video, sound and text there
//     /control        commands, by POST (http_control.h)
//
// A name is percent-encoded, and may contain '/'. It is a stream's, or the first part of several streams'
// names: /cam.mp4 has cam/video and cam/audio. No I/O.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "media/api.h"
#include "media/http_request.h"
#include "media/http_response.h"
#include "media/http_token.h"
#include "ott/message.h"
#include "ott/time.h"

namespace ott {

inline constexpr std::string_view kEventsPath = "/api/v1/events";
inline constexpr std::string_view kDescriptionPath = "/api/v1/openapi.yaml";
inline constexpr std::string_view kPicturesPath = "/api/v1/pictures";

struct HttpSiteOptions {
  /// Whose pages may read what is sent: an origin (https://host) or "*"; empty: pages of this server alone.
  std::string cors;
  /// Requests that change something must bring it.
  HttpToken token{};
};

/// Pictures are to be sent as they come.
struct HttpWatch {
  std::string stream;
  Duration interval{};    // between two pictures at least
  HttpResponse response;  // its head
};

/// One picture is to be sent.
struct HttpPicture {
  std::string stream;
  bool next = false;  // one that comes from now on
  std::string if_none_match{};
};

/// What comes is to be sent: a stream as MP4 or as events of text, small pictures of several, or the events
/// of the process.
struct HttpFollow {
  enum class Form : std::uint8_t { Mp4, Text, Pictures, Events };
  Form form = Form::Mp4;
  std::string stream;                // or the first part of the names of several; of pictures: what they are
  HttpResponse response;             // its head, but for the content type
  std::vector<std::string> names{};  // pictures: of these streams; none: of all
  Duration interval{};               // pictures: the least time between two of one stream
  std::string last_id{};             // events: the last one that is there already
};

using HttpAction = std::variant<HttpResponse, HttpWatch, HttpPicture, HttpFollow, HttpWait>;

/// Says what to do for a request. `streams`: those that there are; `api`: null where there is none.
HttpAction answer(const HttpRequest& request, std::span<const StreamInfo> streams, Api* api,
                  const HttpSiteOptions& options, Now now);

/// The answer to an HttpPicture, once there is one to choose from: 200, or 304 if the client has it.
HttpResponse picture_response(const HttpPicture& wanted, const FramePtr& frame,
                              const HttpSiteOptions& options);
/// Its answer when none has come for a while: 503, or 304 where the client has the newest.
HttpResponse no_picture_response(const HttpPicture& wanted, std::string_view why,
                                 const HttpSiteOptions& options);
/// Its answer when its content could not begin: 503.
HttpResponse nothing_to_follow_response(const HttpFollow& wanted, std::string_view why,
                                        const HttpSiteOptions& options);
/// The answer that was waited for, as it is to be sent.
HttpResponse awaited_response(HttpResponse response, const HttpSiteOptions& options);
/// The answer to what is no request.
HttpResponse refusal_response(const HttpRefusal& refusal, const HttpSiteOptions& options);

/// True of JPEG, and of what is not known yet.
bool can_have_pictures(const MediaFormat& format);
/// The forms in which a stream can be had, as ends of its paths; none for what browsers cannot show.
std::span<const std::string_view> suffixes_of(const MediaFormat& format);

/// Where a stream's pictures are, relative to "/".
std::string path_of(std::string_view stream, std::string_view suffix);

/// An origin as a browser sends it (RFC 6454, section 6.1), or "*". The error says what is right.
Result<void> check_cors(std::string_view origin);

}  // namespace ott
