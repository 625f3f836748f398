#include "media/rtp_clock_watch.h"

#include <cmath>
#include <utility>

namespace ott {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

double ticks(std::uint32_t from, std::uint32_t to) {
  return static_cast<double>(static_cast<std::int32_t>(to - from));
}

}  // namespace

void RtpClockWatch::begin_window(std::uint32_t timestamp, MonoTime arrived) {
  window_ = timestamp;
  window_at_ = arrived;
}

RtpClockWatch::Seen RtpClockWatch::look(std::uint32_t timestamp, MonoTime arrived) {
  const std::uint32_t before = std::exchange(last_, timestamp);
  const MonoTime before_at = std::exchange(last_at_, arrived);
  if (!std::exchange(begun_, true)) {
    windows_off_ = 0;
    begin_window(timestamp, arrived);
    return {};
  }
  const double step = ticks(before, timestamp) / clock_rate_;
  if (step < -kJumpSeconds || step > seconds(arrived - before_at) + kJumpSeconds) {
    windows_off_ = 0;
    begin_window(timestamp, arrived);
    return {.jump_seconds = step};
  }
  const Duration elapsed = arrived - window_at_;
  if (elapsed < kWindow) return {};
  const double rate = ticks(window_, timestamp) / seconds(elapsed);
  begin_window(timestamp, arrived);
  const bool off = std::abs(rate - clock_rate_) > kOffMax * clock_rate_;
  windows_off_ = off ? windows_off_ + 1 : 0;
  if (windows_off_ < kWindows) return {};
  windows_off_ = 0;
  return {.rate = rate};
}

}  // namespace ott
