#include "app/logging.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace ott {
namespace {

class SpdLog : public Log {
 public:
  SpdLog(std::string_view role, std::string_view level)
      : logger_(spdlog::stderr_color_mt(std::string(role))) {
    logger_->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %n: %v");
    logger_->set_level(spdlog::level::from_str(std::string(level)));
  }

  void line(LogLevel level, const std::string& text) override { logger_->log(to_spdlog(level), text); }
  [[nodiscard]] bool enabled(LogLevel level) const override { return logger_->should_log(to_spdlog(level)); }

 private:
  static spdlog::level::level_enum to_spdlog(LogLevel level) {
    constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                    spdlog::level::err};
    return kLevels.at(static_cast<std::size_t>(level));
  }

  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace

std::unique_ptr<Log> make_log(std::string_view role, std::string_view level) {
  return std::make_unique<SpdLog>(role, level);
}

StatusLine::~StatusLine() {
  if (shown_) std::fputc('\n', stderr);
}

Result<void> StatusLine::write(const std::string& line) {
  winsize size{};
  std::size_t columns = 80;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) columns = size.ws_col;
  std::fprintf(stderr, "\r\033[K%s", line.substr(0, columns - 1).c_str());
  shown_ = true;
  return {};
}

}  // namespace ott
