// Which of several sources of one name comes first: the nearest by the stream's metric, and another one when
// that has been clearly nearer for a while, or at once when the first is gone or has no frames. Whoever lists
// streams keeps one, so that all who are listed to find the same source. No I/O, no clock.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "ott/types.h"
#include "overlay/move_damper.h"

namespace ott {

class SourceOrder {
 public:
  struct Source {
    StreamId id;
    std::uint64_t cost = 0;  // of the way from its origin to here
    bool live = true;        // it has frames
  };

  /// The source of that name that comes first now. REQUIRES: there is one.
  StreamId first(const std::string& name, std::span<const Source> sources, MonoTime now);
  /// Forgets the names that were not asked for since the last call.
  void forget_others();
  /// When another source may have been nearer for long enough.
  [[nodiscard]] MonoTime next_deadline() const;

 private:
  struct Choice {
    StreamId id;
    std::optional<MonoTime> better_since;  // since when another one has been clearly nearer
    MoveDamper damper;
    bool asked_for = true;
  };

  std::map<std::string, Choice> choices_;
};

}  // namespace ott
