#include "media/rtp_frames.h"

#include <utility>

#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint32_t kClockRate = 90'000;  // RFC 2435, section 3.1

}  // namespace

RtpFrames::RtpFrames(std::string name, const Flow& flow, InputSink& sink)
    : RtpFlow(std::move(name), flow.payload_type, kClockRate, flow.part, sink),
      depacketizer_(flow.payload_type) {
  if (flow.size) depacketizer_.set_size(*flow.size);
}

void RtpFrames::forget() {
  depacketizer_.reset();
  begun_.reset();
}

void RtpFrames::take(const RtpReceiver::Ordered& ordered) {
  const auto timestamp = load_be<std::uint32_t>(ordered.packet.data() + 4);  // RFC 3550, section 5.1
  if (!begun_ || timestamp != timestamp_) begun_ = ordered.arrived;
  timestamp_ = timestamp;
  const std::uint64_t broken = depacketizer_.frames_broken();
  const auto jpeg = depacketizer_.push(ordered.packet);
  incomplete_ += depacketizer_.frames_broken() - broken;
  if (!jpeg) return refuse(jpeg.error().message, ordered.arrived);
  if (!*jpeg) return;
  push_unit({.bytes = **jpeg, .arrived = *begun_, .media_time = timestamp});
  begun_.reset();
}

}  // namespace ott
