// The log on standard error: spdlog says how lines look, a worker writes them.
#pragma once

#include <memory>
#include <string_view>

#include "io/output.h"
#include "ott/log.h"
#include "role/role.h"

namespace ott {

/// A process's log and its live line go to standard error by one writer, so that they keep their order. A
/// line of the log takes the place of the live line, which is then shown again below it. Their destructors
/// write nothing more: the end of the process shuts its workers down.
class StandardError {
 public:
  static constexpr std::size_t kLinesMax = 4096;
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  explicit StandardError(Workers& workers);
  ~StandardError();
  StandardError(const StandardError&) = delete;
  StandardError& operator=(const StandardError&) = delete;

  /// A whole line of the log, with its line end.
  void write_log(std::string line);
  /// Takes the place of the live line that is shown. REQUIRES: no control characters in it.
  Result<void> show_live(const std::string& line);
  /// Leaves the live line as it is: what comes goes below it.
  void end_live();

 private:
  std::unique_ptr<TextWriter> writer_;
  std::string live_;  // as shown; empty: none
};

/// `level`: debug, info, warning or error.
std::unique_ptr<Log> make_log(std::string_view role, std::string_view level, StandardError& output);

/// A terminal's live line: each write takes the place of the one before.
class StatusLine : public LineSink {
 public:
  explicit StatusLine(StandardError& output) : output_(output) {}
  ~StatusLine() override { output_.end_live(); }
  Result<void> write(const std::string& line) override { return output_.show_live(line); }

 private:
  StandardError& output_;
};

}  // namespace ott
