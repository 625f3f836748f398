#include "media/http_pages.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <set>

#include "media/fmp4_writer.h"
#include "media/http_site.h"
#include "media/live_text.h"
#include "media/outlet.h"
#include "media/page.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr std::size_t kConnections = 4;
constexpr double kMilli = 1000;

constexpr std::string_view kPageBegin = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ottd: streams</title>
<link rel="icon" href="data:,">
<style>
body { margin: 1rem; font: 16px/1.4 system-ui, sans-serif; background: #16181c; color: #e8e8e8 }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)) }
figure { margin: 0 }
img, video { display: block; width: 100%; height: auto; min-height: 4rem; background: #000 }
.text { margin: .3rem 0; min-height: 2.8em; white-space: pre-wrap }
figcaption { margin-top: .3rem; overflow-wrap: anywhere }
a { color: #9cf }
small { color: #aaa }
</style>
)";

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : to_utf8(text)) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

std::string facts_of(const StreamInfo& stream) {
  std::string facts(to_string(stream.state));
  if (stream.width > 0) facts = fmt::format("{}×{}, {}", stream.width, stream.height, facts);
  if (stream.fps_milli > 0) facts += fmt::format(", {:.4g} frames/s", stream.fps_milli / kMilli);
  return facts;
}

std::string figure(const StreamInfo& stream, bool moving) {
  const std::string mjpg = path_of(stream.name, ".mjpg");
  const std::string jpg = path_of(stream.name, ".jpg");
  const std::string name = escaped(stream.name);
  std::string size;
  if (stream.width > 0) size = fmt::format(R"( width="{}" height="{}")", stream.width, stream.height);
  return fmt::format(
      "<figure{6}><a href=\"./{0}\"><img src=\"./{1}\" alt=\"{2}\"{3}></a>\n"
      "<figcaption>{2} <small>{4}</small> <a href=\"./{0}\">moving</a> <a "
      "href=\"./{5}\">picture</a></figcaption>"
      "</figure>\n",
      mjpg, moving ? mjpg : jpg, name, size, facts_of(stream), jpg,
      stream.format.encoding.empty() ? " class=\"unknown\"" : "");
}

/// What the player plays of the streams that belong together: one video, one audio, all text.
struct PlayerParts {
  std::string name;  // the first part of their names, or the whole one of a stream that is alone
  const StreamInfo* video = nullptr;
  const StreamInfo* audio = nullptr;
  const StreamInfo* text = nullptr;

  [[nodiscard]] std::size_t connections() const {
    return (video != nullptr || audio != nullptr ? 1U : 0U) + (text != nullptr ? 1U : 0U);
  }
};

PlayerParts parts_of(std::span<const StreamInfo> streams, const std::string& name) {
  PlayerParts parts{.name = name};
  for (const StreamInfo& stream : streams) {
    if (!is_part_of(stream.name, name)) continue;
    const StreamInfo*& part = stream.format.media == MediaKind::Video   ? parts.video
                              : stream.format.media == MediaKind::Audio ? parts.audio
                                                                        : parts.text;
    const bool fits = mp4_can_hold(stream.format) || is_live_text(stream.format);
    if (part == nullptr && fits) part = &stream;
  }
  return parts;
}

std::string player(const PlayerParts& parts) {
  const bool plays = parts.video != nullptr || parts.audio != nullptr;
  std::string html = "<figure class=\"player\"";
  const auto data = [&html](std::string_view what, const std::string& path) {
    html += fmt::format(" data-{}=\"./{}\"", what, path);
  };
  std::string links;
  const auto link = [&links](const std::string& path, std::string_view text) {
    links += fmt::format(" <a href=\"./{}\">{}</a>", path, text);
  };
  if (plays) {
    data("mp4", path_of(parts.name, ".mp4"));
    link(path_of(parts.name, ".mp4"), "mp4");
  }
  if (parts.video != nullptr) data("video", path_of(parts.video->name, ".mp4"));
  if (parts.audio != nullptr) data("audio", path_of(parts.audio->name, ".mp4"));
  if (parts.text != nullptr) {
    data("events", path_of(parts.name, ".events"));
    link(path_of(parts.name, ".events"), "text");
  }
  std::string facts;
  for (const StreamInfo* part : {parts.video, parts.audio, parts.text}) {
    if (part == nullptr) continue;
    facts +=
        fmt::format("{}{}, {}", facts.empty() ? "" : "; ", escaped(describe(part->format)), facts_of(*part));
  }
  html += fmt::format(
      "><video muted playsinline{}></video>\n{}<figcaption>{} <small>{}</small>{} "
      "<button hidden>sound on</button> <span class=\"note\"></span></figcaption></figure>\n",
      parts.video == nullptr ? " hidden" : "",
      parts.text == nullptr ? "" : "<p class=\"text\" aria-live=\"polite\"></p>\n", escaped(parts.name),
      facts, links);
  return html;
}

}  // namespace

HttpResponse live_page(const HttpRequest& request) {
  static const std::string tag = fmt::format("{:x}", std::hash<std::string_view>{}(page()));
  HttpResponse response;
  // Another encoding is another representation, and has a tag of its own (RFC 9110, section 8.8.3).
  const std::string quoted = fmt::format("\"{}{}\"", tag, request.accepts_gzip ? "-gzip" : "");
  response.fields = fmt::format(
      "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-cache\r\nVary: Accept-Encoding\r\nETag: "
      "{}\r\n"
      "Content-Security-Policy: frame-ancestors 'self'\r\n",
      quoted);
  if (matches(request.if_none_match, quoted)) {
    response.status = 304;
    return response;
  }
  if (request.accepts_gzip) response.fields += "Content-Encoding: gzip\r\n";
  response.text = request.accepts_gzip ? page_gzip() : page();
  return response;
}

HttpResponse streams_page(std::span<const StreamInfo> streams) {
  std::string figures;
  std::size_t connections = 0;
  bool has_script = false;
  std::set<std::string> played;
  for (const StreamInfo& stream : streams) {
    if (can_have_pictures(stream.format)) {
      has_script = has_script || stream.format.encoding.empty();
      figures += figure(stream, connections++ < kConnections);
      continue;
    }
    const std::string name = stream.name.substr(0, stream.name.find('/', 1));
    const PlayerParts parts = parts_of(streams, name);
    if (parts.connections() == 0 || !played.insert(name).second) continue;
    figures += player(parts);
    has_script = true;
    connections += parts.connections();
  }
  HttpResponse response;
  response.fields = fmt::format(
      "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
      "Content-Security-Policy: default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'{}\r\n",
      has_script ? "; script-src 'self'; connect-src 'self'; media-src blob:" : "");
  response.text = kPageBegin;
  if (streams.empty()) {
    response.text += "<meta http-equiv=\"refresh\" content=\"2\">\n<p>No stream is known here yet.\n";
    return response;
  }
  response.text +=
      "<main>\n" + figures +
      "</main>\n<p><a href=\"./\">the overlay, live</a> <a href=\"./streams.json\">streams.json</a>\n";
  if (has_script) response.text += "<script src=\"./player.js\"></script>\n";
  return response;
}

HttpResponse streams_json(std::span<const StreamInfo> streams) {
  constexpr double kNanosecondsPerSecond = 1e9;
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  const auto text = [&json](const char* key, const std::string& value) {
    json.Key(key);
    json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  const auto number = [&json](const char* key, double value) {
    json.Key(key);
    if (value > 0) {
      json.Double(value);
    } else {
      json.Null();
    }
  };
  const auto whole = [&json](const char* key, std::uint32_t value) {
    json.Key(key);
    if (value > 0) {
      json.Uint(value);
    } else {
      json.Null();
    }
  };
  json.SetMaxDecimalPlaces(3);
  json.StartObject();
  json.Key("streams");
  json.StartArray();
  for (const StreamInfo& stream : streams) {
    json.StartObject();
    text("name", to_utf8(stream.name));
    text("source", to_utf8(stream.kind));
    whole("width", stream.width);
    whole("height", stream.height);
    number("fps", stream.fps_milli / kMilli);
    text("state", std::string(to_string(stream.state)));
    number("since", static_cast<double>(stream.state_since) / kNanosecondsPerSecond);
    text("media", std::string(to_string(stream.format.media)));
    text("encoding", to_utf8(stream.format.encoding));
    for (const std::string_view suffix : suffixes_of(stream.format))
      text(suffix.substr(1).data(), '/' + path_of(stream.name, suffix));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  HttpResponse response;
  response.fields = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
  response.text = std::string(buffer.GetString(), buffer.GetSize()) + "\n";
  return response;
}

}  // namespace ott
