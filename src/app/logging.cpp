#include "app/logging.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <string>
#include <utility>

namespace ott {
namespace {

constexpr const char* kClearLine = "\r\033[K";

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// Its first characters, at most so many, in UTF-8.
std::string shortened(const std::string& text, std::size_t characters) {
  const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
  std::size_t bytes = 0;
  for (; bytes < text.size() && characters > 0; --characters) {
    do ++bytes;
    while (bytes < text.size() && continues(text[bytes]));
  }
  return text.substr(0, bytes);
}

/// Lines as spdlog formats them, coloured on a terminal.
class WriterSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit WriterSink(StandardError& output) : output_(output), colours_(::isatty(STDERR_FILENO) != 0) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t formatted;
    formatter_->format(message, formatted);
    std::string line(formatted.data(), formatted.size());
    if (colours_ && message.color_range_end > message.color_range_start) {
      line.insert(message.color_range_end, "\033[m");
      line.insert(message.color_range_start, colour(message.level));
    }
    output_.write_log(std::move(line));
  }
  void flush_() override {}

 private:
  static const char* colour(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) return "\033[31m\033[1m";   // red
    if (level == spdlog::level::warn) return "\033[33m\033[1m";  // yellow
    return level == spdlog::level::info ? "\033[32m" : "\033[36m";
  }

  StandardError& output_;
  bool colours_;
};

class SpdLog : public Log {
 public:
  SpdLog(std::string_view role, std::string_view level, StandardError& output)
      : logger_(std::string(role), std::make_shared<WriterSink>(output)) {
    logger_.set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %n: %v");
    logger_.set_level(spdlog::level::from_str(std::string(level)));
  }

  void line(LogLevel level, const std::string& text) override { logger_.log(to_spdlog(level), text); }
  [[nodiscard]] bool enabled(LogLevel level) const override { return logger_.should_log(to_spdlog(level)); }

 private:
  static spdlog::level::level_enum to_spdlog(LogLevel level) {
    constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                    spdlog::level::err};
    return kLevels.at(static_cast<std::size_t>(level));
  }

  spdlog::logger logger_;
};

std::string left_out(std::uint64_t count) {
  return "[" + std::to_string(count) + " lines of the log are left out: they could not be written in time]\n";
}

std::atomic<const TextWriter*> last_words{nullptr};

/// A bug ends the process by SIGABRT: gives the log a moment to be written before that.
void write_last_words(int) {
  if (const TextWriter* writer = last_words.load()) writer->wait_until_idle(std::chrono::milliseconds(200));
  std::signal(SIGABRT, SIG_DFL);
}

}  // namespace

StandardError::StandardError(Workers& workers)
    : writer_(TextWriter::to_standard_error({kLinesMax, kBytesMax, &left_out}, workers)) {
  last_words = writer_.get();
  std::signal(SIGABRT, &write_last_words);
}

StandardError::~StandardError() { last_words = nullptr; }

void StandardError::write_log(std::string line) {
  if (!live_.empty()) line = kClearLine + line + live_;
  (void)writer_->write(std::move(line));  // there is nowhere to say that it failed
}

Result<void> StandardError::show_live(const std::string& line) {
  live_ = shortened(line, terminal_columns() - 1);
  // A terminal that is behind gets the next line: this one would be old by then.
  return writer_->idle() ? writer_->write(kClearLine + live_) : Result<void>{};
}

void StandardError::end_live() {
  const std::string last = std::exchange(live_, {});
  if (!last.empty()) (void)writer_->write(kClearLine + last + "\n");
}

std::unique_ptr<Log> make_log(std::string_view role, std::string_view level, StandardError& output) {
  return std::make_unique<SpdLog>(role, level, output);
}

}  // namespace ott
