// Damping of links that fail again and again. Each failure soon after another doubles the time for which the
// link, once it is back, is not used. A single failure costs nothing.
#pragma once

#include <map>

#include "ott/time.h"
#include "ott/types.h"

namespace ott {

class FlapDamper {
 public:
  void failed(const NodeId& peer, MonoTime now);
  /// When the link is no longer damped; `max` if it is not damped now.
  [[nodiscard]] MonoTime usable_at(const NodeId& peer, MonoTime now) const;

 private:
  struct Record {
    unsigned failures = 0;
    MonoTime last;
    MonoTime usable_at;
  };
  std::map<NodeId, Record> records_;  // at most one per neighbour
};

}  // namespace ott
