#include "media/keys.h"

#include <catch2/catch.hpp>
#include <string>

namespace ott {
namespace {

std::string commands(std::string_view bytes) {
  KeyReader reader;
  std::string all;
  for (const char byte : bytes) {
    const std::string_view command = reader.take(static_cast<std::uint8_t>(byte));
    if (!command.empty()) all += std::string(command) + ';';
  }
  return all;
}

TEST_CASE("keys are commands, and others are none", "[keys]") {
  CHECK(commands(" n p?q") == "toggle;next;toggle;previous;help;quit;");
  CHECK(commands("xyz\r\n\t\x7F\xC3\xA4") == "");
}

TEST_CASE("cursor keys seek, however the terminal sends them", "[keys]") {
  CHECK(commands("\x1b[C\x1b[D") == "seek +10s;seek -10s;");
  CHECK(commands("\x1bOC\x1bOD") == "seek +10s;seek -10s;");
  CHECK(commands("\x1b[1;5C") == "seek +10s;");
  CHECK(commands("\x1b[A\x1b[B\x1b[3~\x1b[15~n") == "next;");
  CHECK(commands("\x1bqn") == "next;");
  CHECK(commands("\x1b\x1b[C") == "seek +10s;");
}

}  // namespace
}  // namespace ott
