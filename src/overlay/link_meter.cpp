#include "overlay/link_meter.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ott {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Differences below these mean nothing.
constexpr std::uint32_t kRttUsLeast = 1'000;
constexpr std::uint32_t kLossLeast = 50;
constexpr std::uint32_t kKbpsLeast = 100;
/// How many segments must have been sent before their loss means something, and of how many it is taken.
constexpr double kSegmentsLeast = 200;
constexpr double kSegmentsMost = 1'000;
/// Over how long throughput is taken.
constexpr Duration kThroughputTime = seconds(2);
/// Skips that are further apart have nothing to do with each other; those that are closer are one.
constexpr Duration kSkipMemory = seconds(30);
constexpr Duration kSkipsApart = seconds(1);
/// For how long round trips after a skip are those of a queue.
constexpr Duration kQueueTime = seconds(2);
constexpr double kBlockedMost = 0.8;
constexpr Duration kUnusedMemory = minutes(1);
constexpr Duration kUsedMemory = minutes(10);
constexpr unsigned kTrustMost = 8;

/// To a sixteenth of its size, and half a millisecond. All below a millisecond are one: which of these is
/// shorter is a matter of hosts, not of links.
std::uint32_t quantised(Duration round_trip) {
  const auto us = static_cast<std::uint64_t>(std::max(round_trip / microseconds(1), Duration::rep{1'000}));
  const std::uint64_t step = std::max<std::uint64_t>(500, std::bit_floor(us) / 16);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>((us + step / 2) / step * step, kRttUsMax));
}

}  // namespace

bool DampedFact::follow(std::uint32_t value, std::uint32_t least, Duration patience, MonoTime now) {
  const bool higher = value > said_;
  const std::uint32_t difference = higher ? value - said_ : said_ - value;
  if (difference < std::max(said_ / 5, least)) {
    differs_since_ = MonoTime::max();
    return false;
  }
  if (differs_since_ == MonoTime::max() || higher != higher_) {
    differs_since_ = now;
    higher_ = higher;
  }
  if (now - differs_since_ < patience) return false;
  say(value);
  return true;
}

void LinkMeter::begin(Duration round_trip, MonoTime now) {
  samples_.clear();
  looks_.clear();
  sent_before_ = resent_before_ = 0;
  begun_ = now;
  smoothed_ = least_ = round_trip;
  variation_ = round_trip / 2;
  samples_.push_back({now, round_trip});
  rtt_us_.say(quantised(round_trip));
  changed_ = true;
}

// ---- the round trip --------------------------------------------------------------------------------------

/// What waits here for the link is measured with it.
bool LinkMeter::is_queueing(MonoTime now) const {
  return blocked_ > kBlockedMost || (skipped_at_ != MonoTime{} && now - skipped_at_ < kQueueTime);
}

void LinkMeter::round_trip(Duration sample, MonoTime now) {
  const Duration off = sample > smoothed_ ? sample - smoothed_ : smoothed_ - sample;
  variation_ += (off - variation_) / 4;
  smoothed_ += (sample - smoothed_) / 8;
  least_ = std::min(least_, sample);
  if (is_queueing(now) && quantised(sample) > rtt_us_.said()) return;
  samples_.push_back({now, sample});
  say_round_trip(now);
}

void LinkMeter::say_round_trip(MonoTime now) {
  while (now - samples_.front().at > kPatience) samples_.pop_front();
  const std::uint32_t least = quantised(std::ranges::min(samples_, {}, &Sample::round_trip).round_trip);
  // The least has been longer for as long as samples go back.
  const bool longer_for_long = least > rtt_us_.said() && now - begun_ >= kPatience;
  changed_ = rtt_us_.follow(least, kRttUsLeast, longer_for_long ? Duration{} : kPatience, now) || changed_;
}

// ---- loss ------------------------------------------------------------------------------------------------

void LinkMeter::segments(std::uint64_t sent, std::uint64_t resent) {
  if (sent < sent_before_ || resent < resent_before_) return;
  sent_ += static_cast<double>(sent - sent_before_);
  resent_ += static_cast<double>(resent - resent_before_);
  sent_before_ = sent;
  resent_before_ = resent;
  const double excess = sent_ / kSegmentsMost;
  if (excess <= 1) return;
  sent_ /= excess;
  resent_ /= excess;
}

double LinkMeter::loss() const { return sent_ < kSegmentsLeast ? -1 : std::min(resent_ / sent_, 1.0); }

// ---- whether it keeps up ---------------------------------------------------------------------------------

void LinkMeter::look(const Counts& counts, MonoTime now) {
  const bool skipped = !looks_.empty() && counts.frames_skipped > looks_.back().counts.frames_skipped;
  while (!looks_.empty() && now - looks_.front().at > kThroughputTime + kInterval / 2) looks_.pop_front();
  looks_.push_back({now, counts});
  const Look& first = looks_.front();
  const double elapsed = std::chrono::duration<double>(now - first.at).count();
  if (elapsed > 0) {
    const double bits = static_cast<double>(counts.bytes_out - first.counts.bytes_out) * 8;
    carries_kbps_ = static_cast<std::uint32_t>(std::min(bits / elapsed / 1'000, 4e9));
    blocked_ = std::chrono::duration<double>(counts.blocked - first.counts.blocked).count() / elapsed;
  }
  if (skipped) {
    note_skip(now);
  } else if (could_carry_kbps_ != 0) {
    could_carry_kbps_ = std::max(could_carry_kbps_, carries_kbps_);
  }
  if (std::uint64_t{carries_kbps_} * 2 >= could_carry_kbps_) used_at_ = now;
  if (could_carry_kbps_ != 0 && now >= remembered_until()) {
    could_carry_kbps_ = 0;
    forgotten_at_ = now;
  }
  const double loss_now = loss();
  if (loss_now >= 0) {
    changed_ = loss_.follow(static_cast<std::uint32_t>(std::lround(loss_now * kLossMax)), kLossLeast,
                            kPatience, now) ||
               changed_;
  }
  const std::uint32_t said = could_carry_said_.said();
  const bool at_once = said == 0 || could_carry_kbps_ < said;
  changed_ = could_carry_said_.follow(could_carry_kbps_, kKbpsLeast, at_once ? Duration{} : kPatience, now) ||
             changed_;
  const bool limited = could_carry_said_.said() != 0;
  changed_ = carries_said_.follow(limited ? carries_kbps_ : 0, kKbpsLeast,
                                  said == 0 || !limited ? Duration{} : kPatience, now) ||
             changed_;
}

void LinkMeter::note_skip(MonoTime now) {
  if (skipped_at_ == MonoTime{} || now - skipped_at_ > kSkipMemory) skips_since_ = now;
  skipped_at_ = now;
  if (now - skips_since_ < kSkipsApart) return;
  if (could_carry_kbps_ == 0) {
    const bool proved_again = forgotten_at_ != MonoTime{} && now - forgotten_at_ < trust_ * kUsedMemory;
    trust_ = proved_again ? std::min(2 * trust_, kTrustMost) : 1;
    could_carry_kbps_ = ~std::uint32_t{0};
  }
  could_carry_kbps_ = std::clamp(carries_kbps_, kKbpsLeast, could_carry_kbps_);
  proved_at_ = used_at_ = now;
}

MonoTime LinkMeter::remembered_until() const {
  return std::min(used_at_ + trust_ * kUnusedMemory, proved_at_ + trust_ * kUsedMemory);
}

LinkFacts LinkMeter::facts() const {
  return {rtt_us_.said(), static_cast<std::uint16_t>(loss_.said()), could_carry_said_.said(),
          carries_said_.said()};
}

}  // namespace ott
