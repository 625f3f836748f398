// Lays the times of a container, which begin anywhere, begin again when a file does, and may jump, onto one
// line that only goes on. All parts of a container share it, so what was in step stays so.
#pragma once

#include <optional>
#include <vector>

#include "ott/time.h"

namespace ott {

class TimeLine {
 public:
  /// Beyond these a time is a jump: pictures that are shown later than ones that need them, and parts that
  /// are written one behind the other, go back a little.
  static constexpr Duration kBackMax = std::chrono::seconds(5);
  static constexpr Duration kForwardMax = std::chrono::seconds(30);

  struct Stamped {
    std::size_t part = 0;
    Duration time{};                  // by the container
    std::optional<Duration> lasts{};  // if it is known
    bool is_sparse = false;           // a long pause before it is no jump: text
  };
  struct Placed {
    Duration time;
    bool jumped;  // it was put at the end of what was before, or where its caller says
  };

  /// Where a unit is. `otherwise`: where it is put if it is the first one, the first after restart(), or its
  /// time has jumped.
  Placed place(const Stamped& unit, Duration otherwise);
  /// The next unit has nothing to do with the times before.
  void restart() { offset_.reset(); }
  [[nodiscard]] std::optional<Duration> newest() const { return newest_; }
  /// When what has been placed is over.
  [[nodiscard]] Duration end() const { return end_; }

 private:
  struct Part {
    std::optional<Duration> newest;
    Duration step{};  // between the newest two
  };

  std::optional<Duration> offset_;  // what is added to the container's times
  std::vector<Part> parts_;
  std::optional<Duration> newest_;
  Duration end_{};
};

}  // namespace ott
