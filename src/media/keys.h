// The keys of a terminal, out of the bytes that it sends: each that means something as the command that it
// stands for (role/command.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace ott {

class KeyReader {
 public:
  /// The command that is complete with this byte; empty: none is.
  std::string_view take(std::uint8_t byte);

 private:
  enum class State : std::uint8_t { Plain, Escape, Sequence };

  State state_ = State::Plain;
};

}  // namespace ott
