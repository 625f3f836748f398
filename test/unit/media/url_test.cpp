#include "media/url.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

TEST_CASE("A URL comes apart") {
  const auto url = parse_url("RTSP://admin:a%40b%2Fc@cam.example:8554/live/1?channel=2&linger=5s#there");
  REQUIRE(url);
  CHECK(url->scheme == "rtsp");
  CHECK(url->has_user);
  CHECK(url->user == "admin");
  CHECK(url->password == "a@b/c");
  CHECK(url->host == "cam.example");
  CHECK(url->port == 8554);
  CHECK(url->path == "/live/1");
  CHECK(url->query == "channel=2&linger=5s");
  CHECK(to_string(*url) == "rtsp://cam.example:8554/live/1?channel=2&linger=5s");
  CHECK(query_value(url->query, "linger") == "5s");
  CHECK_FALSE(query_value(url->query, "ling"));
}

TEST_CASE("A URL may leave out all but its host") {
  const auto url = parse_url("rtsp://10.0.0.1");
  REQUIRE(url);
  CHECK_FALSE(url->has_user);
  CHECK(url->host == "10.0.0.1");
  CHECK_FALSE(url->port);
  CHECK(url->path.empty());
}

TEST_CASE("An IPv6 host stands in brackets") {
  const auto url = parse_url("rtsp://u@[2001:db8::1]:554/x");
  REQUIRE(url);
  CHECK(url->host == "2001:db8::1");
  CHECK(url->port == 554);
  CHECK(to_string(*url) == "rtsp://[2001:db8::1]:554/x");
}

TEST_CASE("What is no URL is refused, and the error holds no password") {
  for (const char* text : {"", "rtsp:", "cam/video", "://host", "rtsp://", "rtsp://:554/", "rtsp://h:0/",
                           "rtsp://h:65536/", "rtsp://h:x/", "rtsp://[::1/", "rtsp://[::1]x/",
                           "rtsp://u:geheim%2@h/", "rtsp://u:geheim%zz@h/", "rtsp://u:geheim/x@h/",
                           "rtsp://u:geheim%0d%0a@h/", "rtsp://h/a b", "rtsp://h/\r\nX: y", "1rtsp://h/"}) {
    const auto url = parse_url(text);
    INFO(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().message.find("geheim") == std::string::npos);
    CHECK_FALSE(url.error().message.empty());
  }
}

TEST_CASE("A URL is shown without what is secret in it") {
  CHECK(without_credentials("rtsp://admin:pw@cam/x") == "rtsp://cam/x");
  CHECK(without_credentials("rtsp://admin:p@w@cam/x") == "rtsp://cam/x");
  CHECK(without_credentials("rtsp://admin:p/w@cam/x") == "rtsp://cam/x");
  CHECK(without_credentials("rtsp://admin:p?w#@cam:554") == "rtsp://cam:554");
  CHECK(without_credentials("http://cam:80/at@home?x=a@b") == "http://cam:80/at@home?x=a@b");
  CHECK(without_credentials("http://cam/video.cgi?user=me&pwd=secret&rate=5") ==
        "http://cam/video.cgi?user=me&pwd=***&rate=5");
  CHECK(without_credentials("rtsp://cam/user=me_password=secret_channel=1") ==
        "rtsp://cam/user=me_password=***");
  CHECK(without_credentials("http://cam/x?AccessToken=abc") == "http://cam/x?AccessToken=***");
  CHECK(without_credentials("http://cam/x?fps=5") == "http://cam/x?fps=5");
  CHECK(without_credentials("pattern:640x360@25") == "25");  // no URL: rather too little than too much
}

TEST_CASE("what a program or an error says shows no password") {
  CHECK(hide_credentials("cannot open rtsp://me:secret@cam/x: no route") ==
        "cannot open rtsp://cam/x: no route");
  CHECK(hide_credentials("'https:/me:secret@cam/x' is none") == "'https:/…@cam/x' is none");
  CHECK(hide_credentials("source=me:secret@10.0.0.1") == "source=…@10.0.0.1");
  CHECK(hide_credentials("the form is pattern:WIDTHxHEIGHT@FPS") == "the form is pattern:WIDTHxHEIGHT@FPS");
  CHECK(hide_credentials("mail me@home\tnow") == "mail me@home\tnow");
  CHECK(hide_credentials("open 'rtsp://me:a\"b@cam/x' now") == "open 'rtsp://cam/x' now");
  CHECK(hide_credentials("open rtsp://me:a'b@cam/x") == "open rtsp://cam/x");
  CHECK(hide_credentials("'rtsp://cam','rtsp://me:secret@cam'") == "'rtsp://cam','rtsp://cam'");
  CHECK(hide_credentials("\"rtsp://cam/x\" 'a@b'") == "\"rtsp://cam/x\" 'a@b'");
}

TEST_CASE("A reference is resolved as its base says") {
  const auto base = parse_url("rtsp://u:p@cam:8554/a/b?c=1");
  REQUIRE(base);
  const auto resolved = [&](std::string_view reference) {
    const auto url = resolve(*base, reference);
    return url ? to_string(*url) : "error";
  };
  CHECK(resolved("rtsp://other/x") == "rtsp://other/x");
  CHECK(resolved("//other/x") == "rtsp://other/x");
  CHECK(resolved("/x?y") == "rtsp://cam:8554/x?y");
  CHECK(resolved("x") == "rtsp://cam:8554/a/x");
  CHECK(resolved("?z") == "rtsp://cam:8554/a/b?z");
  CHECK(resolved("a b") == "error");

  CHECK(resolve(*base, "/x")->password == "p");
  CHECK_FALSE(resolve(*base, "rtsp://other/x")->has_user);  // a stranger is not told the password
}

}  // namespace
}  // namespace ott
