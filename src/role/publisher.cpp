#include "role/publisher.h"

#include <algorithm>

namespace ott {

Publisher::Publisher(Overlay& overlay, RoleContext& context, std::function<void()> wake)
    : overlay_(overlay), context_(context), wake_(std::move(wake)) {}

Result<void> Publisher::open(const std::vector<StreamSpec>& specs, Now now) {
  for (const StreamSpec& spec : specs) {
    streams_.push_back(std::make_unique<PublishedStream>(overlay_, context_, wake_));
    if (auto opened = streams_.back()->open(spec, now); !opened) return opened;
  }
  return {};
}

Result<void> Publisher::announce(Now now) {
  announced_ = true;
  for (const auto& stream : streams_) {
    if (auto announced = stream->announce(now); !announced) return announced;
  }
  return {};
}

void Publisher::step(Now now) {
  for (const auto& stream : streams_) stream->step(now);
}

MonoTime Publisher::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& stream : streams_) next = std::min(next, stream->next_deadline());
  return next;
}

void Publisher::add_stats(StatsLine& line) const {
  line.begin_list("streams");
  for (const auto& stream : streams_) stream->add_stats(line);
  line.end_list();
}

}  // namespace ott
