#include "app/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <ranges>
#include <string_view>

#include "media/text.h"
#include "media/url.h"

namespace ott {
namespace {

std::string key_of(const CLI::Option& option) { return option.get_lnames().front(); }
std::string flag_of(const CLI::Option& option) { return "--" + key_of(option); }
/// It is there or not, and has no value.
bool is_switch(const CLI::Option& option) { return option.get_expected_min() == 0; }
bool is_list(const CLI::Option& option) { return option.get_expected_max() > 1; }

/// OTTD_LOG_LEVEL of log-level.
std::string variable_of(const CLI::Option& option) {
  std::string name = "OTTD_" + key_of(option);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

/// False if a switch is off, which is as if it had not been given.
Result<bool> set(CLI::Option& option, const std::vector<std::string>& values, const std::string& called) {
  if (is_switch(option)) {
    if (values.size() != 1 || (values[0] != "true" && values[0] != "false"))
      return fail(called + ": it is true or false");
    if (values[0] == "false") return false;
  }
  try {
    for (const std::string& value : values) option.add_result(value);
    option.run_callback();
  } catch (const CLI::ParseError& error) {
    return fail(fmt::format("{}: {}", called, error.what()));
  }
  return true;
}

/// Levenshtein's distance: how many letters are to be added, left out or changed.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({row[j], row[j + 1], diagonal}) + 1);
      row[j + 1] = std::min(row[j + 1], changed);
    }
  }
  return row.back();
}

/// The name that is most like `given`, of options that may be given so. `name_of`: what an option is called.
template <class May, class Name>
std::string nearest_name(CLI::App& app, std::string_view given, May may, Name name_of) {
  std::string nearest;
  std::size_t least = SIZE_MAX;
  for (const CLI::Option* option : app.get_options({})) {
    if (!may(*option)) continue;
    if (const std::size_t far = distance(given, name_of(*option)); far < least) {
      least = far;
      nearest = name_of(*option);
    }
  }
  return nearest;
}

bool may_be_in_file(const CLI::Option& option) { return option.get_configurable(); }
bool may_be_variable(const CLI::Option& option) {
  return option.get_configurable() || key_of(option) == "config";
}

Result<void> take_entry(CLI::App& app, Words& words, const ConfigEntry& entry) {
  const std::string where = fmt::format("{}:{}: ", words.config, entry.line);
  CLI::Option* option = app.get_option_no_throw("--" + entry.key);
  if (option == nullptr) {
    return fail(fmt::format("{}there is no key '{}'; the nearest is '{}'", where, printable(entry.key),
                            nearest_name(app, entry.key, may_be_in_file, key_of)));
  }
  if (!option->get_configurable()) return fail(where + entry.key + " is for the command line alone");
  if (entry.is_list && !is_list(*option)) return fail(where + entry.key + ": it has one value, and no list");
  if (words.given(flag_of(*option))) return {};
  std::vector<std::string> values;
  FlagOrigin origin{entry.key, words.config, {}};
  for (const auto& [text, line] : entry.values) {
    values.push_back(text);
    origin.lines.push_back(line);
  }
  if (values.empty()) return {};
  const auto is_set = set(*option, values, where + entry.key);
  if (!is_set) return tl::unexpected<Error>(is_set.error());
  if (*is_set) words.origins.note(flag_of(*option), std::move(origin));
  return {};
}

/// What was given of it, or else its default. Empty: it has none.
std::vector<std::string> values_of(CLI::Option& option) {
  if (option.count() > 0) return option.results();
  if (is_list(option) || is_switch(option)) return {};
  option.capture_default_str();
  const std::string usual = option.get_default_str();
  return usual.empty() ? std::vector<std::string>{} : std::vector{usual};
}

/// The value without what is secret in it: of NAME=SOURCE that is in the source.
std::string shown(const std::string& value) {
  const std::string name = value.substr(0, value.find('=') + 1);  // empty: there is none
  const std::size_t source = name.find("://") == std::string::npos ? name.size() : 0;
  const std::string_view shown = std::string_view(value).substr(source);
  // A command line is words, and may have several addresses; any other source is one, whatever is in it.
  const bool is_address = !shown.starts_with("exec:") && shown.find("://") != shown.npos;
  return value.substr(0, source) + (is_address ? without_credentials(shown) : hide_credentials(shown));
}

