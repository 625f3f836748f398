#include "media/rtp_frames.h"

#include <algorithm>
#include <utility>

#include "ott/bytes.h"

namespace ott {

RtpFrames::RtpFrames(std::string name, const Flow& flow, InputSink& sink)
    : name_(std::move(name)), sink_(sink), receiver_(flow.payload_type) {
  begin(flow);
}

void RtpFrames::begin(const Flow& flow) {
  past_ = packets();
  receiver_ = RtpReceiver(flow.payload_type);
  depacketizer_ = RtpJpegDepacketizer(flow.payload_type);
  if (flow.size) depacketizer_.set_size(*flow.size);
  begun_.reset();
}

void RtpFrames::push(ByteSpan packet, Now now) {
  receiver_.push(packet, now);
  step(now);
}

std::optional<RtcpPacket> RtpFrames::push_rtcp(ByteSpan packet) {
  auto parsed = parse_rtcp(packet);
  if (!parsed) return std::nullopt;
  const bool ends = std::ranges::any_of(parsed->byes, [this](auto ssrc) { return receiver_.on_bye(ssrc); });
  return ends ? std::optional(std::move(*parsed)) : std::nullopt;
}

void RtpFrames::step(Now now) {
  while (const auto ordered = receiver_.next(now.mono)) take(*ordered);
}

void RtpFrames::take(const RtpReceiver::Ordered& ordered) {
  if (ordered.first) {
    ++senders_;
    depacketizer_.reset();
    begun_.reset();
  }
  const auto timestamp = load_be<std::uint32_t>(ordered.packet.data() + 4);  // RFC 3550, section 5.1
  if (!begun_ || timestamp != timestamp_) begun_ = ordered.arrived;
  timestamp_ = timestamp;
  const std::uint64_t broken = depacketizer_.frames_broken();
  const auto jpeg = depacketizer_.push(ordered.packet);
  incomplete_ += depacketizer_.frames_broken() - broken;
  if (!jpeg) return sink_.refuse(name_ + ": " + jpeg.error().message, ordered.arrived);
  if (!*jpeg) return;
  ++frames_;
  sink_.push({.bytes = **jpeg, .arrived = *begun_, .media_time = timestamp, .place = name_});
  begun_.reset();
}

InputFigures RtpFrames::figures(std::uint64_t refused) const {
  const RtpReceiver::Counters counted = packets();
  return {{"frames_incomplete", incomplete_},
          {"packets", counted.packets},
          {"packets_lost", counted.lost},
          {"packets_late", counted.late},
          {"packets_duplicate", counted.duplicates},
          {"packets_refused", counted.malformed + counted.wrong_type + counted.strange + refused}};
}

}  // namespace ott
