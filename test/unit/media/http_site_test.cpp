#include "media/http_site.h"

#include <catch2/catch.hpp>

#include "media/http_pages.h"
#include "media/page.h"
#include "media/text.h"

namespace ott {
namespace {

StreamInfo stream(const std::string& name) {
  StreamInfo info;
  info.name = name;
  info.kind = "pattern";
  return info;
}

const std::vector<StreamInfo> kStreams = {stream("cam"), stream("cam/video"), stream("a <b> & \"c\"?")};

HttpRequest request_for(const std::string& target, const std::string& method = "GET") {
  HttpRequestReader reader;
  const std::string text = method + " " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
  reader.feed({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  const HttpRead read = reader.next();
  REQUIRE(std::holds_alternative<HttpRequest>(read));
  return std::get<HttpRequest>(read);
}

HttpAction act(const std::string& target, const HttpSiteOptions& options = {},
               const std::string& method = "GET") {
  return answer(request_for(target, method), kStreams, nullptr, options, Now{});
}

HttpResponse response_to(const std::string& target, const HttpSiteOptions& options = {},
                         const std::string& method = "GET") {
  const HttpAction action = act(target, options, method);
  REQUIRE(std::holds_alternative<HttpResponse>(action));
  return std::get<HttpResponse>(action);
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

FramePtr frame(std::uint64_t number, std::size_t bytes = 3) {
  auto made = std::make_shared<Frame>();
  made->stream = StreamId{0xAB};
  made->number = FrameNumber{number};
  made->source_time = WallTime(std::chrono::milliseconds(1'700'000'000'250));
  made->bytes.assign(bytes, 0xFF);
  return made;
}

TEST_CASE("HTTP site: a stream's pictures") {
  CHECK(std::get<HttpWatch>(act("/cam.mjpg")).stream == "cam");
  CHECK(std::get<HttpWatch>(act("/cam/video.mjpg")).stream == "cam/video");
  CHECK(std::get<HttpWatch>(act("/cam%2fvideo.mjpg")).stream == "cam/video");
  CHECK(std::get<HttpWatch>(act("/a%20%3Cb%3E%20%26%20%22c%22%3F.mjpg")).stream == kStreams[2].name);
  CHECK(std::get<HttpWatch>(act("/cam.mjpg?fps=5")).interval == std::chrono::milliseconds(200));
  CHECK(std::get<HttpWatch>(act("/cam.mjpg?t=1")).interval == Duration{});
  for (const char* wrong : {"0", "-1", "nan", "inf", "5x", "", "1e9"}) {
    CHECK(response_to(std::string("/cam.mjpg?fps=") + wrong).status == 400);
  }
  CHECK_FALSE(std::get<HttpPicture>(act("/cam.jpg")).next);
  CHECK(std::get<HttpPicture>(act("/cam.jpg?wait=next")).next);
  CHECK(response_to("/cam.jpg?wait=long").status == 400);
}

TEST_CASE("HTTP site: a path that is none names the streams that there are") {
  for (const char* wrong :
       {"/cam", "/CAM.mjpg", "/cam.mjpg/", "/.mjpg", "//cam.mjpg", "/other.jpg", "/cam.png"}) {
    const HttpResponse response = response_to(wrong);
    INFO(wrong);
    CHECK(response.status == 404);
    CHECK(has(response.text, "/cam/video.mjpg\n"));
    CHECK(has(response.text, "/a%20%3Cb%3E%20%26%20%22c%22%3F.jpg\n"));
  }
  const HttpAction none = answer(request_for("/cam.mjpg"), {}, nullptr, {}, Now{});
  CHECK(std::get<HttpResponse>(none).status == 503);
  CHECK(has(std::get<HttpResponse>(none).fields, "Retry-After:"));
}

TEST_CASE("HTTP site: methods") {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
    const HttpResponse response = response_to("/cam.mjpg", {}, method);
    CHECK(response.status == 405);
    CHECK(has(response.fields, "Allow: GET, HEAD, OPTIONS\r\n"));
  }
  CHECK(response_to("*", {}, "OPTIONS").status == 204);
  const HttpRequest head = request_for("/streams.json", "HEAD");
  const HttpResponse response = std::get<HttpResponse>(answer(head, kStreams, nullptr, {}, Now{}));
  const std::string bytes = to_bytes(response, &head, true, {});
  CHECK(has(bytes, "Content-Length: " + std::to_string(response.text.size()) + "\r\n"));
  CHECK(bytes.ends_with("\r\n\r\n"));
}

TEST_CASE("HTTP site: pages of other origins, only if they were asked for") {
  CHECK_FALSE(has(response_to("/streams.json").fields, "Access-Control"));
  const HttpSiteOptions options{.cors = "https://example.org"};
  const std::string allow = "Access-Control-Allow-Origin: https://example.org\r\n";
  CHECK(has(response_to("/streams.json", options).fields, allow));
  CHECK(has(response_to("/nothing", options).fields, allow));
  CHECK(has(std::get<HttpWatch>(act("/cam.mjpg", options)).response.fields, allow));
  CHECK(has(picture_response({.stream = "cam"}, frame(1), options).fields, allow));
  CHECK(has(response_to("/cam.jpg", options, "OPTIONS").fields, "Access-Control-Allow-Headers: "));
  for (const char* good : {"*", "https://example.org", "http://10.0.0.1:8080", "http://[::1]:80"}) {
    CHECK(check_cors(good));
  }
  for (const char* wrong :
       {"", "example.org", "https://example.org/", "https://", "https://a, https://b", "https://a\r\nX: y"}) {
    CHECK_FALSE(check_cors(wrong));
  }
}

TEST_CASE("HTTP site: a picture has a tag, and is not sent to who has it") {
  const HttpResponse first = picture_response({.stream = "cam"}, frame(7, 50), {});
  CHECK(first.status == 200);
  CHECK(has(first.fields, "ETag: \"ab-7\"\r\n"));
  CHECK(has(first.fields, "X-Timestamp: 1700000000.250000\r\n"));
  CHECK(has(first.fields, "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
  CHECK(has(first.fields, "Cache-Control: no-cache\r\n"));
  CHECK(has(to_bytes(first, nullptr, true, {}), "Content-Length: 50\r\n"));
  for (const char* same : {"\"ab-7\"", "W/\"ab-7\"", "\"x\" , \"ab-7\"", "*"}) {
    const HttpResponse again =
        picture_response({.stream = "cam", .next = false, .if_none_match = same}, frame(7), {});
    CHECK(again.status == 304);
    CHECK_FALSE(again.picture);
    CHECK_FALSE(has(to_bytes(again, nullptr, true, {}), "Content-Length"));
  }
  for (const char* other : {"\"ab-8\"", "ab-7", "\"ab-7", ","}) {
    CHECK(picture_response({.stream = "cam", .next = false, .if_none_match = other}, frame(7), {}).status ==
          200);
  }
  const HttpResponse none = no_picture_response({.stream = "cam"}, "the source is silent", {});
  CHECK(none.status == 503);
  CHECK(has(none.text, "the source is silent"));
}

TEST_CASE("HTTP site: names are text on the page, whatever is in them") {
  const std::string page = streams_page(kStreams).text;
  CHECK(has(page, "a &lt;b&gt; &amp; &quot;c&quot;?"));
  CHECK_FALSE(has(page, "<b>"));
  CHECK(has(page, "src=\"./a%20%3Cb%3E%20%26%20%22c%22%3F.mjpg\""));
  CHECK(has(streams_page(std::vector{stream("//evil.example/x")}).text, "src=\"./%2F/evil.example/x.mjpg\""));
  CHECK(has(streams_page({}).text, "No stream"));
}

const std::vector<StreamInfo> kParts = [] {
  std::vector<StreamInfo> parts;
  for (const auto& [name, media, encoding] :
       std::initializer_list<std::tuple<const char*, MediaKind, const char*>>{
           {"cam/video", MediaKind::Video, "H264"},
           {"cam/audio", MediaKind::Audio, "opus"},
           {"cam/text", MediaKind::Text, "t140"},
           {"old/video", MediaKind::Video, "JPEG"},
           {"new", MediaKind::Video, ""},
           {"odd", MediaKind::Video, "VP8"}}) {
    StreamInfo info = stream(name);
    info.format.media = media;
    info.format.encoding = encoding;
    parts.push_back(info);
  }
  return parts;
}();

HttpAction act_on_parts(const std::string& target) {
  return answer(request_for(target), kParts, nullptr, {}, Now{});
}

TEST_CASE("HTTP site: what is no JPEG is followed as MP4 or as text, by its own name or that of all") {
  using Form = HttpFollow::Form;
  for (const auto& [path, form, name] : std::initializer_list<std::tuple<std::string, Form, std::string>>{
           {"/cam.mp4", Form::Mp4, "cam"},
           {"/cam/audio.mp4", Form::Mp4, "cam/audio"},
           {"/cam.events", Form::Text, "cam"},
           {"/cam/text.events", Form::Text, "cam/text"},
           {"/new.mp4", Form::Mp4, "new"}}) {
    const auto follow = std::get<HttpFollow>(act_on_parts(path));
    CHECK(follow.form == form);
    CHECK(follow.stream == name);
    CHECK(follow.response.endless);
  }
  CHECK(std::get<HttpWatch>(act_on_parts("/old.mjpg")).stream == "old/video");
  CHECK(std::get<HttpPicture>(act_on_parts("/old.jpg")).stream == "old/video");
}

TEST_CASE("HTTP site: a form that a stream does not have is not there, and what there is instead is said") {
  const auto refused = [](const std::string& path) {
    const auto response = std::get<HttpResponse>(act_on_parts(path));
    CHECK(response.status == 404);
    return response.text;
  };
  CHECK(has(refused("/cam.mjpg"),
            "JPEG is not to be had of 'cam':\n  cam/video is video H264  /cam/video.mp4\n"));
  CHECK(has(refused("/old.mp4"), "old/video is video JPEG  /old/video.mjpg  /old/video.jpg"));
  CHECK(has(refused("/odd.mp4"), "odd is video VP8\n"));
  CHECK(has(refused("/cam/video.events"), "text is not to be had of 'cam/video'"));
  const std::string all = refused("/nothing.mp4");
  CHECK(has(all, "\n  /cam/video.mp4\n  /cam/audio.mp4\n  /cam/text.events\n  /old/video.mjpg\n"));
}

TEST_CASE("HTTP site: the page plays the parts of a name together") {
  const auto page = std::get<HttpResponse>(act_on_parts("/streams"));
  CHECK(has(page.text,
            "<figure class=\"player\" data-mp4=\"./cam.mp4\" data-video=\"./cam/video.mp4\" "
            "data-audio=\"./cam/audio.mp4\" data-events=\"./cam.events\">"));
  CHECK(page.text.find("class=\"player\"") == page.text.rfind("class=\"player\""));
  CHECK(has(page.text, "<img src=\"./old/video.mjpg\""));
  CHECK(has(page.text, "<script src=\"./player.js\"></script>"));
  CHECK(has(page.text, "<figure class=\"unknown\"><a href=\"./new.mjpg\">"));
  CHECK(has(page.fields, "script-src 'self'"));
  CHECK_FALSE(has(response_to("/streams").fields, "script-src"));
  CHECK(has(std::get<HttpResponse>(act_on_parts("/player.js")).fields, "text/javascript"));
}

TEST_CASE("HTTP site: what the API answers is described") {
  const HttpResponse description = response_to("/api/v1/openapi.yaml");
  CHECK(description.status == 200);
  CHECK(has(description.fields, "Content-Type: application/yaml\r\n"));
  CHECK(has(description.text, "openapi: 3.0.3\n"));
  CHECK(has(response_to("/api/v1/nothing").text, "/api/v1/openapi.yaml"));
}

TEST_CASE("HTTP site: the live page, as the client takes it, and not again to who has it") {
  const HttpResponse plain = response_to("/");
  CHECK(plain.status == 200);
  CHECK(plain.text == page());
  CHECK(plain.text.starts_with("<!doctype html>"));
  CHECK(plain.text.ends_with("</html>\n"));
  CHECK(has(plain.text, "default-src 'none'"));
  CHECK(has(plain.text, "href=\"./streams\""));
  CHECK(has(plain.fields, "Cache-Control: no-cache\r\n"));
  CHECK_FALSE(has(plain.fields, "Content-Encoding"));
  HttpRequest request = request_for("/");
  request.accepts_gzip = true;
  const HttpResponse packed = std::get<HttpResponse>(answer(request, kStreams, nullptr, {}, Now{}));
  CHECK(has(packed.fields, "Content-Encoding: gzip\r\n"));
  CHECK(packed.text.starts_with("\x1f\x8b"));
  CHECK(packed.text.size() * 2 < plain.text.size());
  const auto tag_of = [](const HttpResponse& response) {
    const std::size_t begin = response.fields.find("ETag: ") + 6;
    return response.fields.substr(begin, response.fields.find("\r\n", begin) - begin);
  };
  CHECK(tag_of(plain) != tag_of(packed));
  request.if_none_match = tag_of(packed);
  CHECK(std::get<HttpResponse>(answer(request, kStreams, nullptr, {}, Now{})).status == 304);
  request.accepts_gzip = false;
  CHECK(std::get<HttpResponse>(answer(request, kStreams, nullptr, {}, Now{})).status == 200);
}

TEST_CASE("HTTP site: streams.json") {
  StreamInfo known = stream("k\xFFm\n");
  known.width = 640;
  known.height = 480;
  known.fps_milli = 29'970;
  known.state = StreamState::Stalled;
  known.state_since = 1'700'000'000'500'000'000;
  CHECK(streams_json(std::vector{known, stream("cam")}).text ==
        "{\"streams\":[{\"name\":\"k\xEF\xBF\xBDm\\n\",\"source\":\"pattern\",\"width\":640,\"height\":480,"
        "\"fps\":29.97,"
        "\"state\":\"stalled\",\"since\":1700000000.5,\"media\":\"video\",\"encoding\":\"JPEG\",\"mjpg\":\"/"
        "k%FFm%0A.mjpg\",\"jpg\":\"/k%FFm%0A.jpg\"},"
        "{\"name\":\"cam\",\"source\":\"pattern\",\"width\":null,\"height\":null,\"fps\":null,"
        "\"state\":\"live\",\"since\":null,\"media\":\"video\",\"encoding\":\"JPEG\",\"mjpg\":\"/"
        "cam.mjpg\",\"jpg\":\"/cam.jpg\"}]}\n");
  CHECK(to_utf8("\xC0\x80|\xED\xA0\x80|\xF5\x80\x80\x80|\xE2\x82|\xE2\x82\xAC") ==
        "\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
        "\xEF\xBF\xBD\xEF\xBF\xBD|\xE2\x82\xAC");
}

TEST_CASE("HTTP response: what keeps a connection, by version") {
  const HttpRequest request = request_for("/");
  HttpRequest old = request;
  old.version = 10;
  const HttpResponse response = text_response(200, "ok");
  CHECK_FALSE(has(to_bytes(response, &request, true, {}), "Connection:"));
  CHECK(has(to_bytes(response, &request, false, {}), "Connection: close\r\n"));
  CHECK(has(to_bytes(response, &old, true, {}), "Connection: keep-alive\r\n"));
  CHECK(has(to_bytes(response, &old, false, {}), "Connection: close\r\n"));
  CHECK(to_bytes(response, &request, true, {})
            .starts_with("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
}

/// One that has a path to read and one to change something.
class FakeApi final : public Api {
 public:
  [[nodiscard]] bool has(const HttpRequest& request) const override {
    return request.path == "/api/v1/node" || request.path == "/api/v1/watch";
  }
  [[nodiscard]] bool changes(const HttpRequest& request) const override {
    return request.method == HttpMethod::Post && request.path == "/api/v1/watch";
  }
  std::variant<HttpResponse, HttpWait> answer(const HttpRequest&, Now) override { return HttpResponse{}; }
  std::optional<HttpResponse> awaited(HttpWait, Now) override { return std::nullopt; }
  void forget(HttpWait) override {}
  EventLog& events() override { return events_; }

 private:
  EventLog events_{WallTime{}};
};

TEST_CASE("HTTP site: OPTIONS says what a path takes") {
  FakeApi api;
  const auto allowed = [&api](const std::string& path) {
    const HttpSiteOptions options{.cors = "*"};
    const auto response =
        std::get<HttpResponse>(answer(request_for(path, "OPTIONS"), kStreams, &api, options, Now{}));
    CHECK(response.status == 204);
    CHECK(has(response.fields, "Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"));
    return response.fields.substr(0, response.fields.find('\r'));
  };
  CHECK(allowed("/cam.jpg") == "Allow: GET, HEAD, OPTIONS");
  CHECK(allowed("/api/v1/node") == "Allow: GET, HEAD, OPTIONS");
  CHECK(allowed("/api/v1/watch") == "Allow: POST, OPTIONS");
}

TEST_CASE("HTTP site: small pictures of streams that are there") {
  CHECK(std::get<HttpFollow>(act("/api/v1/pictures")).names.empty());
  CHECK(std::get<HttpFollow>(act("/api/v1/pictures?streams=cam,gone")).names.size() == 2);
  CHECK(response_to("/api/v1/pictures?streams=nope").status == 404);
  CHECK(response_to("/api/v1/pictures?streams=nope,nada").status == 404);
  CHECK(response_to("/api/v1/pictures?streams=%25zz").status == 400);
}

TEST_CASE("HTTP response: a part of a stream of pictures") {
  CHECK(part_head(*frame(9, 1234), 9) ==
        "Content-Type: image/jpeg\r\nContent-Length: 1234\r\nX-Timestamp: 1700000000.250000\r\nX-Frame: "
        "9\r\n\r\n");
}

}  // namespace
}  // namespace ott
