#include "media/rtp_receiver.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ott/assert.h"

namespace ott {
namespace {

/// How far a sequence number may be ahead of the last one and still be of the same run (RFC 3550, appendix
/// A.1: MAX_DROPOUT). Behind it, what may wait is the measure: a sender of large pictures is reordered by
/// more than the 100 packets that are given there.
constexpr std::int64_t kDropoutMax = 3'000;

}  // namespace

std::int64_t RtpReceiver::Source::extend(std::uint16_t sequence) const {
  const auto distance = static_cast<std::int16_t>(sequence - static_cast<std::uint16_t>(highest));
  return highest + distance;
}

void RtpReceiver::Source::begin(std::uint32_t its_ssrc, std::uint16_t sequence) {
  *this = Source{};
  known = true;
  ssrc = its_ssrc;
  next = highest = kFirst + sequence;
}

bool RtpReceiver::Source::hold(std::int64_t number, ByteSpan packet, Now now) {
  const auto [at, is_new] = waiting.try_emplace(number);
  if (!is_new) return false;
  at->second = {{packet.begin(), packet.end()}, now};
  waiting_bytes += packet.size();
  return true;
}

std::vector<std::uint8_t> RtpReceiver::Source::take_first() {
  std::vector<std::uint8_t> bytes = std::move(waiting.begin()->second.bytes);
  waiting_bytes -= bytes.size();
  waiting.erase(waiting.begin());
  return bytes;
}

void RtpReceiver::Source::skip_to(std::int64_t number) {
  for (; next < number; ++next) came.reset(static_cast<std::size_t>(next) % kHistory);
}

void RtpReceiver::Source::measure(const RtpHeader& header, std::uint32_t clock_rate, Now now) {
  // Only differences count, so any origin of the local clock will do.
  const auto ns = static_cast<std::uint64_t>(now.mono.time_since_epoch().count());
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const std::uint64_t local = ns / kSecond * clock_rate + ns % kSecond * clock_rate / kSecond;
  const std::uint32_t at = static_cast<std::uint32_t>(local) - header.timestamp;
  if (transit) {
    const double difference = std::abs(static_cast<double>(static_cast<std::int32_t>(at - *transit)));
    jitter += (difference - jitter) / 16;
  }
  transit = at;
}

void RtpReceiver::push(ByteSpan packet, Now now) {
  OTT_ASSERT(!direct_);
  const auto parsed = parse_rtp(packet);
  if (!parsed) {
    ++counters_.malformed;
    return;
  }
  const RtpHeader& header = parsed->header;
  if (header.payload_type != payload_type_) {
    ++counters_.wrong_type;
  } else if (source_.known && header.ssrc == source_.ssrc) {
    take(header, packet, now);
  } else {
    consider(header, packet, now);
  }
}

void RtpReceiver::take(const RtpHeader& header, ByteSpan packet, Now now) {
  const std::int64_t number = source_.extend(header.sequence);
  if (number > source_.highest + kDropoutMax ||
      number < source_.highest - static_cast<std::int64_t>(kWaitingMax)) {
    return consider(header, packet, now);
  }
  if (number < source_.next) return take_old(number, header, packet, now);
  if (number == source_.next) {
    direct_ = Ordered{packet, now};
  } else if (!source_.hold(number, packet, now)) {
    ++counters_.duplicates;
    return;
  }
  source_.highest = std::max(source_.highest, number);
  source_.heard = now.mono;
  source_.ended = false;
  source_.measure(header, clock_rate_, now);
}

/// A duplicate or a late one; or of a sender that has begun anew at a number that is just before.
void RtpReceiver::take_old(std::int64_t number, const RtpHeader& header, ByteSpan packet, Now now) {
  const bool remembered = source_.next - number <= static_cast<std::int64_t>(kHistory);
  const bool has_come = remembered && source_.came.test(static_cast<std::size_t>(number) % kHistory);
  ++(has_come ? counters_.duplicates : counters_.late);
  if (now.mono - source_.heard >= kSilence) consider(header, packet, now);
}

/// Of another sender than the one that is followed, or of the same one after a jump.
void RtpReceiver::consider(const RtpHeader& header, ByteSpan packet, Now now) {
  Source& candidate = candidate_;
  const std::int64_t number = candidate.extend(header.sequence);
  const bool is_candidates = candidate.known && candidate.ssrc == header.ssrc && number >= candidate.next &&
                             number <= candidate.highest + kDropoutMax;
  if (is_candidates) {
    if (!candidate.hold(number, packet, now)) ++counters_.duplicates;
    candidate.highest = std::max(candidate.highest, number);
  } else {
    const bool is_taken =
        candidate.known && candidate.ssrc != header.ssrc && now.mono - candidate.heard < kSilence;
    if (is_taken) {
      ++counters_.strange;
      return;
    }
    if (!prove(header, packet, now)) return;
  }
  candidate.heard = now.mono;
  candidate.measure(header, clock_rate_, now);
  while (candidate.full()) {
    candidate.take_first();
    ++counters_.strange;
    candidate.next = candidate.waiting.begin()->first;
  }
  if (!may_follow(now.mono)) return;
  if (source_.known) ++counters_.restarts;
  source_ = std::exchange(candidate_, Source{});
  first_ = true;
}

/// Whether the packet's predecessor has come; then both are the candidate's first. If not it is kept itself.
bool RtpReceiver::prove(const RtpHeader& header, ByteSpan packet, Now now) {
  const auto before = std::ranges::find_if(unproven_, [&header](const Unproven& one) {
    return !one.packet.bytes.empty() && one.ssrc == header.ssrc &&
           static_cast<std::uint16_t>(one.sequence + 1) == header.sequence;
  });
  if (before == unproven_.end()) {
    if (!unproven_[oldest_unproven_].packet.bytes.empty()) ++counters_.strange;
    unproven_[oldest_unproven_] = {header.ssrc, header.sequence, {{packet.begin(), packet.end()}, now}};
    oldest_unproven_ = (oldest_unproven_ + 1) % kUnprovenMax;
    return false;
  }
  candidate_.begin(header.ssrc, before->sequence);
  candidate_.hold(candidate_.next, before->packet.bytes, before->packet.arrived);
  candidate_.highest = candidate_.next + 1;
  candidate_.hold(candidate_.highest, packet, now);
  *before = {};
  return true;
}

bool RtpReceiver::may_follow(MonoTime now) const {
  return !source_.known || source_.ended || candidate_.ssrc == source_.ssrc ||
         now - source_.heard >= kSilence;
}

RtpReceiver::Ordered RtpReceiver::hand_out(ByteSpan packet, Now arrived) {
  source_.came.set(static_cast<std::size_t>(source_.next) % kHistory);
  ++source_.next;
  ++counters_.packets;
  return {packet, arrived, std::exchange(first_, false)};
}

std::optional<RtpReceiver::Ordered> RtpReceiver::next(MonoTime now) {
  if (direct_) {
    const Ordered direct = *std::exchange(direct_, std::nullopt);
    return hand_out(direct.packet, direct.arrived);
  }
  if (source_.waiting.empty()) return std::nullopt;
  const std::int64_t number = source_.waiting.begin()->first;
  if (number != source_.next) {
    if (!source_.full() && now < next_deadline()) return std::nullopt;
    counters_.lost += static_cast<std::uint64_t>(number - source_.next);
    source_.skip_to(number);
  }
  const Now arrived = source_.waiting.begin()->second.arrived;
  out_ = source_.take_first();
  return hand_out(out_, arrived);
}

MonoTime RtpReceiver::next_deadline() const {
  if (source_.waiting.empty()) return MonoTime::max();
  return source_.waiting.begin()->second.arrived.mono + kWaitMax;
}

bool RtpReceiver::on_bye(std::uint32_t ssrc) {
  return source_.known && source_.ssrc == ssrc && !std::exchange(source_.ended, true);
}

std::optional<std::uint32_t> RtpReceiver::ssrc() const {
  return source_.known ? std::optional(source_.ssrc) : std::nullopt;
}

}  // namespace ott
