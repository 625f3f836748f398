#include "media/rtp_flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "media/packet_frames.h"
#include "media/rtp_frames.h"
#include "ott/text.h"

namespace ott {

RtpFlow::RtpFlow(std::string name, std::uint8_t payload_type, std::uint32_t clock_rate, std::size_t part,
                 InputSink& sink)
    : name_(std::move(name)),
      clock_rate_(clock_rate),
      part_(part),
      sink_(sink),
      receiver_(payload_type, clock_rate) {}

void RtpFlow::begin_anew() {
  past_ = packets();
  receiver_ = RtpReceiver(receiver_.payload_type(), clock_rate_);
  clocks_.clear();
  forget();
}

void RtpFlow::push(ByteSpan packet, Now now) {
  receiver_.push(packet, now);
  step(now);
}

std::optional<RtcpPacket> RtpFlow::push_rtcp(ByteSpan packet) {
  auto parsed = parse_rtcp(packet);
  if (!parsed) return std::nullopt;
  if (parsed->sender) keep({parsed->ssrc, parsed->sender->ntp, parsed->sender->rtp_timestamp});
  const bool ends = std::ranges::any_of(parsed->byes, [this](auto ssrc) { return receiver_.on_bye(ssrc); });
  return ends ? std::optional(std::move(*parsed)) : std::nullopt;
}

/// A report may come before the packets by which its sender is known.
void RtpFlow::keep(const SenderClock& clock) {
  const auto same = std::ranges::find(clocks_, clock.ssrc, &SenderClock::ssrc);
  if (same != clocks_.end()) {
    *same = clock;
    return;
  }
  if (clocks_.size() == kClocksMax) {
    const auto strange = std::ranges::find_if(
        clocks_, [this](const SenderClock& one) { return receiver_.ssrc() != one.ssrc; });
    clocks_.erase(strange);
  }
  clocks_.push_back(clock);
}

void RtpFlow::step(Now now) {
  while (const auto ordered = receiver_.next(now.mono)) {
    if (ordered->first) {
      ++senders_;
      forget();
    }
    take(*ordered);
  }
  on_time(now);
}

MonoTime RtpFlow::next_deadline() const { return std::min(receiver_.next_deadline(), own_deadline()); }

std::optional<WallTime> RtpFlow::instant_of(std::uint32_t timestamp) const {
  const auto followed = receiver_.ssrc();
  const auto clock = std::ranges::find_if(
      clocks_, [&](const SenderClock& one) { return followed && one.ssrc == *followed; });
  if (clock == clocks_.end()) return std::nullopt;
  const std::int64_t ticks = static_cast<std::int32_t>(timestamp - clock->timestamp);
  const std::int64_t seconds = ticks / clock_rate_;
  const std::int64_t rest = ticks % clock_rate_;
  return wall_time(clock->ntp) + std::chrono::seconds(seconds) + Duration(rest * 1'000'000'000 / clock_rate_);
}

void RtpFlow::push_unit(AccessUnit unit) {
  ++frames_;
  unit.part = part_;
  unit.instant = unit.media_time ? instant_of(*unit.media_time) : std::nullopt;
  unit.place = name_;
  sink_.push(unit);
}

void RtpFlow::found(Fault fault, std::string what) {
  Found& one = faults_.at(static_cast<std::size_t>(fault));
  ++one.count;
  one.what = std::move(what);
}

std::vector<std::string> RtpFlow::take_warnings(Now now) {
  std::vector<std::string> said;
  for (Found& one : faults_) {
    const std::uint64_t count = one.warning.due(one.count, now);
    if (count == 0) continue;
    const std::string more = count < one.count ? fmt::format(" ({})", counted(count, "more time")) : "";
    said.push_back(fmt::format("{}: {}{}", name_, one.what, more));
  }
  return said;
}

InputFigures RtpFlow::figures(std::uint64_t refused) const {
  const RtpReceiver::Counters counted = packets();
  return {{"frames_incomplete", incomplete_},
          {"packets", counted.packets},
          {"packets_lost", counted.lost},
          {"packets_late", counted.late},
          {"packets_duplicate", counted.duplicates},
          {"packets_refused", counted.malformed + counted.wrong_type + counted.strange + refused}};
}

std::unique_ptr<RtpFlow> make_rtp_flow(std::string name, const RtpPart& part, std::size_t index,
                                       InputSink& sink) {
  if (part.format.is_jpeg()) {
    const RtpFrames::Flow flow{part.payload_type, part.size, index};
    return std::make_unique<RtpFrames>(std::move(name), flow, sink);
  }
  return std::make_unique<PacketFrames>(std::move(name), part.format, index, sink);
}

}  // namespace ott
