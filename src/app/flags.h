// The flags there are, and what was given of them, before it means anything.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/flag_origins.h"
#include "overlay/messages.h"

namespace ott {

struct Words {
  std::string role, topology, bootstrap, join, id, node, dump, stats;
  std::string degree = "3-8";
  std::string overlay{kOverlayNameDefault};
  std::string config, log_level;
  std::string log_format = "text";
  std::string tree = "shortest";
  std::string metric = "cost";
  std::string placeholder = "none";
  std::vector<std::string> streams;
  std::string heartbeat = "100ms";
  std::string history = "2s";
  std::string memory = "256M";
  std::string duration;
  std::string frames;
  std::string start, control, say, to, why;
  bool list = false, top = false, timeshift = false, discover = false, print_config = false;
  std::map<std::string_view, std::string> outlets;  // the values of outlets' flags, and of those beside them
  FlagOrigins origins;                              // of the flags that were given

  [[nodiscard]] bool given(std::string_view flag) const { return origins.given(flag); }
  [[nodiscard]] std::string called(std::string_view flag, std::size_t value = 0) const {
    return origins.called(flag, value);
  }
};

/// The name and summary of each role, a line each.
std::string roles_help();

/// Declares all flags. Those that are not configurable() are of the command line alone. `words` gets what is
/// given, and outlives `app`.
void declare_flags(CLI::App& app, Words& words);

}  // namespace ott
