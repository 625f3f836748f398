// Flags that were given elsewhere than on the command line, and all flags as a file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/config_file.h"
#include "app/flags.h"

namespace ott {

/// Notes which flags the command line has. REQUIRES: it was parsed.
void note_command_line(const CLI::App& app, Words& words);
/// Takes what the environment has of other flags. The error names the variable.
Result<void> take_environment(CLI::App& app, Words& words, Environment environment);
/// What looks as if it were meant for this program and is not: a sentence for each variable OTTD_... that it
/// does not know, with the nearest one that it does. `environment`: NAME=VALUE each, null at the end.
std::vector<std::string> unknown_variables(CLI::App& app, const char* const* environment);
/// Takes what the file of --config has of flags that were not given yet. The error names file, line and key.
Result<void> take_file(CLI::App& app, Words& words);

/// A question whether a flag that does not exist was meant for one that is like it; empty: none is.
std::string ask_for_flag(CLI::App& app, std::string_view given);

/// All flags that can be in a file, without their dashes: what was given of them, or else what they are.
std::map<std::string, std::vector<std::string>> all_flags(CLI::App& app);
/// A file that makes the same process; what was not given of it is in comments. Credentials of sources are
/// left out, and it says so.
std::string print_settings(CLI::App& app);

}  // namespace ott
