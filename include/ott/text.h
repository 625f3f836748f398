// Words for people, in logs and on pages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ott {

/// "1 hop", "2 hops", "0 hops".
inline std::string counted(std::uint64_t count, std::string_view noun) {
  std::string text = std::to_string(count);
  text += ' ';
  text += noun;
  if (count != 1) text += 's';
  return text;
}

}  // namespace ott
