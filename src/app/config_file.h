// The file of --config: TOML, whose keys are the flags' names without their dashes. What is not in quotes may
// be there as in INI files: `role = node` is `role = "node"`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ott/result.h"

namespace ott {

inline constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20U;

struct ConfigEntry {
  struct Value {
    std::string text;
    unsigned line = 0;  // from 1
  };

  std::string key;
  unsigned line = 0;
  std::vector<Value> values;
  bool is_list = false;
};

/// The file's text. Waits for the disk. The error names the file.
Result<std::string> read_config_file(const std::string& path);

/// In the order of the file. The error says what is wrong as PATH:LINE: KEY: …
Result<std::vector<ConfigEntry>> parse_config_file(std::string_view text, const std::string& path);

/// The text as such a file has it, in quotes.
std::string quoted_text(std::string_view text);

}  // namespace ott
