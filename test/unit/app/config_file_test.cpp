// The file of --config as text: TOML, INI's bare values, and where in it what is.
#include "app/config_file.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace ott {
namespace {

/// "key@line = value@line, value@line; …", or the error.
std::string read(std::string_view text) {
  const auto entries = parse_config_file(text, "f.toml");
  if (!entries) return entries.error().message;
  std::string all;
  for (const ConfigEntry& entry : *entries) {
    all += fmt::format("{}{}@{} =", all.empty() ? "" : "; ", entry.key, entry.line);
    for (const auto& [value, line] : entry.values) all += fmt::format(" {}@{}", value, line);
  }
  return all;
}

TEST_CASE("configuration file: TOML, with the place of each value") {
  CHECK(read("role = \"node\"\n\n# a comment\nlog-level='debug' # and one\n") ==
        "role@1 = node@1; log-level@4 = debug@4");
  CHECK(read("stream = [\n  \"a=pattern:\",\n  # the other one\n  'b=exec:echo \"#\" # no comment',\n]\n") ==
        "stream@1 = a=pattern:@2 b=exec:echo \"#\" # no comment@4");
  CHECK(read("frames = 100\nduration = 1.5\ndiscover = true\n") ==
        "frames@1 = 100@1; duration@2 = 1.5@2; discover@3 = true@3");
  CHECK(read("stream = [1, 2]\n") == "stream@1 = 1@1 2@1");
  CHECK(read(R"(id = "a\tb\u00e9\"")") == "id@1 = a\tb\xC3\xA9\"@1");
  CHECK(read("dump = \"\"\"\na = b\n\"\"\"\n") == "dump@1 = a = b\n@1");
  CHECK(read("").empty());
  CHECK(read("\xEF\xBB\xBFrole = 'node'\r\n") == "role@1 = node@1");
}

TEST_CASE("configuration file: values without quotes, as INI files have them") {
  CHECK(read("; INI\nrole = node\nhttp=127.0.0.1:8080   # where\n") ==
        "role@2 = node@2; http@3 = 127.0.0.1:8080@3");
  CHECK(read("id = 10.0.0.7\nstart = 1.5m\nhttp = 08080\n") ==
        "id@1 = 10.0.0.7@1; start@2 = 1.5m@2; http@3 = 08080@3");
  CHECK(read("stream = cam=rtsp://h/a?b=1#c\r\n") == "stream@1 = cam=rtsp://h/a?b=1#c@1");
  CHECK(read("stream = cam=exec:cat \"a b\" \\x\n") == "stream@1 = cam=exec:cat \"a b\" \\x@1");
}

TEST_CASE("configuration file: what is wrong names file, line and key") {
  CHECK(read("role = 'node'\nhttp = [::1]:80\n").starts_with("f.toml:2: http: "));
  CHECK(read("role = 'node'\nhttp = \"80\n").starts_with("f.toml:2: http: "));
  CHECK(read("role = 'node'\nhttp =\n").starts_with("f.toml:2: http: "));
  CHECK(read("http = '1'\n\nhttp = '2'\n").starts_with("f.toml:3: http: "));
  CHECK(read("stream = ['a'\n\nrole = 'node'\n").starts_with("f.toml:3: role: "));
  CHECK(read("just words\n").starts_with("f.toml:1: just: "));
  CHECK(read("role = 'node\xFF'\n") == "f.toml:1: role: this is no UTF-8");
  CHECK(read("role = 'node'\nid = '10.0.0.1'\n\xFF\xFE\n") == "f.toml:3: this is no UTF-8");
  CHECK(read("a = 1\n[http]\nport = 1\n") == "f.toml:2: http: there are no sections in this file");
  CHECK(read("[[http]]\nport = 1\n") == "f.toml:1: http: there are no sections in this file");
  CHECK(read("http.port = 1\n") == "f.toml:1: http: there are no sections in this file");
  CHECK(read("http = { port = 1 }\n") == "f.toml:1: http: there are no sections in this file");
  CHECK(read("stream = [['a']]\n").starts_with("f.toml:1: stream: a value is a text in quotes"));
  CHECK(read("stream = [1979-05-27]\n").starts_with("f.toml:1: stream: a value is a text in quotes"));
}

TEST_CASE("configuration file: quotes are asked for where a text lacks them, and nowhere else") {
  const auto asks_for_quotes = [](std::string_view text) {
    return read(text).ends_with("; a text goes in quotes");
  };
  CHECK(asks_for_quotes("http = [::1]:80\n"));
  CHECK(asks_for_quotes("stream = [cam]\n"));
  CHECK(asks_for_quotes("stream = [\n  'a',\n  b=pattern:,\n]\n"));
  CHECK(asks_for_quotes("dump = \"\"\"a\"\"\"\nrole = node\n"));
  CHECK(asks_for_quotes("dump = \"\"\"a\"\"\"\nid = 10.0.0.1\n"));
  CHECK_FALSE(asks_for_quotes("http 8080\n"));
  CHECK_FALSE(asks_for_quotes("http =\n"));
  CHECK_FALSE(asks_for_quotes("http = '1'\nhttp = '2'\n"));
  CHECK_FALSE(asks_for_quotes("role = 'node\n"));
  CHECK_FALSE(asks_for_quotes("role = 'node' x\n"));
  CHECK_FALSE(asks_for_quotes("stream = ['a'\nrole = 'node'\n"));
  CHECK_FALSE(asks_for_quotes("role = 'node\xFF'\n"));
}

TEST_CASE("configuration file: any text comes back from between its quotes") {
  for (const std::string text : {"", "plain", "a \"b\" 'c' \\ d", "two\nlines\ttab", "h\xC3\xA9 \xE2\x82\xAC",
                                 "#;=[]{}", "\x01\x7F"}) {
    CAPTURE(text);
    const auto entries = parse_config_file("key = " + quoted_text(text) + "\n", "f.toml");
    REQUIRE(entries);
    CHECK(entries->at(0).values.at(0).text == text);
  }
}

TEST_CASE("configuration file: one that cannot be read, or is too long, is named") {
  CHECK(read_config_file("/nowhere/f.toml").error().message ==
        "cannot read /nowhere/f.toml: No such file or directory");
  CHECK(read_config_file("/").error().message == "cannot read /: Is a directory");
  CHECK(read_config_file("/dev/zero").error().message ==
        "/dev/zero: a configuration has at most 1048576 bytes");
}

}  // namespace
}  // namespace ott
