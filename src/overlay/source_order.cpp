#include "overlay/source_order.h"

#include <algorithm>
#include <utility>

#include "ott/assert.h"

namespace ott {
namespace {

/// How much nearer another source must be, of the way to the first one, in all, and for how long.
constexpr std::uint64_t kMarginPercent = 15;
constexpr std::uint64_t kGainMin = 10;
constexpr Duration kPatience = std::chrono::seconds(3);
/// How long a source stays the first after it has been nearer than another, at the least.
constexpr Duration kStayFirst = std::chrono::seconds(5);

bool is_clearly_nearer(const SourceOrder::Source& other, const SourceOrder::Source& first) {
  if (other.cost >= first.cost) return false;
  const std::uint64_t gain = first.cost - other.cost;
  return gain >= kGainMin && 100 * gain > kMarginPercent * first.cost;
}

}  // namespace

StreamId SourceOrder::first(const std::string& name, std::span<const Source> sources, MonoTime now) {
  OTT_ASSERT(!sources.empty());
  const Source& nearest = *std::ranges::min_element(
      sources, {}, [](const Source& source) { return std::pair(!source.live, source.cost); });
  const auto [place, is_new] = choices_.try_emplace(name, Choice{nearest.id, {}, MoveDamper(kStayFirst)});
  Choice& choice = place->second;
  choice.asked_for = true;
  const auto current = std::ranges::find(sources, choice.id, &Source::id);
  if (current == sources.end() || (nearest.live && !current->live)) {
    choice.id = nearest.id;
    choice.better_since.reset();
    return choice.id;
  }
  if (!nearest.live || !is_clearly_nearer(nearest, *current)) {
    choice.better_since.reset();
    return choice.id;
  }
  if (!choice.better_since) choice.better_since = now;
  if (now - *choice.better_since < kPatience || now < choice.damper.ends_at()) return choice.id;
  choice.damper.moved(now);
  choice.better_since.reset();
  choice.id = nearest.id;
  return choice.id;
}

void SourceOrder::forget_others() {
  std::erase_if(choices_, [](const auto& entry) { return !entry.second.asked_for; });
  for (auto& [name, choice] : choices_) choice.asked_for = false;
}

MonoTime SourceOrder::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const auto& [name, choice] : choices_) {
    if (choice.better_since)
      next = std::min(next, std::max(*choice.better_since + kPatience, choice.damper.ends_at()));
  }
  return next;
}

}  // namespace ott
