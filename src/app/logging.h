// The log on standard error, by spdlog.
#pragma once

#include <memory>
#include <string_view>

#include "ott/log.h"
#include "role/role.h"

namespace ott {

/// `level`: debug, info, warning or error.
std::unique_ptr<Log> make_log(std::string_view role, std::string_view level);

/// A terminal's live line: each write takes the place of the one before.
class StatusLine : public LineSink {
 public:
  ~StatusLine() override;
  Result<void> write(const std::string& line) override;

 private:
  bool shown_ = false;
};

}  // namespace ott
