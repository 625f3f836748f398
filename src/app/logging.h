// The log on standard error: spdlog says how lines look, a worker writes them.
#pragma once

#include <memory>
#include <string_view>

#include "io/output.h"
#include "ott/log.h"
#include "role/role.h"

namespace ott {

/// A process's log and its live line go to standard error by one writer, so that they keep their order. Their
/// destructors write nothing more: the end of the process shuts its workers down.
class StandardError {
 public:
  static constexpr std::size_t kLinesMax = 4096;
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  explicit StandardError(Workers& workers);
  ~StandardError();
  StandardError(const StandardError&) = delete;
  StandardError& operator=(const StandardError&) = delete;

  TextWriter& writer() { return *writer_; }

 private:
  std::unique_ptr<TextWriter> writer_;
};

/// `level`: debug, info, warning or error.
std::unique_ptr<Log> make_log(std::string_view role, std::string_view level, StandardError& output);

/// A terminal's live line: each write takes the place of the one before.
class StatusLine : public LineSink {
 public:
  explicit StatusLine(StandardError& output) : output_(output) {}
  ~StatusLine() override;
  Result<void> write(const std::string& line) override;

 private:
  StandardError& output_;
  bool shown_ = false;
};

}  // namespace ott
