#include "media/packet_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ott/framer.h"

namespace ott {
namespace {

/// Below what all records of a frame may have, with their headers.
constexpr std::size_t kUnitBytesMax = kFrameBytesMax / 2;
constexpr std::size_t kUnitPacketsMax = 32'768;

}  // namespace

PacketFrames::PacketFrames(std::string name, const MediaFormat& format, std::size_t part, InputSink& sink)
    : RtpFlow(std::move(name), format.payload_type, format.clock_rate, part, sink),
      format_(format),
      payload_(payload_format(format)),
      clock_watch_(format.clock_rate) {}

void PacketFrames::forget() {
  drop_unit();
  clock_watch_.reset();
  waiting_since_.reset();
  if (payload_.inter_coded) waiting_since_ = MonoTime::min();  // since the first packet that comes
  lost_ = false;
}

void PacketFrames::drop_unit() {
  bytes_.clear();
  ends_.clear();
  flaw_.clear();
  held_ = false;
}

void PacketFrames::take(const RtpReceiver::Ordered& ordered) {
  const auto rtp = parse_rtp(ordered.packet);
  if (!rtp) return;  // the receiver has parsed it already
  if (ordered.first) watch_sender(rtp->header, ordered.arrived);
  watch_clock(rtp->header, ordered.arrived);
  take_packet(ordered, rtp->header);
  last_ = rtp->header;
  last_->extension.reset();
}

/// The same sender with another sequence, or another one; that one is told of when it comes.
void PacketFrames::watch_sender(const RtpHeader& header, Now arrived) {
  if (waiting_since_) waiting_since_ = arrived.mono;
  if (senders() == 1 && !is_known_payload(format_)) {
    found(Fault::Unknown,
          fmt::format("the RTP payload format of {} is not known here: viewers begin at any packet",
                      describe(format_)));
  }
  if (last_ && last_->ssrc == header.ssrc) {
    found(Fault::Sequence, fmt::format("its sequence jumps from {} to {}: the sender has begun anew",
                                       last_->sequence, header.sequence));
  }
  last_.reset();
}

/// Where nothing is said for a while, some senders let their clock rest.
void PacketFrames::watch_clock(const RtpHeader& header, Now arrived) {
  if (format_.media != MediaKind::Video && format_.media != MediaKind::Audio) return;
  const auto seen = clock_watch_.look(header.timestamp, arrived.mono);
  if (seen.jump_seconds)
    found(Fault::Time, fmt::format("its RTP time jumps by {:.1f} s", *seen.jump_seconds));
  if (seen.rate) {
    found(Fault::ClockRate,
          fmt::format("its RTP clock runs at {:.0f} Hz, and not at {} as its description says", *seen.rate,
                      format_.clock_rate));
  }
}

void PacketFrames::take_packet(const RtpReceiver::Ordered& ordered, const RtpHeader& header) {
  const std::string_view flaw =
      payload_.flaw_of == nullptr ? std::string_view() : payload_.flaw_of(ordered.packet);
  if (payload_.packet_is_unit) {
    if (!flaw.empty()) {
      std::string what = fmt::format("packet {}: {}", header.sequence, flaw);
      if (!payload_.viewers_mend) return refuse(what, ordered.arrived);
      found(Fault::Payload, std::move(what));
    }
    bytes_.assign(ordered.packet.begin(), ordered.packet.end());
    timestamp_ = header.timestamp;
    begun_ = ordered.arrived;
    const std::array packets = {ByteSpan(bytes_)};
    return give_out(packets, ordered.arrived);
  }
  const bool gap = last_ && static_cast<std::uint16_t>(last_->sequence + 1) != header.sequence;
  if (gap) {
    // Either the end of the unit under way is missing, or the beginning of this one, or both.
    if (!ends_.empty() && timestamp_ != header.timestamp) {
      flaw_ = fmt::format("packets from {} on are missing", static_cast<std::uint16_t>(last_->sequence + 1));
      complete(ordered.arrived);
    }
    flaw_ = fmt::format("packets before {} are missing", header.sequence);
  } else if (!ends_.empty() && timestamp_ != header.timestamp && !held_) {
    complete(ordered.arrived);
  }
  if (!flaw.empty() && flaw_.empty()) flaw_ = fmt::format("packet {}: {}", header.sequence, flaw);
  add(ordered.packet, header, ordered.arrived);
  markers_ = markers_ || header.marker;
  if (header.marker) complete(ordered.arrived);
}

void PacketFrames::add(ByteSpan packet, const RtpHeader& header, Now arrived) {
  if (ends_.empty() || held_) begun_ = arrived;
  held_ = false;
  timestamp_ = header.timestamp;
  last_at_ = arrived.mono;
  if (bytes_.size() + packet.size() > kUnitBytesMax || ends_.size() >= kUnitPacketsMax) {
    flaw_ = fmt::format("a frame of more than {} bytes, or {} packets", kUnitBytesMax, kUnitPacketsMax);
    bytes_.clear();
    ends_.clear();
  }
  bytes_.insert(bytes_.end(), packet.begin(), packet.end());
  ends_.push_back(bytes_.size());
}

void PacketFrames::complete(Now now) {
  if (!flaw_.empty()) {
    ++incomplete_;
    refuse(fmt::format("frame at RTP time {}: {}", timestamp_, flaw_), now);
    if (payload_.inter_coded) waiting_since_ = now.mono;
    lost_ = true;
    return drop_unit();
  }
  packets_.clear();
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    packets_.push_back(ByteSpan(bytes_).subspan(begin, ends_[i] - begin));
  }
  held_ = payload_.is_preamble != nullptr && payload_.is_preamble(packets_);
  if (held_) return;
  give_out(packets_, now);
  drop_unit();
}

void PacketFrames::give_out(RtpPackets packets, Now now) {
  const bool sync_point = payload_.is_sync_point(packets);
  if (waiting_since_ && !sync_point && now.mono < *waiting_since_ + kSyncWaitMax) {
    ++before_sync_;
    if (lost_)
      found(Fault::Loss,
            "packets were lost: frames are left out up to the next one where decoding can begin");
    return;
  }
  waiting_since_.reset();
  lost_ = false;
  push_unit({.packets = packets, .arrived = begun_, .media_time = timestamp_, .sync_point = sync_point});
}

MonoTime PacketFrames::own_deadline() const {
  return ends_.empty() || held_ || markers_ ? MonoTime::max() : last_at_ + kUnmarkedMax;
}

void PacketFrames::on_time(Now now) {
  if (now.mono >= own_deadline()) complete(now);
}

InputFigures PacketFrames::figures(std::uint64_t refused) const {
  InputFigures all = RtpFlow::figures(refused);
  all.emplace_back("frames_before_sync_point", before_sync_);
  return all;
}

}  // namespace ott
