// Where the log lines of code without I/O go.
#pragma once

#include <cstdint>
#include <string>

namespace ott {

enum class LogLevel : std::uint8_t { Debug, Info, Warning, Error };

class Log {
 public:
  virtual ~Log() = default;
  /// One event, one line. Never called per record.
  virtual void line(LogLevel level, const std::string& text) = 0;
  /// False if such lines are not written: then a caller need not make the text.
  [[nodiscard]] virtual bool enabled(LogLevel) const { return true; }

  void debug(const std::string& text) { line(LogLevel::Debug, text); }
  void info(const std::string& text) { line(LogLevel::Info, text); }
  void warning(const std::string& text) { line(LogLevel::Warning, text); }
  void error(const std::string& text) { line(LogLevel::Error, text); }
};

}  // namespace ott
