#include "role/retired_outlets.h"

#include <utility>

namespace ott {

void RetiredOutlets::add(std::unique_ptr<Outlet> outlet, Now now) {
  if (!outlet->finish(false, now)) outlets_.push_back({std::move(outlet), now.mono + kFinishTime});
}

bool RetiredOutlets::finish(bool give_up, Now now) {
  std::erase_if(outlets_, [&](const Retired& each) {
    const bool last = give_up || now.mono >= each.give_up_at;
    return each.outlet->finish(last, now) || last;
  });
  return outlets_.empty();
}

}  // namespace ott
