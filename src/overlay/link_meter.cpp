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
/// And while feeds skip.
constexpr Duration kSkippingTime = seconds(1);
/// Skips that are further apart have nothing to do with each other; those that are closer are one.
constexpr Duration kSkipMemory = seconds(30);
constexpr Duration kSkipsApart = seconds(1);
/// For how long round trips after a skip are those of a queue.
constexpr Duration kQueueTime = seconds(2);
/// A round trip that became longer so shortly before a link did not keep up was that of its queue.
constexpr Duration kQueueGrows = seconds(10);
constexpr double kBlockedMost = 0.8;
constexpr Duration kUnusedMemory = minutes(1);
constexpr Duration kUsedMemory = minutes(20);
constexpr unsigned kTrustMost = 8;

/// To a sixteenth of its size, and half a millisecond. All below a millisecond are one: which of these is
/// shorter is a matter of hosts, not of links.
std::uint32_t quantised(Duration round_trip) {
  const auto us = static_cast<std::uint64_t>(std::max(round_trip / microseconds(1), Duration::rep{1'000}));
  const std::uint64_t step = std::max<std::uint64_t>(500, std::bit_floor(us) / 16);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>((us + step / 2) / step * step, kRttUsMax));
}

/// By how much a measurement must differ from what is said.
std::uint32_t a_fifth_of(std::uint32_t said, std::uint32_t least) { return std::max(said / 5, least); }

}  // namespace

bool DampedFact::follow(std::uint32_t value, std::uint32_t threshold, Duration patience, MonoTime now) {
  const bool higher = value > said_;
  const std::uint32_t difference = higher ? value - said_ : said_ - value;
  if (difference < std::max(threshold, 1U)) {
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
  is_first_ = true;
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
  if ((peer_queues_ || is_queueing(now)) && quantised(sample) > rtt_us_.said()) return;
  samples_.push_back({now, sample});
  say_round_trip(now);
}

void LinkMeter::say_round_trip(MonoTime now) {
  while (now - samples_.front().at > kPatience) samples_.pop_front();
  const std::uint32_t least = quantised(std::ranges::min(samples_, {}, &Sample::round_trip).round_trip);
  // The least has been longer for as long as samples go back.
  const std::uint32_t before = rtt_us_.said();
  if (is_first_ && now - begun_ >= kPatience) {
    is_first_ = false;
    if (least + std::max(before / 10, kRttUsLeast) <= before) {
      rtt_us_.say(least);
      changed_ = true;
      return;
    }
  }
  const bool longer_for_long = least > before && now - samples_.front().at > kPatience - 2 * kInterval;
  if (!rtt_us_.follow(least, a_fifth_of(before, kRttUsLeast), longer_for_long ? Duration{} : kPatience, now))
    return;
  changed_ = true;
  if (least < before) return;
  if (now - longer_at_ >= kQueueGrows) shorter_us_ = before;
  longer_at_ = now;
  // With hardly anything on it, the link has no queue: it did not keep up because it became longer. Some
  // congestion controls take ten seconds to notice that (BBR, draft-ietf-ccwg-bbr). If it does not keep up
  // again, that is not why.
  if (could_carry_kbps_ != 0 && carries_kbps_ < could_carry_kbps_ / 2 && trust_ == 1) {
    forget_limit(now);
    longer_at_ = MonoTime{};
  }
}

void LinkMeter::forget_limit(MonoTime now) {
  could_carry_kbps_ = 0;
  forgotten_at_ = now;
}

void LinkMeter::set_peer_queues(bool queues, MonoTime now) {
  if (queues && !peer_queues_) forget_queue(now);
  peer_queues_ = queues;
}

/// The link does not keep up, as is known now.
void LinkMeter::forget_queue(MonoTime now) {
  if (longer_at_ == MonoTime{} || now - longer_at_ >= kQueueGrows || shorter_us_ >= rtt_us_.said()) return;
  rtt_us_.say(shorter_us_);
  samples_.clear();
  changed_ = true;
}

// ---- loss ------------------------------------------------------------------------------------------------

void LinkMeter::segments(std::uint64_t sent, std::uint64_t resent, MonoTime now) {
  if (sent < sent_before_ || resent < resent_before_) return;
  const auto newly_sent = static_cast<double>(sent - std::exchange(sent_before_, sent));
  const auto newly_resent = static_cast<double>(resent - std::exchange(resent_before_, resent));
  if (is_queueing(now)) return;
  sent_ += newly_sent;
  resent_ += newly_resent;
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
  if (now > first.at) {
    carries_kbps_ = kbps_since(first);
    blocked_ = static_cast<double>((counts.blocked - first.counts.blocked).count()) /
               static_cast<double>((now - first.at).count());
  }
  if (skipped) {
    note_skip(now);
  } else if (could_carry_kbps_ != 0) {
    could_carry_kbps_ = std::max(could_carry_kbps_, carries_kbps_);
  }
  if (std::uint64_t{carries_kbps_} * 2 >= could_carry_kbps_) used_at_ = now;
  if (could_carry_kbps_ != 0 && now >= remembered_until()) forget_limit(now);
  const double loss_now = loss();
  if (loss_now >= 0) {
    const auto loss = static_cast<std::uint32_t>(std::lround(loss_now * kLossMax));
    changed_ = loss_.follow(loss, a_fifth_of(loss_.said(), kLossLeast), kPatience, now) || changed_;
  }
  // Whoever shares a link out among streams needs both to a twentieth of it, and soon: if it turns out to
  // carry more, nobody else has to leave it.
  const std::uint32_t said = could_carry_said_.said();
  const bool at_once = said == 0 || could_carry_kbps_ < said;
  const std::uint32_t share = std::max(could_carry_kbps_ / 20, kKbpsLeast / 2);
  const Duration proof = could_carry_kbps_ == 0 ? kPatience : kThroughputTime / 2;
  changed_ =
      could_carry_said_.follow(could_carry_kbps_, share, at_once ? Duration{} : proof, now) || changed_;
  const bool limited = could_carry_said_.said() != 0;
  const Duration patience = said == 0 || !limited ? Duration{} : kThroughputTime / 2;
  changed_ = carries_said_.follow(limited ? carries_kbps_ : 0, share, patience, now) || changed_;
}

std::uint32_t LinkMeter::kbps_since(const Look& look) const {
  const double bits = static_cast<double>(looks_.back().counts.bytes_out - look.counts.bytes_out) * 8;
  const double elapsed = std::chrono::duration<double>(looks_.back().at - look.at).count();
  return static_cast<std::uint32_t>(std::min(bits / elapsed / 1'000, 4e9));
}

void LinkMeter::note_skip(MonoTime now) {
  if (skipped_at_ == MonoTime{} || now - skipped_at_ > kSkipMemory) skips_since_ = now;
  skipped_at_ = now;
  if (now - skips_since_ < kSkipsApart) return;
  const auto since = std::ranges::find_if(
      looks_, [now](const Look& look) { return now - look.at <= kSkippingTime + kInterval / 2; });
  const std::uint32_t carried = std::max(kbps_since(*since), kKbpsLeast);
  if (could_carry_kbps_ == 0) {
    const bool proved_again = forgotten_at_ != MonoTime{} && now - forgotten_at_ < trust_ * kUsedMemory;
    trust_ = proved_again ? std::min(2 * trust_, kTrustMost) : 1;
    could_carry_kbps_ = carried;
    forget_queue(now);
    sent_ = resent_ = 0;
  } else {
    could_carry_kbps_ = could_carry_kbps_ - could_carry_kbps_ / 4 + carried / 4;
  }
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
