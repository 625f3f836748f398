#include "app/flag_origins.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {

std::string FlagOrigins::place(std::string_view flag, std::size_t value) const {
  const auto found = origins_.find(flag);
  if (found == origins_.end() || found->second.name == flag) return "";
  const FlagOrigin& origin = found->second;
  return origin.file.empty() ? origin.name + ": "
                             : fmt::format("{}:{}: ", origin.file, origin.lines.at(value));
}

std::string FlagOrigins::called(std::string_view flag, std::size_t value) const {
  const auto found = origins_.find(flag);
  if (found == origins_.end()) return std::string(flag);
  return (found->second.file.empty() ? "" : place(flag, value)) + found->second.name;
}

std::string FlagOrigins::located(std::string_view error) const {
  const auto is_of_flag = [](char c) { return c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto end = std::ranges::find_if_not(error, is_of_flag);
  const auto flag = error.substr(0, static_cast<std::size_t>(end - error.begin()));
  return called(flag) + std::string(error.substr(flag.size()));
}

}  // namespace ott
