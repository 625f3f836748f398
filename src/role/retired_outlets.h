// Outlets that a running process is to have no more: they finish what they have begun, for a while.
#pragma once

#include <memory>
#include <vector>

#include "media/outlet.h"

namespace ott {

/// How long the end of an outlet, or of a process, waits for what is still to be written, and how often it is
/// looked.
inline constexpr Duration kFinishTime = std::chrono::seconds(2);
inline constexpr Duration kFinishLook = std::chrono::milliseconds(10);

class RetiredOutlets {
 public:
  void add(std::unique_ptr<Outlet> outlet, Now now);
  /// Those that have finished, or have had their time, are gone. True if none is left.
  bool finish(bool give_up, Now now);
  [[nodiscard]] MonoTime next_deadline(Now now) const {
    return outlets_.empty() ? MonoTime::max() : now.mono + kFinishLook;
  }

 private:
  struct Retired {
    std::unique_ptr<Outlet> outlet;
    MonoTime give_up_at;
  };

  std::vector<Retired> outlets_;
};

}  // namespace ott
