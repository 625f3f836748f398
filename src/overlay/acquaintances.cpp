#include "overlay/acquaintances.h"

#include <algorithm>

namespace ott {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// How long a former member is remembered.
constexpr Duration kFormerMax = hours(1);
/// How often an address that somebody has named is tried in vain.
constexpr unsigned kNamedFailuresMax = 4;
/// Pauses after a call that nobody answered.
constexpr Duration kGivenPauseFirst = milliseconds(250);
constexpr Duration kGivenPauseLongest = seconds(5);
constexpr Duration kPauseFirst = seconds(1);
constexpr Duration kPauseLongest = minutes(5);
/// After so long without another one a pause is forgotten, and the next is short again.
constexpr Duration kPauseMemory = minutes(10);

}  // namespace

void Acquaintances::name(const NodeId& id) {
  if (known_.contains(id)) return;
  const auto is_named = [](const auto& entry) { return !entry.second.given && !entry.second.lost_at; };
  if (static_cast<std::size_t>(std::ranges::count_if(known_, is_named)) >= limits_.named) return;
  known_[id];
}

void Acquaintances::lose(const NodeId& id, Now now) {
  known_[id].lost_at = now.mono;
  std::size_t count = 0;
  auto oldest = known_.end();
  for (auto entry = known_.begin(); entry != known_.end(); ++entry) {
    if (entry->second.given || !entry->second.lost_at) continue;
    ++count;
    if (oldest == known_.end() || entry->second.lost_at < oldest->second.lost_at) oldest = entry;
  }
  if (count > limits_.former) known_.erase(oldest);
}

void Acquaintances::found(const NodeId& id) {
  const auto known = known_.find(id);
  if (known == known_.end()) return;
  known->second.lost_at.reset();
  known->second.failures = 0;
  if (!known->second.given) known_.erase(known);
}

void Acquaintances::met(const NodeId& at, const NodeId& id, Now now) {
  pauses_.erase(at);
  const auto known = known_.find(at);
  if (known == known_.end()) return;
  known->second.failures = 0;
  known->second.id = id;
  if (known->second.lost_at) known->second.lost_at = now.mono;
}

void Acquaintances::failed(const NodeId& at, std::mt19937_64& random, Now now) {
  const auto known = known_.find(at);
  const bool given = known != known_.end() && known->second.given;
  pause(at, given ? kGivenPauseFirst : kPauseFirst, given ? kGivenPauseLongest : kPauseLongest, random, now);
  if (known == known_.end()) return;
  known->second.id.reset();
  if (++known->second.failures >= kNamedFailuresMax && !given && !known->second.lost_at) known_.erase(known);
}

bool Acquaintances::may_call(const NodeId& at, Now now) const {
  const auto pause = pauses_.find(at);
  return pause == pauses_.end() || now.mono >= pause->second.until;
}

void Acquaintances::pause(const NodeId& at, Duration first, Duration longest, std::mt19937_64& random,
                          Now now) {
  if (!pauses_.contains(at) && pauses_.size() >= limits_.pauses) {
    // The one that ends first: it matters least.
    const auto soonest =
        std::ranges::min_element(pauses_, {}, [](const auto& entry) { return entry.second.until; });
    pauses_.erase(soonest);
  }
  Pause& pause = pauses_[at];
  pause.length = pause.length == Duration{} ? first : std::clamp(pause.length * 2, first, longest);
  std::uniform_int_distribution<Duration::rep> jitter(-pause.length.count() / 4, pause.length.count() / 4);
  pause.until = now.mono + pause.length + Duration(jitter(random));
}

MonoTime Acquaintances::next_due() const {
  MonoTime next = MonoTime::max();
  for (const auto& [at, known] : known_) {
    const auto pause = pauses_.find(at);
    next = std::min(next, pause == pauses_.end() ? MonoTime{} : pause->second.until);
  }
  return next;
}

std::vector<NodeId> Acquaintances::all() const {
  std::vector<NodeId> all;
  for (const auto& [at, known] : known_) all.push_back(at);
  return all;
}

std::optional<Duration> Acquaintances::lost_since(Now now) const {
  std::optional<Duration> since;
  for (const auto& [at, known] : known_) {
    if (known.lost_at && (!since || now.mono - *known.lost_at < *since)) since = now.mono - *known.lost_at;
  }
  return since;
}

void Acquaintances::tick(Now now) {
  for (auto& [at, known] : known_) {
    if (known.lost_at && now.mono - *known.lost_at >= kFormerMax) known.lost_at = MonoTime{};
  }
  std::erase_if(known_,
                [](const auto& entry) { return !entry.second.given && entry.second.lost_at == MonoTime{}; });
  std::erase_if(pauses_, [now](const auto& entry) { return now.mono - entry.second.until >= kPauseMemory; });
}

}  // namespace ott
