#include "media/http_request.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

ByteSpan span_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

HttpRead read_one(std::string_view text) {
  HttpRequestReader reader;
  reader.feed(span_of(text));
  return reader.next();
}

HttpRequest accepted(std::string_view text) {
  const HttpRead read = read_one(text);
  if (const auto* refusal = std::get_if<HttpRefusal>(&read)) FAIL(refusal->why);
  REQUIRE(std::holds_alternative<HttpRequest>(read));
  return std::get<HttpRequest>(read);
}

int status_of(std::string_view text) {
  const HttpRead read = read_one(text);
  INFO(text);
  REQUIRE(std::holds_alternative<HttpRefusal>(read));
  return std::get<HttpRefusal>(read).status;
}

HttpRequest get(const std::string& target) {
  return accepted("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
}

int status_of_target(const std::string& target) {
  return status_of("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
}

/// With this in place of a field.
int status_with(std::string_view field) {
  return status_of("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(field) + "\r\n\r\n");
}

TEST_CASE("HTTP request: what a browser sends") {
  const HttpRequest request = accepted(
      "GET /cam%2Fvideo.mjpg?fps=5&name=a+b%20c&flag HTTP/1.1\r\n"
      "Host: node:8080\r\nUser-Agent: x\r\nAccept: image/*\r\nIf-None-Match: \"a\"\r\nif-none-match: "
      "\"b\"\r\n"
      "Range: bytes=0-\r\n\r\n");
  CHECK(request.method == HttpMethod::Get);
  CHECK(request.path == "/cam/video.mjpg");
  CHECK(request.parameter("fps") == "5");
  CHECK(request.parameter("name") == "a b c");
  CHECK(request.parameter("flag") == "");
  CHECK_FALSE(request.parameter("wait"));
  CHECK(request.version == 11);
  CHECK(request.keep_alive);
  CHECK(request.host == "node:8080");
  CHECK(request.if_none_match == "\"a\",\"b\"");
  CHECK(request.has_range);
}

TEST_CASE("HTTP request: whether the response may be packed") {
  const auto accepts = [](const std::string& fields) {
    return accepted("GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n").accepts_gzip;
  };
  for (const char* yes : {"gzip", "deflate, gzip, br", "GZIP", "br;q=1.0, gzip;q=0.5", "gzip ; q=1"})
    CHECK(accepts(std::string("Accept-Encoding: ") + yes + "\r\n"));
  for (const char* no : {"br", "gzip;q=0", "gzip; q=0.000", "x-gzip", "identity", ""})
    CHECK_FALSE(accepts(std::string("Accept-Encoding: ") + no + "\r\n"));
  CHECK_FALSE(accepts(""));
  CHECK(accepts("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n"));
}

TEST_CASE("HTTP request: versions and how long the connection is kept") {
  CHECK_FALSE(accepted("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CHECK(accepted("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
  CHECK_FALSE(accepted("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").keep_alive);
  CHECK(status_of("GET / HTTP/2.0\r\nHost: h\r\n\r\n") == 505);
  CHECK(status_of("GET / HTTP/0.9\r\nHost: h\r\n\r\n") == 505);
  CHECK(status_of("GET /\r\n\r\n") == 400);
  CHECK(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(status_of("\x16\x03\x01\x02\r\n\r\n") == 400);
}

TEST_CASE("HTTP request: methods") {
  CHECK(accepted("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").method == HttpMethod::Head);
  CHECK(accepted("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path == "*");
  CHECK(accepted("POST / HTTP/1.1\r\nHost: h\r\n\r\n").method == HttpMethod::Post);
  for (const char* other : {"DELETE", "PUT", "get", "BREW"}) {
    CHECK(accepted(std::string(other) + " / HTTP/1.1\r\nHost: h\r\n\r\n").method == HttpMethod::Other);
  }
}

TEST_CASE("HTTP request: targets") {
  CHECK(get("/").path == "/");
  CHECK(get("/gr%C3%BCn.jpg").path == "/gr\xC3\xBCn.jpg");
  CHECK(get("/gr\xC3\xBCn.jpg").path == "/gr\xC3\xBCn.jpg");
  CHECK(get("/a+b.jpg").path == "/a+b.jpg");
  CHECK(get("/a%3Fb.jpg?x=%26").path == "/a?b.jpg");
  CHECK(get("/a%3Fb.jpg?x=%26").parameter("x") == "&");
  CHECK(get("http://node:8080/cam.jpg?fps=1").path == "/cam.jpg");
  CHECK(get("HTTP://node").path == "/");
  CHECK(get("http://node?a=b").path == "/");
  CHECK(get("/../..//etc/passwd").path == "/../..//etc/passwd");  // names, no files
  for (const char* wrong : {"*", "cam.jpg", "http:///x", "/a#b", "/%", "/%4", "/%4g", "/%00",
                            "/a%0d%0aSet-Cookie:x", "/%7f", "/?a=%", "/a\x01"}) {
    CHECK(status_of_target(wrong) == 400);
  }
  CHECK(status_of("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n") >= 400);
  CHECK(status_of("CONNECT node:80 HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  std::string many = "/?";
  for (int i = 0; i < 100; ++i) many += "a=b&";
  CHECK(status_of_target(many) == 400);
}

TEST_CASE("HTTP request: what two servers could read in two ways is refused") {
  CHECK(status_with("Content-Length: 3\r\nContent-Length: 4") == 400);
  CHECK(status_with("Content-Length: 0\r\nContent-Length: 0") == 400);
  CHECK(status_with("Content-Length: 3\r\nTransfer-Encoding: chunked") == 400);
  CHECK(status_with("Transfer-Encoding: chunked\r\nContent-Length: 3") == 400);
  CHECK(status_with("Content-Length: 3, 3") ==
        413);  // a list of equal lengths is one (RFC 9110, section 8.6)
  CHECK(status_with("Content-Length: +3") == 400);
  CHECK(status_with("Content-Length: 0x3") == 400);
  CHECK(status_with("Content-Length: 99999999999999999999999") == 400);
  CHECK(status_with("Content-Length : 3") == 400);
  CHECK(status_with("Content Length: 3") == 400);
  CHECK(status_with(" Content-Length: 3") == 400);
  CHECK(status_with("X: a\r\n b") == 400);
  CHECK(status_with("X: a\r\n\tb") == 400);
  CHECK(status_with("X: a\nContent-Length: 3") == 400);
  CHECK(status_with("X: a\rContent-Length: 3") == 400);
  CHECK(status_with(std::string_view("X: a\0b", 6)) == 400);
  CHECK(status_with("X: a\x01"
                    "b") == 400);
  CHECK(status_with(": a") == 400);
  CHECK(status_with("no colon") == 400);
  CHECK(status_with("Host: other") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\nHost: h\n\n") == 400);
  CHECK(status_of("GET / HTTP/1.1 \r\nHost: h\r\n\r\n") == 505);
  CHECK(status_of("GET  / HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  CHECK(status_of(" GET / HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
}

TEST_CASE("HTTP request: bodies are refused before they come") {
  CHECK(status_with("Content-Length: 3") == 413);
  CHECK(status_with("Transfer-Encoding: chunked") == 501);
  CHECK(status_with("Transfer-Encoding: gzip, chunked") == 501);
  CHECK(status_with("Transfer-Encoding: identity") == 501);
  CHECK(accepted("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").path == "/");
}

TEST_CASE("HTTP request: limits") {
  CHECK(status_of("GET /" + std::string(kHttpHeadBytesMax - 5, 'a')) == 431);
  const std::string begin = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const std::string end = "\r\n\r\n";
  accepted(begin + std::string(kHttpHeadBytesMax - begin.size() - end.size(), 'x') + end);
  std::string fields = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (std::size_t i = 1; i < kHttpFieldsMax; ++i) fields += "X: y\r\n";
  accepted(fields + "\r\n");
  CHECK(status_of(fields + "X: y\r\n\r\n") == 431);
}

TEST_CASE("HTTP request: bytes may come one by one, and several requests at once") {
  const std::string text =
      "GET /a HTTP/1.1\r\nHost: h\r\n\r\n\r\nHEAD /b HTTP/1.1\r\nHost: h\r\n\r\nGET /c HTTP/1.1\r\nHost: "
      "h\r\n\r\n";
  HttpRequestReader reader;
  std::vector<std::string> paths;
  const auto take = [&] {
    for (HttpRead read = reader.next(); !std::holds_alternative<std::monostate>(read); read = reader.next()) {
      paths.push_back(std::get<HttpRequest>(read).path);
    }
  };
  SECTION("one by one") {
    for (const char& c : text) {
      reader.feed(span_of({&c, 1}));
      take();
    }
  }
  SECTION("at once") {
    reader.feed(span_of(text));
    take();
  }
  CHECK(paths == std::vector<std::string>{"/a", "/b", "/c"});
  CHECK_FALSE(reader.has_begun());
  CHECK(reader.room() == kHttpHeadBytesMax);
}

TEST_CASE("HTTP request: what waits is bounded, and nothing comes after a refusal") {
  HttpRequestReader reader;
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  while (reader.room() >= request.size()) reader.feed(span_of(request));
  CHECK(reader.room() < request.size());
  CHECK(std::holds_alternative<HttpRequest>(reader.next()));
  CHECK(reader.room() >= request.size());

  HttpRequestReader refusing;
  refusing.feed(span_of("GARBAGE\r\n\r\n" + request));
  CHECK(std::holds_alternative<HttpRefusal>(refusing.next()));
  CHECK(std::holds_alternative<std::monostate>(refusing.next()));
  CHECK(refusing.room() == 0);
}

TEST_CASE("HTTP request: empty lines before a request come to an end") {
  CHECK(accepted("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").path == "/");
  CHECK(status_of("\r\n\r\n\r\n\r\n\r\n\r\n") == 400);
}

TEST_CASE("HTTP request: percent-encoding there and back") {
  const std::string name = "cam 1/gr\xC3\xBCn?&#%\"<>'";
  CHECK(percent_encode(name) == "cam%201/gr%C3%BCn%3F%26%23%25%22%3C%3E%27");
  CHECK(percent_decode(percent_encode(name)) == name);
}

TEST_CASE("a command has a body, and nothing else may") {
  const std::string head =
      "POST /control HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\nContent-Type: b\r\n";
  const std::string request = head + "Content-Length: 5\r\n\r\nhello";
  const HttpRequest whole = accepted(request);
  CHECK(whole.method == HttpMethod::Post);
  CHECK(whole.body == "hello");
  CHECK(whole.origin == "http://a");
  CHECK(whole.content_type == "b");
  CHECK(accepted(head + "Content-Length: 0\r\n\r\n").body.empty());
  CHECK(accepted(head + "\r\n").body.empty());
  CHECK_FALSE(accepted(head + "\r\n").is_forwarded);
  for (const char* field : {"Via: 1.1 p", "Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1"})
    CHECK(accepted(head + field + "\r\n\r\n").is_forwarded);
  CHECK(status_of(head + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n") == 400);
  CHECK(status_of(head + "Content-Length: 8192\r\n\r\n") == 413);
  CHECK(status_of(head + "Content-Length: 99999999999999\r\n\r\n") == 413);
  CHECK(status_of("POST /other HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx") == 413);
  CHECK(status_of("GET /control HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx") == 413);
}

TEST_CASE("a body may come in pieces, and other requests behind it") {
  const std::string one = "POST /control HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n\r\n\r\nabc";
  const std::string all = "\r\n" + one + one + "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
  const auto piece = GENERATE(std::size_t{1}, 2, 3, 7, 1000);
  HttpRequestReader reader;
  std::vector<std::string> seen;
  for (std::size_t at = 0; at < all.size(); at += piece) {
    reader.feed(span_of(std::string_view(all).substr(at, piece)));
    while (true) {
      const HttpRead read = reader.next();
      REQUIRE_FALSE(std::holds_alternative<HttpRefusal>(read));
      const auto* request = std::get_if<HttpRequest>(&read);
      if (request == nullptr) break;
      seen.push_back(request->path + " " + request->body);
    }
  }
  CHECK(seen == std::vector<std::string>{"/control \r\n\r\nabc", "/control \r\n\r\nabc", "/x "});
  CHECK_FALSE(reader.has_begun());
}

TEST_CASE("a body that a client holds back is asked for once") {
  const std::string fields = " /control HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n";
  HttpRequestReader reader;
  reader.feed(span_of("POST" + fields + "Expect: 100-Continue\r\n\r\n"));
  CHECK(std::holds_alternative<std::monostate>(reader.next()));
  CHECK(reader.take_held_body());
  CHECK_FALSE(reader.take_held_body());
  reader.feed(span_of("abc"));
  CHECK(std::get<HttpRequest>(reader.next()).body == "abc");
  CHECK_FALSE(reader.take_held_body());
  reader.feed(span_of("POST" + fields + "\r\n"));
  CHECK(std::holds_alternative<std::monostate>(reader.next()));
  CHECK_FALSE(reader.take_held_body());
  reader.feed(span_of("abcPOST" + fields + "Expect: 100-continue\r\n\r\nabc"));
  CHECK(std::holds_alternative<HttpRequest>(reader.next()));
  CHECK(std::holds_alternative<HttpRequest>(reader.next()));
  CHECK_FALSE(reader.take_held_body());
}

}  // namespace
}  // namespace ott
