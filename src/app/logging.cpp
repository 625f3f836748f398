#include "app/logging.h"

#include <fmt/chrono.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "media/text.h"

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

constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                spdlog::level::err};

spdlog::level::level_enum to_spdlog(LogLevel level) { return kLevels.at(static_cast<std::size_t>(level)); }

LogLevel from_spdlog(spdlog::level::level_enum level) {
  const auto* const found = std::find(kLevels.begin(), kLevels.end(), level);
  return found == kLevels.end() ? LogLevel::Error : static_cast<LogLevel>(found - kLevels.begin());
}

/// 2026-11-27T18:19:07.123Z (RFC 3339).
std::string time_of(spdlog::log_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto since = std::chrono::duration_cast<milliseconds>(time.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(spdlog::log_clock::to_time_t(time)),
                     since.count() % 1000);
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
    const auto add = [&json](std::string_view key, std::string_view value) {
      json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
      json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    };
    const auto level = spdlog::level::to_string_view(message.level);
    json.StartObject();
    add("time", time_of(message.time));
    add("level", {level.data(), level.size()});
    add("role", {message.logger_name.data(), message.logger_name.size()});
    add("message", to_utf8({message.payload.data(), message.payload.size()}));
    json.EndObject();
    to.append(buffer.GetString(), buffer.GetString() + buffer.GetSize());
    to.push_back('\n');
  }
  [[nodiscard]] std::unique_ptr<formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

std::unique_ptr<spdlog::formatter> make_formatter(LogFormat format) {
  if (format == LogFormat::Json) return std::make_unique<JsonFormatter>();
  return std::make_unique<spdlog::pattern_formatter>("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %n: %v");
}

/// Lines as a formatter of spdlog makes them, coloured on a terminal.
class WriterSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit WriterSink(StandardError& output)
      : output_(output), colours_(::isatty(STDERR_FILENO) != 0), is_journal_(standard_error_is_journal()) {}

  /// The text of a line that is not written through a logger, as if it were.
  [[nodiscard]] static std::string line_of(spdlog::formatter& formatter, bool is_journal,
                                           const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t formatted;
    formatter.format(message, formatted);
    std::string line(is_journal ? journal_prefix(from_spdlog(message.level)) : "");
    return line.append(formatted.data(), formatted.size());
  }
  [[nodiscard]] bool is_journal() const { return is_journal_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line = line_of(*formatter_, is_journal_, message);
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
  bool is_journal_;
};

class SpdLog final : public StyledLog {
 public:
  SpdLog(std::string_view role, const LogStyle& style, StandardError& output)
      : output_(output), sink_(std::make_shared<WriterSink>(output)), logger_(std::string(role), sink_) {
    set_style(style);
  }

  void set_style(const LogStyle& style) override {
    logger_.set_level(spdlog::level::from_str(style.level));
    sink_->set_formatter(make_formatter(style.format));
    if (style.format == LogFormat::Text) return output_.set_left_out(&left_out_as_text);
    // Called by a worker: it has what it needs for itself.
    output_.set_left_out([role = logger_.name(), is_journal = sink_->is_journal()](std::uint64_t count) {
      const std::string text = left_out(count);
      JsonFormatter formatter;
      return WriterSink::line_of(formatter, is_journal, {role, spdlog::level::warn, text});
    });
  }
  void line(LogLevel level, const std::string& text) override { logger_.log(to_spdlog(level), text); }
  [[nodiscard]] bool enabled(LogLevel level) const override { return logger_.should_log(to_spdlog(level)); }

 private:
  static std::string left_out(std::uint64_t count) {
    return std::to_string(count) + " lines of the log are left out: they could not be written in time";
  }
  static std::string left_out_as_text(std::uint64_t count) { return "[" + left_out(count) + "]\n"; }

  StandardError& output_;
  std::shared_ptr<WriterSink> sink_;
  spdlog::logger logger_;
};

std::atomic<const TextWriter*> last_words{nullptr};

/// A bug ends the process by SIGABRT: gives the log a moment to be written before that.
void write_last_words(int) {
  if (const TextWriter* writer = last_words.load()) writer->wait_until_idle(std::chrono::milliseconds(200));
  std::signal(SIGABRT, SIG_DFL);
}

}  // namespace

StandardError::StandardError(Workers& workers)
    : writer_(TextWriter::to_standard_error({kLinesMax, kBytesMax}, workers)) {
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

bool standard_error_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

std::string_view journal_prefix(LogLevel level) {
  constexpr std::array<std::string_view, 4> kPrefixes = {"<7>", "<6>", "<4>", "<3>"};
  return kPrefixes.at(static_cast<std::size_t>(level));
}

std::unique_ptr<StyledLog> make_log(std::string_view role, const LogStyle& style, StandardError& output) {
  return std::make_unique<SpdLog>(role, style, output);
}

}  // namespace ott
