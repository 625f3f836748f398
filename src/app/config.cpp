#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "app/checks.h"
#include "app/flags.h"
#include "app/settings.h"
#include "ott/assert.h"

namespace ott {
namespace {

Result<void> check_log(const Words& words, Config& config) {
  constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};
  config.log_level = words.log_level;
  if (!config.log_level.empty() && std::ranges::count(kLevels, config.log_level) == 0) {
    return fail(fmt::format("{} {}: there are debug, info, warning and error", words.called("--log-level"),
                            config.log_level));
  }
  if (words.log_format != "text" && words.log_format != "json")
    return fail(
        fmt::format("{} {}: there are text and json", words.called("--log-format"), words.log_format));
  config.log_format = words.log_format == "json" ? LogFormat::Json : LogFormat::Text;
  return {};
}

Result<Config> check_all(CLI::App& app, const Words& words) {
  Config config;
  config.file = words.config;
  for (const auto check : {check_role, check_overlay, check_outlets, check_streams}) {
    if (auto checked = check(words, config); !checked) return tl::unexpected(checked.error());
  }
  if (config.role == &kClientRole) {
    if (auto checked = check_client(words, config); !checked) return tl::unexpected(checked.error());
  }
  if (auto checked = check_log(words, config); !checked) return tl::unexpected(checked.error());
  for (OutletRequest& request : config.outlets) request.arguments.stream = config.options.watch;
  config.flags = all_flags(app);
  config.origins = words.origins;
  if (words.print_config) config.to_print = print_settings(app);
  return config;
}

/// A configuration to run, or a text in its place: help, version.
using Read = std::variant<Config, std::string>;

Result<Read> read_config(int argc, const char* const* argv, Environment environment) {
  CLI::App app("Live streams over an overlay of ordinary hosts: one copy per link.", "ottd");
  Words words;
  declare_flags(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return app.help();
  } catch (const CLI::CallForVersion& version) {
    return std::string(version.what()) + "\n";
  } catch (const CLI::ExtrasError& error) {
    std::string text = error.what();
    for (const std::string& extra : app.remaining()) {
      if (const std::string question = ask_for_flag(app, extra); !question.empty()) text += "; " + question;
    }
    return fail(text + "\nottd --help lists what there is");
  } catch (const CLI::ParseError& error) {
    return fail(fmt::format("{}\nottd --help lists what there is", error.what()));
  }
  note_command_line(app, words);
  if (auto taken = take_environment(app, words, environment); !taken) return tl::unexpected(taken.error());
  if (auto taken = take_file(app, words); !taken) return tl::unexpected(taken.error());
  auto config = check_all(app, words);
  if (!config) return tl::unexpected(config.error());
  return std::move(*config);
}

}  // namespace

std::variant<Config, UsageExit> parse_command_line(int argc, const char* const* argv,
                                                   Environment environment) {
  auto read = read_config(argc, argv, environment);
  if (!read) return UsageExit{2, fmt::format("ottd: {}\n", read.error().message)};
  if (auto* text = std::get_if<std::string>(&*read)) return UsageExit{0, std::move(*text)};
  return std::get<Config>(std::move(*read));
}

std::vector<std::string> check_environment(const char* const* environment) {
  CLI::App app;
  Words words;
  declare_flags(app, words);
  return unknown_variables(app, environment);
}

Result<Config> read_config_again(int argc, const char* const* argv, Environment environment) {
  auto read = read_config(argc, argv, environment);
  if (!read) return tl::unexpected(read.error());
  OTT_ASSERT(std::holds_alternative<Config>(*read));  // the same flags as at the start
  return std::get<Config>(std::move(*read));
}

}  // namespace ott
