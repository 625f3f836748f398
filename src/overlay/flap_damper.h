// Links that fail again and again: each failure soon after another doubles the time for which the link, once
// it is back, is not used. A single failure costs nothing.
#pragma once

#include <map>

#include "ott/time.h"
#include "ott/types.h"

namespace ott {

class FlapDamper {
 public:
  void failed(const NodeId& peer, MonoTime now);
  /// When the link is as good as any again; `max` if it is now.
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
