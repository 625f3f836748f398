// The command line.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/outlets.h"
#include "role/role_table.h"

namespace ott {

struct Config {
  const RoleSpec* role = nullptr;
  RoleOptions options;
  std::string stats_file;
  std::string dump;     // a directory, or "-" for standard output
  std::string control;  // the path of a socket; empty: none
  std::vector<std::pair<const OutletSpec*, OutletArguments>> outlets;
  std::string log_level;  // empty: info, or warning beside a live line or a list
};

/// What is to be printed instead of running, and the exit status: help, version, or what is wrong (2).
struct UsageExit {
  int status = 0;
  std::string text;
};

/// Reads the command line. Nothing is opened or looked up but the interfaces' addresses.
std::variant<Config, UsageExit> parse_command_line(int argc, const char* const* argv);

}  // namespace ott
