// Standard output as --top's screen: a terminal, where each text takes the place of the one before (ECMA-48:
// CUP, EL, ED), or a file or pipe, where they stand one behind the other with an empty line between them.
#pragma once

#include <optional>
#include <string>

#include "role/role.h"

namespace ott {

class TerminalScreen final : public Screen {
 public:
  TerminalScreen();
  [[nodiscard]] ScreenSize size() const override;
  /// The error is empty when nobody reads any more.
  Result<void> show(const std::vector<std::string>& lines) override;

 private:
  bool is_terminal_;
};

}  // namespace ott
