// What people and programs tell a process while it runs: a line each, from the keys of a terminal, a socket
// or an HTTP request. The role decides what a line means (role/command.h), and answers each.
#pragma once

#include <string>
#include <string_view>

#include "ott/result.h"
#include "ott/time.h"

namespace ott {

inline constexpr std::size_t kCommandBytesMax = 4096;

struct CommandAnswer {
  bool ok = false;
  std::string json;   // an object in one line, without a line end: "ok", and "error" where that is false
  std::string words;  // for whoever looks at the live line; may be empty
};

class Commands {
 public:
  virtual ~Commands() = default;
  /// Does what the line says, or answers why not. The line may hold any bytes.
  virtual CommandAnswer command(std::string_view line, Now now) = 0;
  /// The same for a key of this process's terminal, where the answer is shown.
  virtual void press(std::string_view line, Now now) = 0;
};

/// Where commands come from: sockets, keys. Outlets may take some as well.
class CommandSource {
 public:
  virtual ~CommandSource() = default;
  /// Once. `commands` outlives this. The error ends the process.
  virtual Result<void> begin(Commands& commands) = 0;
};

}  // namespace ott
