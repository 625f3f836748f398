#include "media/http_control.h"

#include <catch2/catch.hpp>

namespace ott {
namespace {

HttpRequest request(std::string body = R"({"command":"pause"})") {
  HttpRequest made;
  made.method = HttpMethod::Post;
  made.path = kControlPath;
  made.host = "localhost:8080";
  made.content_type = "application/json";
  made.body = std::move(body);
  return made;
}

std::string line_of(const HttpRequest& made, const char* remote = "127.0.0.1") {
  const auto command = command_of(made, parse_ip(remote).value());
  if (const auto* refusal = std::get_if<HttpResponse>(&command)) return std::to_string(refusal->status);
  return std::get<std::string>(command);
}

TEST_CASE("a command is a member of an object", "[http_control]") {
  CHECK(line_of(request()) == "pause");
  CHECK(line_of(request(R"({"command":"say \"\u00e4\" to all","more":1})")) == "say \"\xC3\xA4\" to all");
  for (const char* body :
       {"", "pause", "[]", "{}", R"({"command":1})", R"({"command":"pause"} x)", "\"pause\""})
    CHECK(line_of(request(body)) == "400");
  CHECK(line_of(request(std::string(8'000, '['))) == "400");
  HttpRequest got = request();
  got.method = HttpMethod::Get;
  CHECK(line_of(got) == "405");
}

TEST_CASE("only this host may command, by a name of its loopback", "[http_control]") {
  CHECK(line_of(request(), "127.9.9.9") == "pause");
  CHECK(line_of(request(), "::1") == "pause");
  CHECK(line_of(request(), "10.0.0.1") == "403");
  CHECK(line_of(request(), "2001:db8::1") == "403");
  for (const char* host : {"localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:80"}) {
    HttpRequest made = request();
    made.host = host;
    CHECK(line_of(made) == "pause");
  }
  for (const char* host :
       {"", "evil.example", "localhost.evil.example", "10.0.0.1:80", "[::1", "[2001:db8::1]"}) {
    HttpRequest made = request();
    made.host = host;
    CHECK(line_of(made) == "403");
  }
}

TEST_CASE("no page of another origin may command", "[http_control]") {
  HttpRequest made = request();
  made.origin = "http://localhost:8080";
  CHECK(line_of(made) == "pause");
  for (const char* origin : {"null", "http://localhost", "https://localhost:8080", "http://evil.example",
                             "http://localhost:8080,http://localhost:8080"}) {
    made.origin = origin;
    CHECK(line_of(made) == "403");
  }
  made.origin.clear();
  made.content_type = "application/json; charset=utf-8";
  CHECK(line_of(made) == "pause");
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"}) {
    made.content_type = type;
    CHECK(line_of(made) == "415");
  }
}

}  // namespace
}  // namespace ott
