#include "media/http_site.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "media/fmp4_writer.h"
#include "media/http_pages.h"
#include "media/live_pictures.h"
#include "media/live_text.h"
#include "media/outlet.h"
#include "media/page.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr std::string_view kMethods = "GET, HEAD, OPTIONS";
constexpr std::size_t kNamesShown = 50;
constexpr double kFpsMin = 0.001;
constexpr double kFpsMax = 1000;
constexpr double kPicturesFpsMax = 10;
/// When a client may try again that found nothing.
constexpr std::string_view kRetryAfter = "Retry-After: 2\r\n";

/// The fields of a response whose content goes on without end.
constexpr std::string_view kEndlessFields =
    "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nAccept-Ranges: none\r\n";

void add_cors(HttpResponse& response, const HttpSiteOptions& options) {
  if (options.cors.empty()) return;
  response.fields += fmt::format(
      "Access-Control-Allow-Origin: {}\r\nAccess-Control-Expose-Headers: ETag, Last-Modified, X-Frame, "
      "X-Timestamp\r\n",
      options.cors);
}

HttpResponse with_cors(HttpResponse response, const HttpSiteOptions& options) {
  add_cors(response, options);
  return response;
}

/// True of a path that something is sent to by POST.
bool takes_post(HttpRequest request, const Api* api) {
  request.method = HttpMethod::Post;
  return api != nullptr && api->has(request) && api->changes(request);
}

/// Also the answer that a browser asks for before it lets a page of another origin send an If-None-Match.
/// Pages of other origins may read only.
HttpResponse options_response(const HttpRequest& request, const Api* api, const HttpSiteOptions& options) {
  HttpResponse response;
  response.status = 204;
  response.fields = fmt::format("Allow: {}\r\n", takes_post(request, api) ? "POST, OPTIONS" : kMethods);
  if (!options.cors.empty()) {
    response.fields += fmt::format(
        "Access-Control-Allow-Methods: {}\r\nAccess-Control-Allow-Headers: Cache-Control, If-None-Match, "
        "Range\r\n"
        "Access-Control-Max-Age: 86400\r\n",
        kMethods);
  }
  return response;
}

HttpResponse not_found(std::string_view path, std::span<const StreamInfo> streams) {
  if (path.starts_with("/api/"))
    return error_response(404, "there is nothing at this path; /api/v1/openapi.yaml has those there are");
  if (streams.empty()) return text_response(503, "no stream is known here yet", kRetryAfter);
  std::string text = fmt::format(
      "There is nothing at {}. What there is:\n  /\n  /streams\n  /streams.json\n"
      "  /api/v1/...\n  /metrics\n  /healthz\n  /readyz\n",
      percent_encode(path));
  for (const StreamInfo& stream : streams.first(std::min(streams.size(), kNamesShown))) {
    for (const std::string_view suffix : suffixes_of(stream.format))
      text += fmt::format("  /{}\n", path_of(stream.name, suffix));
  }
  if (streams.size() > kNamesShown)
    text += fmt::format("  and {} more streams\n", streams.size() - kNamesShown);
  text.pop_back();
  return text_response(404, text);
}

/// What precedes the suffix of a path, without the '/'.
std::optional<std::string> name_before(std::string_view path, std::string_view suffix) {
  if (path.size() <= suffix.size() + 1 || !path.ends_with(suffix)) return std::nullopt;
  path.remove_suffix(suffix.size());
  return std::string(path.substr(1));
}

using Streams = std::span<const StreamInfo>;

/// The stream of pictures that a name means: its own, or a part of it. Null if it has none.
const StreamInfo* pictures_of(Streams streams, const std::string& name) {
  const StreamInfo* found = nullptr;
  for (const StreamInfo& stream : streams) {
    if (!can_have_pictures(stream.format) || !is_part_of(stream.name, name)) continue;
    if (stream.name == name) return &stream;
    if (found == nullptr) found = &stream;
  }
  return found;
}

/// Why there is nothing of that form, where there is something of that name.
HttpResponse wrong_form(Streams streams, const std::string& name, std::string_view form) {
  std::string text = fmt::format("{} is not to be had of '{}':\n", form, to_utf8(name));
  for (const StreamInfo& stream : streams) {
    if (!is_part_of(stream.name, name)) continue;
    text += fmt::format("  {} is {}", to_utf8(stream.name), describe(stream.format));
    for (const std::string_view suffix : suffixes_of(stream.format))
      text += fmt::format("  /{}", path_of(stream.name, suffix));
    text += '\n';
  }
  text.pop_back();
  return text_response(404, text);
}

HttpAction follow(HttpFollow::Form form, std::string name, Streams streams) {
  const bool is_mp4 = form == HttpFollow::Form::Mp4;
  const bool has_any = std::ranges::any_of(streams, [&](const StreamInfo& stream) {
    if (!is_part_of(stream.name, name)) return false;
    return stream.format.encoding.empty() ||
           (is_mp4 ? mp4_can_hold(stream.format) : is_live_text(stream.format));
  });
  if (!has_any) return wrong_form(streams, name, is_mp4 ? "MP4" : "text");
  HttpFollow action{.form = form, .stream = std::move(name), .response = {}};
  action.response.endless = true;
  action.response.fields = kEndlessFields;
  return action;
}

