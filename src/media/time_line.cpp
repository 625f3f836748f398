#include "media/time_line.h"

#include <algorithm>

namespace ott {

TimeLine::Placed TimeLine::place(const Stamped& unit, Duration otherwise) {
  const bool is_first = !offset_;
  bool jumped = false;
  if (!is_first && newest_) {
    const Duration ahead = unit.time + *offset_ - *newest_;
    jumped = (ahead > kForwardMax && !unit.is_sparse) || ahead < -kBackMax;
  }
  if (is_first || jumped) offset_ = otherwise - unit.time;
  const Duration at = unit.time + *offset_;
  if (parts_.size() <= unit.part) parts_.resize(unit.part + 1);
  Part& its = parts_[unit.part];
  if (!its.newest || at > *its.newest) {
    if (its.newest && !is_first && !jumped) its.step = at - *its.newest;
    its.newest = at;
  }
  newest_ = is_first || jumped ? at : std::max(*newest_, at);
  end_ = std::max(end_, at + unit.lasts.value_or(its.step));
  return {at, jumped};
}

}  // namespace ott
