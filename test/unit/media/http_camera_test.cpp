#include "media/http_camera.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "jpeg_helpers.h"
#include "split_helpers.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Bytes;
using test::join;
using test::text;

struct Sink : InputSink {
  void push(const AccessUnit& unit) override { pushed.emplace_back(unit.bytes.begin(), unit.bytes.end()); }
  void refuse(const std::string& why, Now) override { refused.push_back(why); }
  void on_connected(const std::string& what, Now) override { connected.push_back(what); }
  void on_lost(const std::string& why, Now) override { lost.push_back(why); }
  void on_end(Now) override { FAIL("a camera has no end"); }

  std::vector<Bytes> pushed;
  std::vector<std::string> refused, connected, lost;
};

const Bytes& a() {
  static const Bytes jpeg = test::make_jpeg({.width = 40, .height = 24});
  return jpeg;
}
const Bytes& b() {
  static const Bytes jpeg = test::make_jpeg({.width = 48, .height = 32, .seed = 2});
  return jpeg;
}

const std::string kMultipart = "multipart/x-mixed-replace; boundary=frame";
const std::string kPart = "--frame\r\nContent-Type: image/jpeg\r\n\r\n";

/// A camera, the time, and what performs.
struct Lab {
  explicit Lab(const std::string& source) : camera(parse_http_source(source).value(), sink, 1) {
    camera.start(now);
  }

  void wait(Duration time) { now.mono += time; }
  /// Until the camera wants something.
  Duration wait_for_deadline() {
    const Duration time = camera.next_deadline() - now.mono;
    REQUIRE(camera.next_deadline() != MonoTime::max());
    wait(time);
    camera.step(now);
    return time;
  }
  HttpCamera::Request request() {
    auto request = camera.take_request();
    REQUIRE(request);
    return *request;
  }
  void answer(unsigned status, const std::string& type, const std::string& etag = "") {
    camera.on_head({status, "Words", type, etag}, now);
  }
  /// A whole answer to the request that is due.
  void answer_with(const Bytes& body, const std::string& type, const std::string& etag = "") {
    request();
    answer(200, type, etag);
    camera.on_body(body, now);
    camera.on_end("", now);
  }

