// What a process is to do, as the command line, the environment and the file of --config say. Of what several
// of them say, the command line's counts, then the environment's (OTTD_HTTP for --http), then the file's.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/flag_origins.h"
#include "app/logging.h"
#include "io/outlets.h"
#include "role/role_table.h"

namespace ott {

/// An outlet that is to run. Two with the same spec and arguments are the same.
struct OutletRequest {
  const OutletSpec* spec;
  OutletArguments arguments;
};

struct Config {
  const RoleSpec* role = nullptr;
  RoleOptions options;
  std::string file;  // of --config; empty: none
  std::string stats_file;
  std::string dump;     // a client's: a directory, or "-" for standard output
  std::string control;  // the path of a socket; empty: none
  std::vector<OutletRequest> outlets;
  std::string log_level;  // empty: info, or warning beside a live line or a list
  LogFormat log_format = LogFormat::Text;
  /// All flags that can be in a file, without their dashes: what was given of them, or else what they are.
  std::map<std::string, std::vector<std::string>> flags;
  FlagOrigins origins;  // of those that were given: for errors that turn up later
  /// Not to be run, but checked as if it were, and printed (--print-config): the text.
  std::optional<std::string> to_print;
};

/// A text that is said instead of running, and the exit status: help, version, or an error (2).
struct UsageExit {
  int status = 0;
  std::string text;
};

/// The value of a variable; null if there is none.
using Environment = char* (*)(const char* name);

/// Reads the command line, and what belongs to it. Beside the file of --config nothing is opened, and nothing
/// looked up but the interfaces' addresses. What is wrong names the flag, the variable, or the file, line and
/// key.
std::variant<Config, UsageExit> parse_command_line(int argc, const char* const* argv,
                                                   Environment environment = &std::getenv);
/// The same for a process that runs already. The error is one sentence.
Result<Config> read_config_again(int argc, const char* const* argv, Environment environment = &std::getenv);
/// Warnings about variables that look like ours and are not (unknown_variables), to be said once.
std::vector<std::string> check_environment(const char* const* environment);

}  // namespace ott
