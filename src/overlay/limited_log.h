// The log of what peers do. A line that a peer can cause has a length and a rate. Of each kind (each place in
// the code) the first few lines are written, and then, every ten seconds, how many were left out. So the log
// stays small and says what happened, however often a peer makes it happen.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "ott/log.h"
#include "overlay/limits.h"

namespace ott {

class LimitedLog {
 public:
  /// A place in the code. std::source_location is not in clang 14.
  struct Where {
    const char* file;
    unsigned line;
    static constexpr Where current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
      return {file, line};
    }
  };

  explicit LimitedLog(Log& log, unsigned lines_per_kind_s) : log_(log), lines_per_s_(lines_per_kind_s) {}

  void debug(const std::string& text, Where where = Where::current()) { line(LogLevel::Debug, text, where); }
  void info(const std::string& text, Where where = Where::current()) { line(LogLevel::Info, text, where); }
  void warning(const std::string& text, Where where = Where::current()) {
    line(LogLevel::Warning, text, where);
  }
  void error(const std::string& text, Where where = Where::current()) { line(LogLevel::Error, text, where); }
  [[nodiscard]] bool enabled(LogLevel level) const { return log_.enabled(level); }
  /// The log without limits, for what a person has asked for.
  [[nodiscard]] Log& unlimited() { return log_; }

  /// Writes how many lines were left out, every ten seconds.
  void tick(MonoTime now);

 private:
  struct Kind {
    RateLimit rate;
    LogLevel level{};
    std::string last;  // the last line that was left out
    std::uint64_t left_out = 0;
  };
  using Place = std::pair<const char*, unsigned>;  // file and line; as many as there are calls in the program

  void line(LogLevel level, const std::string& text, const Where& where);

  Log& log_;
  unsigned lines_per_s_;
  MonoTime now_{};
  MonoTime summary_at_{};
  bool left_out_ = false;
  std::map<Place, Kind> kinds_;
};

}  // namespace ott
