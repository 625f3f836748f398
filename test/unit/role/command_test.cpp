#include "role/command.h"

#include <catch2/catch.hpp>

#include "media/commands.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

template <class T>
T parsed(std::string_view line) {
  INFO(line);
  const auto command = parse_command(line);
  if (!command) FAIL(command.error().message);
  REQUIRE(std::holds_alternative<T>(*command));
  return std::get<T>(*command);
}

std::string error_of(std::string_view line) {
  INFO(line);
  const auto command = parse_command(line);
  REQUIRE_FALSE(command);
  return command.error().message;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("words that stand alone are commands", "[command]") {
  parsed<command::Pause>("pause");
  parsed<command::Resume>("  resume \r");
  parsed<command::Toggle>("toggle");
  parsed<command::Next>("next");
  parsed<command::Previous>("previous");
  parsed<command::ListStreams>("streams");
  parsed<command::Status>("status");
  parsed<command::Help>("help");
  parsed<command::Quit>("quit");
  CHECK(has(error_of("pause now"), "pause stands alone, and here 'now' comes behind it"));
}

TEST_CASE("what is no command is answered with those that there are", "[command]") {
  for (const char* line : {"", " ", "stop", "PAUSE", "pause\x01", "\x1b[31mred"})
    CHECK(has(error_of(line), "there is no command"));
  CHECK(has(error_of("stop"), "there is no command 'stop'; there are: pause, resume"));
  CHECK(has(error_of("watch \xFF"), "UTF-8"));
  CHECK(has(error_of(std::string(kCommandBytesMax + 1, 'x')), "4096 bytes at most"));
}

TEST_CASE("a stream is watched by its name, which may have spaces", "[command]") {
  CHECK(parsed<command::WatchStream>("watch cam").name == "cam");
  CHECK(parsed<command::WatchStream>("watch  my films/one ").name == "my films/one");
  CHECK(has(error_of("watch"), "the name of a stream is missing"));
}

TEST_CASE("a place in a film is a time, from here or from the beginning", "[command]") {
  CHECK(parsed<command::Seek>("seek 12s").to == seconds(12));
  CHECK_FALSE(parsed<command::Seek>("seek 12s").relative);
  CHECK(parsed<command::Seek>("seek +10s").to == seconds(10));
  CHECK(parsed<command::Seek>("seek +10").relative);
  CHECK(parsed<command::Seek>("seek -1.5s").to == milliseconds(-1'500));
  CHECK(parsed<command::Seek>("seek 250ms").to == milliseconds(250));
  CHECK(parsed<command::Seek>("seek 2m").to == seconds(120));
  for (const char* line :
       {"seek", "seek +", "seek --1", "seek x", "seek 1x", "seek nan", "seek inf", "seek 1e300"})
    CHECK(has(error_of(line), "write seek +10s"));
}

TEST_CASE("a speed is a number in its range", "[command]") {
  CHECK(parsed<command::Speed>("speed 2").factor == 2);
  CHECK(parsed<command::Speed>("speed 0.25").factor == 0.25);
  for (const char* line : {"speed", "speed 0", "speed 0.2", "speed 4.1", "speed -1", "speed nan", "speed 2x"})
    CHECK(has(error_of(line), "from 0.25 to 4"));
}

TEST_CASE("a text is said to all, or to whom stands behind it", "[command]") {
  CHECK(parsed<command::Say>("say hello there").text == "hello there");
  CHECK(parsed<command::Say>("say hello there").to.empty());
  CHECK(parsed<command::Say>("say hello to all").text == "hello");
  const auto some = parsed<command::Say>("say back to work to n1, 10.0.0.7");
  CHECK(some.text == "back to work");
  CHECK(some.to == std::vector<std::string>{"n1", "10.0.0.7"});
  CHECK(parsed<command::Say>("say \"back to work\"").text == "back to work");
  CHECK(parsed<command::Say>("say \"back to work\" to n1").to == std::vector<std::string>{"n1"});
  CHECK(has(error_of("say"), "the text is missing"));
  CHECK(has(error_of("say \"\""), "the text is missing"));
  CHECK(has(error_of("say \"open"), "second quote"));
  CHECK(has(error_of("say \"a\" b"), "behind the quoted text"));
  CHECK(has(error_of("say a to b,"), "a node is missing"));
  CHECK(has(error_of("say a to b,,c"), "write NODE"));
  CHECK(has(error_of("say a to b,all"), "all stands alone"));
}

}  // namespace
}  // namespace ott
