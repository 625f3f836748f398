#include "media/rtp_frames.h"

#include <utility>

#include "media/rtcp.h"
#include "ott/bytes.h"

namespace ott {

RtpFrames::RtpFrames(Flow flow, InputSink& sink)
    : name_(std::move(flow.name)),
      sink_(sink),
      receiver_(flow.payload_type),
      depacketizer_(flow.payload_type) {
  if (flow.size) depacketizer_.set_size(*flow.size);
}

void RtpFrames::push(ByteSpan packet, Now now) {
  receiver_.push(packet, now);
  step(now);
}

void RtpFrames::push_rtcp(ByteSpan packet) {
  const auto parsed = parse_rtcp(packet);
  if (!parsed) return;
  for (const std::uint32_t ssrc : parsed->byes) receiver_.on_bye(ssrc);
}

void RtpFrames::step(Now now) {
  while (const auto ordered = receiver_.next(now.mono)) take(*ordered);
}

void RtpFrames::take(const RtpReceiver::Ordered& ordered) {
  if (ordered.first) depacketizer_.reset();
  const auto frame = depacketizer_.push(ordered.packet);
  if (!frame) return sink_.refuse(name_ + ": " + frame.error().message, ordered.arrived);
  if (!*frame) return;
  ++frames_;
  AccessUnit unit{.bytes = **frame, .arrived = ordered.arrived};
  unit.media_time = load_be<std::uint32_t>(ordered.packet.data() + 4);  // RFC 3550, section 5.1
  unit.place = name_;
  sink_.push(unit);
}

}  // namespace ott
