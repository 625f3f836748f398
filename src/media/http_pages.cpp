#include "media/http_pages.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "media/http_site.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr std::size_t kMovingPictures = 4;
constexpr double kMilli = 1000;

constexpr std::string_view kPageBegin = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ottd</title>
<link rel="icon" href="data:,">
<style>
body { margin: 1rem; font: 16px/1.4 system-ui, sans-serif; background: #16181c; color: #e8e8e8 }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)) }
figure { margin: 0 }
img { display: block; width: 100%; height: auto; min-height: 4rem; background: #000 }
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

std::string figure(const StreamInfo& stream, bool moving) {
  const std::string mjpg = path_of(stream.name, ".mjpg");
  const std::string jpg = path_of(stream.name, ".jpg");
  const std::string name = escaped(stream.name);
  std::string size;
  std::string facts(to_string(stream.state));
  if (stream.width > 0) {
    size = fmt::format(R"( width="{}" height="{}")", stream.width, stream.height);
    facts = fmt::format("{}×{}, {}", stream.width, stream.height, facts);
  }
  if (stream.fps_milli > 0) facts += fmt::format(", {:.4g} frames/s", stream.fps_milli / kMilli);
  return fmt::format(
      "<figure><a href=\"./{0}\"><img src=\"./{1}\" alt=\"{2}\"{3}></a>\n"
      "<figcaption>{2} <small>{4}</small> <a href=\"./{0}\">moving</a> <a "
      "href=\"./{5}\">picture</a></figcaption>"
      "</figure>\n",
      mjpg, moving ? mjpg : jpg, name, size, facts, jpg);
}

}  // namespace

HttpResponse index_page(std::span<const StreamInfo> streams) {
  HttpResponse response;
  response.fields =
      "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
      "Content-Security-Policy: default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'\r\n";
  response.text = kPageBegin;
  if (streams.empty()) {
    response.text += "<meta http-equiv=\"refresh\" content=\"2\">\n<p>No stream is known here yet.\n";
    return response;
  }
  response.text += "<main>\n";
  std::size_t shown = 0;
  for (const StreamInfo& stream : streams) response.text += figure(stream, shown++ < kMovingPictures);
  response.text += "</main>\n<p><a href=\"./streams.json\">streams.json</a>\n";
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
    text("mjpg", '/' + path_of(stream.name, ".mjpg"));
    text("jpg", '/' + path_of(stream.name, ".jpg"));
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
