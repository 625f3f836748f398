#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/checks.h"
#include "app/dump.h"
#include "app/flag_values.h"
#include "media/source_spec.h"
#include "media/text.h"
#include "media/url.h"
#include "ott/link_state.h"
#include "ott/message.h"

namespace ott {
namespace {

/// What stands before the first '=' is no name but a source, whose options or query have it.
bool is_source(std::string_view before_equals) {
  return before_equals.find("://") != std::string_view::npos || before_equals.starts_with("-?") ||
         before_equals.ends_with("?fps") || before_equals.ends_with("?eof");
}

Result<void> check_watched(const Words& words, Config& config) {
  if (words.streams.size() > 1) {
    return fail(words.called("--stream", 1) + ": a client watches one stream; start one client for each");
  }
  if (words.streams.empty()) return {};
  config.options.watch = words.streams.front();
  if (config.options.watch.find('=') == std::string::npos) return {};
  return fail(fmt::format("{} {}: a client names a stream only; NAME=SOURCE is for --role bootstrap or node",
                          words.called("--stream"), without_credentials(config.options.watch)));
}

/// NAME=SOURCE. `called`: its flag.
Result<StreamSpec> parse_stream(const std::string& called, const std::string& word, Metric usual) {
  const auto equals = word.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == word.size() ||
      is_source(std::string_view(word).substr(0, equals))) {
    return fail(fmt::format("{} {}: write NAME=SOURCE, such as cam=pattern: or film=movie.mjpeg", called,
                            without_credentials(word)));
  }
  StreamSpec spec{word.substr(0, equals), word.substr(equals + 1)};
  spec.metric = usual;
  if (const auto option = take_option(spec.source, "metric")) {
    const auto metric = parse_metric("?metric=", *option);
    if (!metric) return fail(fmt::format("{} '{}': {}", called, spec.name, metric.error().message));
    spec.metric = *metric;
  }
  if (spec.name.size() > 255) return fail(called + ": a name has at most 255 bytes");
  if (to_utf8(spec.name) != spec.name) return fail(called + ": a name is text in UTF-8");
  if (has_control_character(spec.name)) return fail(called + ": a name has no control characters");
  return spec;
}

Result<void> add_stream(const std::string& called, StreamSpec spec, std::vector<StreamSpec>& streams) {
  for (const StreamSpec& other : streams) {
    if (other.name == spec.name)
      return fail(fmt::format("{}: there are two streams '{}'", called, spec.name));
    if (other.source.starts_with('-') && spec.source.starts_with('-'))
      return fail(called + ": only one stream can come from standard input");
  }
  streams.push_back(std::move(spec));
  return {};
}

Result<void> check_placeholder(const Words& words, RoleOptions& options) {
  constexpr std::array kPlaceholders = {std::pair{"none", PlaceholderKind::None},
                                        std::pair{"freeze", PlaceholderKind::Freeze},
                                        std::pair{"text", PlaceholderKind::Text}};
  const auto placeholder =
      std::ranges::find(kPlaceholders, words.placeholder, &std::pair<const char*, PlaceholderKind>::first);
  if (placeholder == kPlaceholders.end()) {
    return fail(fmt::format("{} {}: there are none, freeze and text", words.called("--placeholder"),
                            words.placeholder));
  }
  options.placeholder = placeholder->second;
  return {};
}

/// The outlets of the table, with the flags beside them. `used`: those flags.
Result<void> take_outlets(const Words& words, Config& config, std::vector<std::string_view>& used) {
  for (const OutletSpec* spec : outlet_specs()) {
    if (!words.given(spec->flag.name)) continue;
    OutletArguments arguments;
    arguments.value = words.outlets.at(spec->flag.name);
    for (const OutletFlag& option : spec->options) {
      if (!words.given(option.name)) continue;
      arguments.options[option.name] = words.outlets.at(option.name);
      used.push_back(option.name);
      if (!option.names_token) continue;
      auto token = HttpToken::read(arguments.options[option.name]);
      if (!token) return fail(fmt::format("{} {}", words.called(option.name), token.error().message));
      arguments.token = std::move(*token);
    }
    config.outlets.push_back({spec, std::move(arguments)});
  }
  return {};
}

/// A client writes the frames of its stream itself; elsewhere they are an outlet's.
Result<void> check_dump(const Words& words, Config& config, std::vector<std::string_view>& used) {
  if (words.dump.empty()) return {};
  if (words.dump == "-" && ::isatty(STDOUT_FILENO) != 0) {
    return fail(words.called("--dump") +
                " -: standard output is this terminal, which shows no pictures; pipe them into a player: "
                "ottd --role client … --dump - | ffplay -f mjpeg -");
  }
  OutletArguments arguments;
  arguments.value = words.dump;
  if (words.given("--every")) {
    const std::string& text = words.outlets.at("--every");
    const auto every = parse_time(words.called("--every"), text);
    if (!every) return tl::unexpected<Error>(every.error());
    config.options.every = *every;
    arguments.options["--every"] = text;
    used.emplace_back("--every");
  }
  if (config.role == &kClientRole) {
    config.dump = words.dump;
  } else {
    config.outlets.push_back({&kDumpOutlet, std::move(arguments)});
  }
  return {};
}

}  // namespace

Result<void> check_outlets(const Words& words, Config& config) {
  config.stats_file = words.stats;
  config.control = words.control;
  if (words.given("--control") && words.control.empty())
    return fail(words.called("--control") + ": the path is missing");
  std::vector<std::string_view> used;
  if (auto taken = take_outlets(words, config, used); !taken) return taken;
  if (auto checked = check_dump(words, config, used); !checked) return checked;
  for (const OutletSpec* spec : outlet_specs()) {
    for (const OutletFlag& option : spec->options) {
      if (!words.given(option.name) || std::ranges::count(used, option.name) > 0) continue;
      const std::string dump = option.name == "--every" ? "--dump or " : "";
      return fail(fmt::format("{} needs {}{}", words.called(option.name), dump, spec->flag.name));
    }
  }
  return {};
}

Result<void> check_streams(const Words& words, Config& config) {
  const auto usual = parse_metric(words.called("--metric") + " ", words.metric);
  if (!usual) return tl::unexpected<Error>(usual.error());
  if (auto checked = check_placeholder(words, config.options); !checked) return checked;
  if (config.role == &kClientRole) return check_watched(words, config);
  if (words.streams.size() > kStateStreamsMax) {
    return fail(fmt::format("{}: a process has at most {} streams, and here are {}", words.called("--stream"),
                            kStateStreamsMax, words.streams.size()));
  }
  const bool takes_one = std::ranges::any_of(
      config.outlets, [](const OutletRequest& request) { return request.spec->of_one_stream; });
  for (std::size_t i = 0; i < words.streams.size(); ++i) {
    const std::string& word = words.streams[i];
    const std::string called = words.called("--stream", i);
    if (word.find('=') == std::string::npos && takes_one && !is_source(word)) {
      if (!config.options.watch.empty())
        return fail(fmt::format("{} {}: there is one stream already that outlets take, '{}'", called, word,
                                config.options.watch));
      config.options.watch = word;
      continue;
    }
    auto spec = parse_stream(called, word, *usual);
    if (!spec) return tl::unexpected<Error>(spec.error());
    spec->place = words.origins.place("--stream", i);
    if (auto added = add_stream(called, std::move(*spec), config.options.publish); !added) return added;
  }
  if (config.role == &kBootstrapRole && config.options.publish.empty())
    config.options.publish.push_back({"pattern", "pattern:", *usual});
  return {};
}

}  // namespace ott
