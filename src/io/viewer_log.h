// The log of viewers that come and go: a line for each, as long as these are not too many.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "ott/log.h"
#include "ott/time.h"

namespace ott {

class ViewerLog {
 public:
  static constexpr unsigned kLinesMax = 20;
  static constexpr Duration kTime = std::chrono::seconds(10);

  ViewerLog(Log& log, std::string name) : log_(log), name_(std::move(name)) {}

  void line(const std::string& text, MonoTime now) {
    if (now >= since_ + kTime) {
      if (left_out_ > 0)
        log_.info(fmt::format("{}: {} more lines on viewers were left out", name_, left_out_));
      since_ = now;
      lines_ = left_out_ = 0;
    }
    if (lines_++ < kLinesMax) {
      log_.info(fmt::format("{}: {}", name_, text));
    } else {
      ++left_out_;
    }
  }

 private:
  Log& log_;
  std::string name_;  // of the outlet
  MonoTime since_{};
  unsigned lines_ = 0;
  unsigned left_out_ = 0;
};

}  // namespace ott
