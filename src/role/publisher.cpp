#include "role/publisher.h"

#include <algorithm>

namespace ott {

Publisher::Publisher(Overlay& overlay, RoleContext& context, std::function<void()> wake)
    : overlay_(overlay), context_(context), wake_(std::move(wake)) {}

Result<void> Publisher::open(const std::vector<StreamSpec>& specs, Now now) {
  for (const StreamSpec& spec : specs) {
    inputs_.push_back(std::make_unique<PublishedInput>(overlay_, context_, wake_));
    if (auto opened = inputs_.back()->open(spec, now); !opened) return opened;
  }
  return {};
}

Result<void> Publisher::announce(Now now) {
  announced_ = true;
  for (const auto& input : inputs_) {
    if (auto announced = input->announce(now); !announced) return announced;
  }
  return {};
}

void Publisher::step(Now now) {
  for (const auto& input : inputs_) input->step(now);
}

MonoTime Publisher::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& input : inputs_) next = std::min(next, input->next_deadline());
  return next;
}

void Publisher::add_stats(StatsLine& line) const {
  line.begin_list("streams");
  for (const auto& input : inputs_) input->add_stats(line);
  line.end_list();
}

}  // namespace ott