HttpResponse player() {
  HttpResponse response;
  response.fields = "Content-Type: text/javascript; charset=utf-8\r\nCache-Control: no-cache\r\n";
  response.text = player_script();
  return response;
}

HttpResponse description() {
  HttpResponse response;
  response.fields = "Content-Type: application/yaml\r\nCache-Control: no-cache\r\n";  // RFC 9512
  response.text = openapi();
  return response;
}

HttpAction watch(std::string name, const HttpRequest& request) {
  HttpWatch action;
  action.stream = std::move(name);
  if (const auto text = request.parameter("fps")) {
    double fps = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), fps);
    if (error != std::errc() || end != text->data() + text->size() || !(fps >= kFpsMin && fps <= kFpsMax))
      return text_response(400, fmt::format("fps is a number from {} to {}", kFpsMin, kFpsMax));
    action.interval = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / fps));
  }
  action.response.endless = true;
  // A proxy must neither keep the pictures nor hold them back (X-Accel-Buffering is nginx's word for it).
  action.response.fields = fmt::format(
      "Content-Type: {}\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\nAccept-Ranges: none\r\n",
      kMixedReplaceType);
  return action;
}

HttpAction picture(std::string name, const HttpRequest& request) {
  HttpPicture action;
  action.stream = std::move(name);
  action.if_none_match = request.if_none_match;
  if (const auto wait = request.parameter("wait")) {
    if (*wait != "next") return text_response(400, "wait=next is the only thing to wait for");
    action.next = true;
  }
  return action;
}

HttpAction follow_events(const HttpRequest& request) {
  HttpFollow action{.form = HttpFollow::Form::Events, .stream = "events", .response = {}};
  action.response.endless = true;
  action.response.fields = kEndlessFields;
  action.last_id = request.last_event_id;
  return action;
}

/// Small pictures of the streams that `?streams=` names, `?fps=` of each a second.
HttpAction follow_pictures(const HttpRequest& request, Streams streams) {
  HttpFollow action{.form = HttpFollow::Form::Pictures, .stream = {}, .response = {}};
  std::string_view rest = request.parameter("streams").value_or("");
  while (!rest.empty()) {
    auto [name, more] = cut(rest, ',');
    const auto decoded = percent_decode(name);
    if (!decoded || decoded->empty())
      return error_response(400, "streams: names, percent-encoded, with commas");
    action.names.push_back(*decoded);
    rest = more;
  }
  if (action.names.size() > LivePictures::kStreamsMax)
    return error_response(400, fmt::format("streams: at most {} names", LivePictures::kStreamsMax));
  const auto has_pictures = [&streams](const std::string& name) {
    return std::ranges::any_of(streams, [&name](const StreamInfo& stream) {
      return stream.name == name && can_have_pictures(stream.format);
    });
  };
  if (!action.names.empty() && std::ranges::none_of(action.names, has_pictures))
    return error_response(404, "streams: none of these is a stream with pictures that is known here");
  double fps = 1;
  if (const auto text = request.parameter("fps")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), fps);
    if (error != std::errc() || end != text->data() + text->size() ||
        !(fps >= kFpsMin && fps <= kPicturesFpsMax))
      return error_response(400, fmt::format("fps is a number from {} to {}", kFpsMin, kPicturesFpsMax));
  }
  action.interval = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / fps));
  action.stream = fmt::format("pictures of {}, {} a second",
                              action.names.empty() ? "all streams" : *request.parameter("streams"), fps);
  action.response.endless = true;
  action.response.fields = kEndlessFields;
  return action;
}

HttpAction ask(const HttpRequest& request, Api& api, const HttpSiteOptions& options, Now now) {
  if (api.changes(request)) {
    if (auto refusal = options.token.refusal(request)) return std::move(*refusal);
  }
  auto answer = api.answer(request, now);
  if (const auto* wait = std::get_if<HttpWait>(&answer)) return *wait;
  return std::get<HttpResponse>(std::move(answer));
}

