#include "overlay/limited_log.h"

#include <fmt/format.h>

namespace ott {
namespace {

constexpr std::size_t kLineBytesMax = 400;
constexpr unsigned kBurstS = 50;
constexpr Duration kSummaryInterval = std::chrono::seconds(10);

std::string shortened(const std::string& text) {
  return text.size() <= kLineBytesMax ? text : text.substr(0, kLineBytesMax) + " …";
}

}  // namespace

void LimitedLog::line(LogLevel level, const std::string& text, const Where& where) {
  if (!log_.enabled(level)) return;
  Kind& kind = kinds_[{where.file, where.line}];
  // Debug lines are turned on to be seen, so many of them may pass.
  const unsigned rate = level == LogLevel::Debug ? 100 * lines_per_s_ : lines_per_s_;
  if (kind.rate.take(rate, kBurstS, now_)) return log_.line(level, shortened(text));
  if (!left_out_) summary_at_ = now_ + kSummaryInterval;
  left_out_ = true;
  kind.level = level;
  kind.last = shortened(text);
  ++kind.left_out;
}

[[gnu::hot]] void LimitedLog::tick(MonoTime now) {
  now_ = now;
  if (!left_out_ || now < summary_at_) return;
  left_out_ = false;
  for (auto& [place, kind] : kinds_) {
    const std::uint64_t count = std::exchange(kind.left_out, 0);
    if (count > 0) log_.line(kind.level, fmt::format("{} ({} more like this)", kind.last, count));
  }
}

}  // namespace ott