std::string comment_of(const CLI::Option& option) {
  std::string text;
  std::string_view rest = option.get_description();
  while (!rest.empty()) text += fmt::format("# {}\n", take_until(rest, '\n'));
  return text;
}

std::string line_of(const CLI::Option& option, const std::vector<std::string>& values) {
  if (is_switch(option)) return key_of(option) + " = true\n";
  if (!is_list(option)) return fmt::format("{} = {}\n", key_of(option), quoted_text(values.front()));
  std::string text = key_of(option) + " = [\n";
  for (const std::string& value : values) text += fmt::format("  {},\n", quoted_text(value));
  return text + "]\n";
}

}  // namespace

void note_command_line(const CLI::App& app, Words& words) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0) words.origins.note(flag_of(*option), {flag_of(*option), "", {}});
  }
}

Result<void> take_environment(CLI::App& app, Words& words, Environment environment) {
  for (CLI::Option* option : app.get_options({})) {
    const std::string flag = flag_of(*option);
    if (!may_be_variable(*option) || words.given(flag)) continue;
    const std::string variable = variable_of(*option);
    const char* text = environment(variable.c_str());
    if (text == nullptr || *text == '\0') continue;
    std::vector<std::string> values;
    for (std::string_view rest = text; !rest.empty();)  // a list is a line for each
      values.emplace_back(is_list(*option) ? take_until(rest, '\n') : std::exchange(rest, {}));
    const auto is_set = set(*option, values, variable);
    if (!is_set) return tl::unexpected<Error>(is_set.error());
    if (*is_set) words.origins.note(flag, {variable, "", {}});
  }
  return {};
}

std::vector<std::string> unknown_variables(CLI::App& app, const char* const* environment) {
  std::vector<std::string> sentences;
  for (; *environment != nullptr; ++environment) {
    const std::string_view name = cut(*environment, '=').first;
    if (!name.starts_with("OTTD_")) continue;
    const auto options = app.get_options({});
    const auto is_it = [name](const CLI::Option* option) { return variable_of(*option) == name; };
    const auto known = std::ranges::find_if(options, is_it);
    if (known != options.end() && may_be_variable(**known)) continue;
    sentences.push_back(
        known != options.end()
            ? fmt::format("{} means nothing: {} is for the command line alone", name, flag_of(**known))
            : fmt::format("there is no variable {}; the nearest is {}", printable(name),
                          nearest_name(app, name, may_be_variable, variable_of)));
  }
  return sentences;
}

std::string ask_for_flag(CLI::App& app, std::string_view given) {
  const std::string_view name = cut(given, '=').first;
  if (!name.starts_with("--")) return "";
  const auto is_any = [](const CLI::Option&) { return true; };
  const std::string nearest = nearest_name(app, name, is_any, flag_of);
  const std::size_t far = distance(name, nearest);
  return far > 0 && far <= name.size() / 4 ? fmt::format("did you mean {}?", nearest) : "";
}

Result<void> take_file(CLI::App& app, Words& words) {
  if (words.config.empty()) return {};
  const auto text = read_config_file(words.config);
  if (!text) return tl::unexpected<Error>(text.error());
  const auto entries = parse_config_file(*text, words.config);
  if (!entries) return tl::unexpected<Error>(entries.error());
  for (const ConfigEntry& entry : *entries) {
    if (auto taken = take_entry(app, words, entry); !taken) return taken;
  }
  return {};
}

std::map<std::string, std::vector<std::string>> all_flags(CLI::App& app) {
  std::map<std::string, std::vector<std::string>> flags;
  for (CLI::Option* option : app.get_options({})) {
    if (option->get_configurable()) flags[key_of(*option)] = values_of(*option);
  }
  return flags;
}

std::string print_settings(CLI::App& app) {
  std::string text;
  for (CLI::Option* option : app.get_options({})) {
    if (!option->get_configurable()) continue;
    std::vector<std::string> values = values_of(*option);
    if (values.empty()) continue;
    std::string hidden;
    for (std::string& value : values) {
      std::string safe = shown(value);
      if (safe != value) hidden = "# Credentials are left out here.\n";
      value = std::move(safe);
    }
    text += fmt::format("{}{}{}{}{}", text.empty() ? "" : "\n", comment_of(*option), hidden,
                        option->count() > 0 ? "" : "# ", line_of(*option, values));
  }
  return text;
}

}  // namespace ott