HttpAction act(const HttpRequest& request, std::span<const StreamInfo> streams, Api* api,
               const HttpSiteOptions& options, Now now) {
  if (request.method == HttpMethod::Options) return options_response(request, api, options);
  if (api != nullptr && api->has(request)) return ask(request, *api, options, now);
  if (request.method == HttpMethod::Other || request.method == HttpMethod::Post)
    return text_response(405, fmt::format("this server answers {}", kMethods),
                         fmt::format("Allow: {}\r\n", kMethods));
  const auto is_there = [&streams](const std::optional<std::string>& name) {
    return name && std::ranges::any_of(
                       streams, [&](const StreamInfo& stream) { return is_part_of(stream.name, *name); });
  };
  for (const std::string_view suffix : {".mjpg", ".jpg"}) {
    const auto name = name_before(request.path, suffix);
    if (!is_there(name)) continue;
    const StreamInfo* pictures = pictures_of(streams, *name);
    if (pictures == nullptr) return wrong_form(streams, *name, "JPEG");
    return suffix == ".mjpg" ? watch(pictures->name, request) : picture(pictures->name, request);
  }
  if (api != nullptr && request.path == kEventsPath) return follow_events(request);
  if (request.path == kDescriptionPath) return description();
  if (request.path == kPicturesPath) return follow_pictures(request, streams);
  if (auto name = name_before(request.path, ".mp4"); is_there(name))
    return follow(HttpFollow::Form::Mp4, std::move(*name), streams);
  if (auto name = name_before(request.path, ".events"); is_there(name))
    return follow(HttpFollow::Form::Text, std::move(*name), streams);
  if (request.path == "/player.js") return player();
  if (request.path == "/") return live_page(request);
  if (request.path == "/streams") return streams_page(streams);
  if (request.path == "/streams.json") return streams_json(streams);
  if (request.path == "/healthz") return text_response(200, "ok");
  return not_found(request.path, streams);
}

}  // namespace

HttpAction answer(const HttpRequest& request, std::span<const StreamInfo> streams, Api* api,
                  const HttpSiteOptions& options, Now now) {
  HttpAction action = act(request, streams, api, options, now);
  if (auto* response = std::get_if<HttpResponse>(&action)) add_cors(*response, options);
  if (auto* watch = std::get_if<HttpWatch>(&action)) add_cors(watch->response, options);
  if (auto* follow = std::get_if<HttpFollow>(&action)) add_cors(follow->response, options);
  return action;
}

HttpResponse picture_response(const HttpPicture& wanted, const FramePtr& frame,
                              const HttpSiteOptions& options) {
  const std::string tag = entity_tag(*frame);
  HttpResponse response;
  // "no-cache": it may be kept, and must be asked for again before it is shown.
  response.fields = fmt::format(
      "Cache-Control: no-cache\r\nETag: {}\r\nLast-Modified: {}\r\nX-Timestamp: {}\r\nX-Frame: {}\r\n", tag,
      http_date(frame->source_time), unix_seconds(frame->source_time), frame->number.value);
  if (matches(wanted.if_none_match, tag)) {
    response.status = 304;
  } else {
    response.fields += "Content-Type: image/jpeg\r\nAccept-Ranges: none\r\n";
    response.picture = frame;
  }
  return with_cors(std::move(response), options);
}

HttpResponse no_picture_response(const HttpPicture& wanted, std::string_view why,
                                 const HttpSiteOptions& options) {
  return with_cors(text_response(503,
                                 fmt::format("no picture of '{}' has come: {}", to_utf8(wanted.stream),
                                             why.empty() ? "none is on its way" : to_utf8(why)),
                                 kRetryAfter),
                   options);
}

HttpResponse nothing_to_follow_response(const HttpFollow& wanted, std::string_view why,
                                        const HttpSiteOptions& options) {
  return with_cors(
      text_response(503,
                    fmt::format("nothing of '{}' can be shown: {}", to_utf8(wanted.stream), to_utf8(why)),
                    kRetryAfter),
      options);
}

HttpResponse awaited_response(HttpResponse response, const HttpSiteOptions& options) {
  return with_cors(std::move(response), options);
}

HttpResponse refusal_response(const HttpRefusal& refusal, const HttpSiteOptions& options) {
  auto response = refusal.of_api ? error_response(refusal.status, refusal.why)
                                 : text_response(refusal.status, refusal.why);
  return with_cors(std::move(response), options);
}

bool can_have_pictures(const MediaFormat& format) { return format.is_jpeg() || format.encoding.empty(); }

std::span<const std::string_view> suffixes_of(const MediaFormat& format) {
  static constexpr std::array<std::string_view, 2> kPictures = {".mjpg", ".jpg"};
  static constexpr std::array<std::string_view, 1> kMp4 = {".mp4"};
  static constexpr std::array<std::string_view, 1> kEvents = {".events"};
  if (can_have_pictures(format)) return kPictures;
  if (mp4_can_hold(format)) return kMp4;
  if (is_live_text(format)) return kEvents;
  return {};
}

std::string path_of(std::string_view stream, std::string_view suffix) {
  // Two slashes at the beginning would name a host.
  const bool slash = stream.starts_with('/');
  if (slash) stream.remove_prefix(1);
  return fmt::format("{}{}{}", slash ? "%2F" : "", percent_encode(stream), suffix);
}

Result<void> check_cors(std::string_view origin) {
  if (origin == "*") return {};
  const std::size_t host = origin.find("://");
  const bool good = host != std::string_view::npos && host > 0 && host + 3 < origin.size() &&
                    origin.find_first_of("/ ,;\"?#@", host + 3) == std::string_view::npos &&
                    std::ranges::all_of(origin, [](char c) { return c > ' ' && c < '\x7F'; });
  if (good) return {};
  return fail("an origin is a scheme and a host, as in https://example.org, or * for all");
}

}  // namespace ott
