#include "role/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "media/commands.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr double kSeekMaxS = 86'400 * 365.0;

/// "10s", "10", "500ms", "2m", "1h": without a sign.
std::optional<Duration> duration_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !(number >= 0)) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "ms") {
    number /= 1000;
  } else if (unit == "m") {
    number *= 60;
  } else if (unit == "h") {
    number *= 3600;
  } else if (!unit.empty() && unit != "s") {
    return std::nullopt;
  }
  if (number > kSeekMaxS) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
}

Result<Command> parse_watch(std::string_view rest) {
  if (rest.empty()) return fail("watch NAME: the name of a stream is missing");
  return command::WatchStream{std::string(rest)};
}

Result<Command> parse_seek(std::string_view rest) {
  const bool back = rest.starts_with('-');
  const bool relative = back || rest.starts_with('+');
  const auto time = duration_of(rest.substr(relative ? 1 : 0));
  if (!time)
    return fail(
        fmt::format("seek {}: write seek +10s, seek -10s or seek 12s (ms, s, m or h)", printable(rest)));
  return command::Seek{relative, back ? -*time : *time};
}

Result<Command> parse_speed(std::string_view rest) {
  const auto factor = parse_number<double>(rest);
  if (!factor || !(*factor >= kSpeedMin && *factor <= kSpeedMax))
    return fail(
        fmt::format("speed {}: a speed is a number from {} to {}", printable(rest), kSpeedMin, kSpeedMax));
  return command::Speed{*factor};
}

Result<Command> parse_say(std::string_view rest) {
  std::string_view text = rest;
  std::string_view nodes;
  if (rest.starts_with('"')) {
    const std::size_t quote = rest.find('"', 1);
    if (quote == std::string_view::npos) return fail("say: the text's second quote is missing");
    text = rest.substr(1, quote - 1);
    nodes = trimmed(rest.substr(quote + 1));
    if (!nodes.empty() && !nodes.starts_with("to "))
      return fail("say: behind the quoted text comes nothing, or: to NODE,NODE... or: to all");
    if (!nodes.empty()) nodes = trimmed(nodes.substr(3));
  } else if (const std::size_t at = rest.rfind(" to "); at != std::string_view::npos) {
    text = trimmed(rest.substr(0, at));
    nodes = trimmed(rest.substr(at + 4));
  }
  if (text.empty()) return fail("say TEXT [to NODE,NODE...|all]: the text is missing");
  auto to = nodes.empty() ? std::vector<std::string>{} : parse_nodes(nodes);
  if (!to) return fail("say: " + to.error().message);
  return command::Say{std::string(text), std::move(*to)};
}

struct Row {
  std::string_view word;
  Result<Command> (*parse)(std::string_view rest);
  bool has_rest;
};
constexpr std::array kCommands = {
    Row{"pause", [](std::string_view) -> Result<Command> { return command::Pause{}; }, false},
    Row{"resume", [](std::string_view) -> Result<Command> { return command::Resume{}; }, false},
    Row{"toggle", [](std::string_view) -> Result<Command> { return command::Toggle{}; }, false},
    Row{"next", [](std::string_view) -> Result<Command> { return command::Next{}; }, false},
    Row{"previous", [](std::string_view) -> Result<Command> { return command::Previous{}; }, false},
    Row{"watch", parse_watch, true},
    Row{"seek", parse_seek, true},
    Row{"speed", parse_speed, true},
    Row{"say", parse_say, true},
    Row{"streams", [](std::string_view) -> Result<Command> { return command::ListStreams{}; }, false},
    Row{"status", [](std::string_view) -> Result<Command> { return command::Status{}; }, false},
    Row{"help", [](std::string_view) -> Result<Command> { return command::Help{}; }, false},
    Row{"quit", [](std::string_view) -> Result<Command> { return command::Quit{}; }, false},
};

}  // namespace

Result<Command> parse_command(std::string_view line) {
  if (line.size() > kCommandBytesMax)
    return fail(
        fmt::format("a command has {} bytes at most, and this one {}", kCommandBytesMax, line.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  line = trimmed(line);
  if (to_utf8(line) != line) return fail("a command is text in UTF-8");
  const auto [word, behind] = cut(line, ' ');
  const auto row = std::ranges::find(kCommands, word, &Row::word);
  if (row == kCommands.end())
    return fail(fmt::format("there is no command '{}'; there are: {}", printable(word), kCommandsHelp));
  const std::string_view rest = trimmed(behind);
  if (!row->has_rest && !rest.empty())
    return fail(fmt::format("{} stands alone, and here '{}' comes behind it", word, printable(rest)));
  return row->parse(rest);
}

Result<std::vector<std::string>> parse_nodes(std::string_view text) {
  if (text == "all") return std::vector<std::string>{};
  std::vector<std::string> nodes;
  for (std::string_view rest = text; !rest.empty() || nodes.empty();) {
    const std::string_view node = trimmed(take_until(rest, ','));
    if (node.empty()) return fail("write NODE, NODE,NODE... or all: an id, or a neighbour's name, each");
    if (node == "all") return fail("all stands alone");
    nodes.emplace_back(node);
  }
  if (text.ends_with(',')) return fail("a node is missing behind the last comma");
  return nodes;
}

}  // namespace ott
