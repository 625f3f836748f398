// The log on standard error: spdlog says how lines look, a worker writes them.
#pragma once

#include <memory>
#include <string>
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
  /// The line that stands for `count` lines of the log which could not be written in time.
  void set_left_out(TextWriter::LeftOut left_out) { writer_->set_left_out(std::move(left_out)); }
  /// Takes the place of the live line that is shown. REQUIRES: no control characters in it.
  Result<void> show_live(const std::string& line);
  /// Leaves the live line as it is: what comes goes below it.
  void end_live();

 private:
  std::unique_ptr<TextWriter> writer_;
  std::string live_;  // as shown; empty: none
};

enum class LogFormat : std::uint8_t {
  Text,
  Json,  // an object a line: time (RFC 3339, UTC), level, role, message
};

struct LogStyle {
  std::string level;  // debug, info, warning or error
  LogFormat format = LogFormat::Text;
};

/// A log whose style may change while it is in use.
class StyledLog : public Log {
 public:
  virtual void set_style(const LogStyle& style) = 0;
};

/// True if what is written to standard error goes to the journal (systemd.exec(5), JOURNAL_STREAM).
[[nodiscard]] bool standard_error_is_journal();

/// The prefix by which the journal knows the priority of a line ("<4>": sd-daemon(3)).
[[nodiscard]] std::string_view journal_prefix(LogLevel level);

/// Where standard error is the journal, each line has its priority before it.
std::unique_ptr<StyledLog> make_log(std::string_view role, const LogStyle& style, StandardError& output);

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