  Sink sink;
  Now now{MonoTime(seconds(1'000)), {}};
  HttpCamera camera;
};

TEST_CASE("an http source has the camera's query, and ours", "[http_source]") {
  const auto source =
      parse_http_source("http://u:p%40w@cam:81/v?poll=2s&channel=1&timeout=3s&proxy&x=2").value();
  CHECK(to_string(source.url) == "http://cam:81/v?channel=1&x=2");
  CHECK(source.url.password == "p@w");
  CHECK(source.shown == "http://cam:81/v?channel=1&x=2");
  CHECK((source.poll == seconds(2) && source.timeout == seconds(3)));
  CHECK((source.proxy && !source.insecure));
  const auto plain = parse_http_source("https://cam/v?%70oll=3&user=u&pwd=hush?insecure").value();
  CHECK(to_string(plain.url) == "https://cam/v?%70oll=3&user=u&pwd=hush");
  CHECK(plain.shown == "https://cam/v?%70oll=3&user=u&pwd=***");
  CHECK((!plain.poll && plain.timeout == seconds(10) && plain.insecure && !plain.proxy));
}

TEST_CASE("what an http source cannot say is told without what is secret", "[http_source]") {
  const auto error = [](const std::string& source) {
    const auto parsed = parse_http_source(source);
    REQUIRE(!parsed);
    CHECK(parsed.error().message.find("hush") == std::string::npos);
    return parsed.error().message;
  };
  using Catch::Contains;
  CHECK_THAT(error("http://u:hush@cam/?poll=often"),
             Contains("http://cam/") && Contains("?poll") && Contains("500ms"));
  CHECK_THAT(error("http://u:hush@cam/?poll=10ms"), Contains("?poll=10ms: there are 100ms to 60m"));
  CHECK_THAT(error("http://u:hush@cam/?timeout=2h"), Contains("?timeout"));
  CHECK_THAT(error("https://cam/?pwd=hush&insecure=1"), Contains("?insecure has no value"));
  CHECK_THAT(error("http://u:hush@cam/?insecure"), Contains("https"));
  CHECK_THAT(error("http://u:hush@/v"), Contains("HOST"));
  CHECK_THAT(error("http://u:hush@cam:99999/v"), Contains("HOST"));
}

TEST_CASE("a camera that sends no pictures in turn is left alone for a while", "[http_camera]") {
  const std::string page = "--frame\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno\r\n";
  Lab lab("http://cam/v");
  lab.request();
  lab.answer(200, kMultipart);
  const auto say = [&lab](const std::string& text) {
    lab.camera.on_body(Bytes(text.begin(), text.end()), lab.now);
  };
  for (unsigned i = 1; i < HttpCamera::kRefusedInTurnMax; ++i) say(page);
  say(kPart);
  lab.camera.on_body(a(), lab.now);  // a picture between them
  say("\r\n");
  for (unsigned i = 1; i < HttpCamera::kRefusedInTurnMax; ++i) say(page);
  CHECK(lab.sink.lost.empty());
  CHECK(lab.camera.asking());
  say(page + page + "--frame\r\n");
  CHECK(lab.sink.lost == std::vector<std::string>{"http://cam/v: it sends no pictures"});
  CHECK_FALSE(lab.camera.asking());
  lab.wait_for_deadline();
  lab.request();  // it is asked again
}

TEST_CASE("a multipart stream goes on for as long as it comes", "[http_camera]") {
  Lab lab("http://u:p@cam/v");
  CHECK(lab.request().if_none_match.empty());
  CHECK(lab.sink.connected.empty());
  lab.answer(200, kMultipart);
  for (int i = 0; i < 20; ++i) {
    lab.camera.on_body(join({text(kPart), i % 2 == 0 ? a() : b()}), lab.now);
    lab.wait(seconds(9));
    lab.camera.step(lab.now);
    CHECK(lab.camera.asking());
  }
  CHECK(lab.sink.pushed.size() == 20);
  CHECK((lab.sink.pushed[0] == a() && lab.sink.pushed[1] == b()));
  CHECK(lab.sink.connected == std::vector<std::string>{"http://cam/v: multipart"});
  CHECK(lab.sink.lost.empty());
  lab.camera.stop();
  CHECK(!lab.camera.asking());
  CHECK(lab.camera.next_deadline() == MonoTime::max());
}

TEST_CASE("a camera that falls silent is asked anew, after a pause that doubles", "[http_camera]") {
  Lab lab("http://cam/v?timeout=4s");
  lab.request();
  lab.answer(200, kMultipart);
  lab.camera.on_body(join({text(kPart), a()}), lab.now);
  CHECK(lab.wait_for_deadline() == seconds(4));
  CHECK(lab.sink.lost == std::vector<std::string>{"http://cam/v: nothing has come for 4 s"});
  CHECK(!lab.camera.asking());
  Duration pause = milliseconds(500);
  for (int i = 0; i < 8; ++i) {
    const Duration waited = lab.wait_for_deadline();
    CHECK((waited >= pause * 3 / 4 && waited <= pause * 5 / 4));
    pause = std::min<Duration>(pause * 2, seconds(5));
    lab.request();
    CHECK(lab.wait_for_deadline() == seconds(4));
  }
  CHECK(lab.sink.lost.size() == 2);  // the same again and again is said once
  CHECK(lab.sink.lost.back() == "http://cam/v: no answer within 4 s");
  lab.wait_for_deadline();
  lab.request();
  lab.answer(200, kMultipart);
  lab.camera.on_body(join({text(kPart), b()}), lab.now);
  CHECK(lab.sink.pushed.size() == 2);
  CHECK(lab.sink.connected.size() == 2);
  lab.camera.on_end("the line is cut", lab.now);
  CHECK(lab.sink.lost.back() == "http://cam/v: the line is cut");
  CHECK(lab.wait_for_deadline() <= milliseconds(625));  // it was there: the first pause again
}

TEST_CASE("a camera that sends bytes but no pictures is given up", "[http_camera]") {
  Lab lab("http://cam/v?timeout=4s");
  lab.request();
  if (GENERATE(true, false)) lab.answer(200, kMultipart);  // or nothing but header lines
  for (int i = 0; lab.camera.asking(); ++i) {
    REQUIRE(i < 9);
    lab.wait(seconds(3));
    lab.camera.on_byte(lab.now);
    lab.camera.on_body(text("X: y\r\n"), lab.now);
    lab.camera.step(lab.now);
  }
  CHECK(lab.sink.lost ==
        std::vector<std::string>{"http://cam/v: bytes come, but no whole picture within 24 s"});
}

TEST_CASE("a stream that ends or breaks is asked for anew; a torn picture is none", "[http_camera]") {
  const auto [error, said] = GENERATE(table<std::string, std::string>(
      {{"", "it has ended the stream after 1 pictures"}, {"the line is cut", "the line is cut"}}));
  Lab lab("http://cam/v");
  lab.request();
  lab.answer(200, kMultipart);
  lab.camera.on_body(join({text(kPart), a(), text(kPart), test::first_bytes(b(), b().size() - 20)}), lab.now);
  lab.camera.on_end(error, lab.now);
  CHECK(lab.sink.pushed.size() == 1);
  REQUIRE(lab.sink.refused.size() == 1);
  CHECK_THAT(lab.sink.refused[0],
             Catch::Contains("http://cam/v: byte") && Catch::Contains("is cut off after"));
  CHECK(lab.sink.lost == std::vector<std::string>{"http://cam/v: " + said});
}

TEST_CASE("JPEGs one after the other are a stream, whatever type they have", "[http_camera]") {
  const auto type = GENERATE(as<std::string>{}, "image/jpeg", "video/x-motion-jpeg", "text/html", "");
  Lab lab("http://cam/v");
  lab.request();
  lab.answer(200, type);
  lab.camera.on_body(a(), lab.now);
  lab.camera.on_body(join({b(), a()}), lab.now);
  CHECK(lab.sink.pushed.size() == 3);
  CHECK(lab.sink.connected == std::vector<std::string>{"http://cam/v: JPEGs"});
  lab.camera.on_body(test::first_bytes(b(), b().size() - 10), lab.now);
  lab.camera.on_end("the line is cut", lab.now);
  CHECK(lab.sink.pushed.size() == 3);  // not the torn one
}

TEST_CASE("a multipart body without a Content-Type is known by its first bytes", "[http_camera]") {
  const auto start =
      GENERATE(as<std::string>{}, "--frame\r\n\r\n", "\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n",
               "Content-type: image/jpeg\r\n\r\n");
  Lab lab("http://cam/v");
  lab.request();
  lab.answer(200, "application/octet-stream");
  for (const std::uint8_t byte : join({text(start), a(), text("\r\n--frame\r\n\r\n"), b()})) {
    lab.camera.on_body(ByteSpan(&byte, 1), lab.now);
  }
  CHECK((lab.sink.pushed == std::vector<Bytes>{a(), b()}));
  CHECK(lab.sink.connected == std::vector<std::string>{"http://cam/v: multipart"});
}

TEST_CASE("an answer without pictures is told by what it is", "[http_camera]") {
  const auto [status, type, body, said] = GENERATE(table<unsigned, std::string, std::string, std::string>({
      {200, "text/html", "<html>login</html>", "it answers with a page (text/html)"},
      {200, "", "<!DOCTYPE html>", "it answers with a page (text/html)"},
      {200, "video/mp4", "\1\1\1 ftypisom",
       "bytes of type video/mp4 that are neither JPEGs nor multipart; ffmpeg"},
      {200, "image/png", "\x89PNG\r\n\x1a\n\1\2\3", "bytes of type image/png"},
      {200, "text/\x1b[31mred", "0123456789", "bytes of type text/?[31mred"},
      {200, "image/jpeg", "", "its answer has no picture"},
      {404, "text/html", "<html>", "it answers 404 Words: is the path right?"},
      {503, "", "", "it answers 503 Words"},
      {304, "", "", "it answers 304 Words"},
      {401, "", "", "it answers 401 Words: it wants a user and password: http://USER:PASSWORD@HOST/"},
  }));
  CAPTURE(status, type);
  Lab lab("http://cam/v");
  lab.request();
  lab.answer(status, type);
  lab.camera.on_body(text(body), lab.now);
  lab.camera.on_end("", lab.now);
  REQUIRE(lab.sink.lost.size() == 1);
  CHECK_THAT(lab.sink.lost[0], Catch::StartsWith("http://cam/v: ") && Catch::Contains(said));
  CHECK(!lab.camera.asking());
}

TEST_CASE("a password that is refused is not shown", "[http_camera]") {
  Lab lab("http://u:hush@cam/v?pwd=hush");
  lab.request();
  lab.answer(401, "");
  CHECK(lab.sink.lost ==
        std::vector<std::string>{"http://cam/v?pwd=***: it answers 401 Words: are user and password right?"});
}

TEST_CASE("single pictures are polled, so often from the beginning of one request to that of the next",
          "[http_camera]") {
  Lab lab("http://cam/v?poll=3s");
  for (int i = 0; i < 4; ++i) {
    lab.request();
    lab.wait(seconds(1));
    lab.answer(200, "image/jpeg");
    lab.camera.on_body(i % 2 == 0 ? a() : b(), lab.now);
    lab.camera.on_end("", lab.now);
    CHECK(lab.wait_for_deadline() == seconds(2));
  }
  CHECK((lab.sink.pushed == std::vector<Bytes>{a(), b(), a(), b()}));
  CHECK(lab.sink.connected == std::vector<std::string>{"http://cam/v: single pictures, asked for each 3 s"});
}

TEST_CASE("a camera that answers with one picture is polled each second, asked or not", "[http_camera]") {
  Lab lab("http://cam/v");
  lab.answer_with(a(), "image/jpeg");
  CHECK(lab.wait_for_deadline() == seconds(1));
  lab.answer_with(b(), "image/jpeg");
  CHECK(lab.wait_for_deadline() == seconds(1));
  CHECK((lab.sink.pushed == std::vector<Bytes>{a(), b()}));
  CHECK(lab.sink.lost.empty());
  CHECK(lab.sink.connected.back() == "http://cam/v: single pictures, asked for each 1 s");
}

TEST_CASE("a polled picture that has not changed is pushed about once a second", "[http_camera]") {
  const bool with_etag = GENERATE(true, false);
  Lab lab("http://cam/v?poll=100ms");
  lab.answer_with(a(), "image/jpeg", with_etag ? "\"1\"" : "");
  for (int i = 0; i < 40; ++i) {  // four seconds
    CHECK(lab.wait_for_deadline() == milliseconds(100));
    const HttpCamera::Request request = lab.request();
    if (with_etag) {
      CHECK(request.if_none_match == "\"1\"");
      lab.answer(304, "");
    } else {
      CHECK(request.if_none_match.empty());
      lab.answer(200, "image/jpeg");
      lab.camera.on_body(a(), lab.now);
    }
    lab.camera.on_end("", lab.now);
  }
  CHECK((lab.sink.pushed.size() >= 5 && lab.sink.pushed.size() <= 6));
  lab.wait_for_deadline();
  lab.answer_with(b(), "image/jpeg", "\"2\"");
  CHECK((lab.sink.pushed.back() == b()));
  CHECK(lab.sink.lost.empty());
}

TEST_CASE("a poll that fails is repeated after a pause, without a condition", "[http_camera]") {
  Lab lab("http://cam/v?poll=100ms");
  lab.answer_with(a(), "image/jpeg", "\"1\"");
  lab.wait_for_deadline();
  lab.request();
  lab.camera.on_end("the line is cut", lab.now);
  CHECK(lab.sink.lost == std::vector<std::string>{"http://cam/v: the line is cut"});
  CHECK(lab.wait_for_deadline() >= milliseconds(375));
  CHECK(lab.request().if_none_match.empty());
}

TEST_CASE("what comes of a request that was given up is ignored", "[http_camera]") {
  Lab lab("http://cam/v");
  lab.request();
  lab.answer(500, "");
  lab.answer(200, kMultipart);
  lab.camera.on_body(join({text(kPart), a()}), lab.now);
  lab.camera.on_end("", lab.now);
  CHECK(lab.sink.lost.size() == 1);
  CHECK(lab.sink.pushed.empty());
  lab.camera.stop();
  lab.camera.on_end("", lab.now);
  CHECK(lab.sink.lost.size() == 1);
}

}  // namespace
}  // namespace ott
