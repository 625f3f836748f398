#include "overlay/access_standing.h"

#include "overlay/move_damper.h"

namespace ott {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// How much better another node must be: this part of the round trip, and this much in all.
constexpr int kMarginPercent = 15;
constexpr Duration kGainMin = milliseconds(2);
/// An answer that is older says nothing of a node now: one probe, at least, was not answered.
constexpr Duration kFreshFor = milliseconds(7'500);
constexpr Duration kAvoidFirst = seconds(10);
constexpr Duration kAvoidLongest = minutes(5);

}  // namespace

void AccessStanding::answered(Duration round_trip, Now now) {
  last_[count_++ % kSamples] = round_trip;
  answered_at_ = now.mono;
}

void AccessStanding::failed(Now now) {
  avoided_for_ = next_pause(avoided_for_, avoided_until_, kAvoidFirst, kAvoidLongest, now.mono);
  avoided_until_ = now.mono + avoided_for_;
}

std::optional<Duration> AccessStanding::least() const {
  return count_ == 0 ? std::nullopt : std::optional(std::ranges::min(last()));
}

std::optional<Duration> AccessStanding::greatest() const {
  return count_ == 0 ? std::nullopt : std::optional(std::ranges::max(last()));
}

bool AccessStanding::is_measured(Now now) const {
  return count_ >= kSamples && now.mono - answered_at_ <= kFreshFor;
}

bool AccessStanding::is_clearly_better_than(const AccessStanding& own, Now now) const {
  if (!is_measured(now) || own.count_ < kSamples || is_avoided(now)) return false;
  const Duration gain = *own.least() - *greatest();
  return gain >= kGainMin && 100 * gain > kMarginPercent * *own.least();
}

}  // namespace ott
