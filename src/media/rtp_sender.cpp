#include "media/rtp_sender.h"

#include <algorithm>
#include <utility>

#include "media/rtcp.h"
#include "ott/assert.h"

namespace ott {
namespace {

/// Whole seconds apart, since nanoseconds times 90,000 leave 64 bits after 28 hours.
std::int64_t ticks_90khz(Duration time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return seconds.count() * 90'000 + (time - seconds).count() * 9 / 100'000;
}

}  // namespace

Result<RtpFramePtr> make_rtp_frame(FramePtr frame) {
  auto image = parse_jpeg(frame->bytes);
  if (!image) return tl::unexpected<Error>(std::move(image.error()));
  if (!image->carriable())
    return fail("RTP carries no such JPEG: " + std::string(to_string(image->obstacle)));
  // The EOI goes along, as it may (RFC 2435, section 3.1.9): GStreamer up to 1.22 takes a scan that ends with
  // 0xD9, or with 0xFF and a stuffed zero, for one that has it, and writes a JPEG without an end.
  if (!image->cut_off) image->scan = ByteSpan(frame->bytes).first(image->bytes).last(image->scan.size() + 2);
  if (image->scan.empty() || image->scan.size() > kJpegScanBytesMax)
    return fail("RTP carries no JPEG of " + std::to_string(frame->bytes.size()) + " bytes");
  return std::make_shared<const RtpFrame>(RtpFrame{std::move(frame), *image});
}

RtpSender::RtpSender(const RtpFields& first, std::string cname, Pace pace)
    : fields_(first), cname_(std::move(cname)), pace_(pace), packet_(kRtpDatagramBytesMax) {}

void RtpSender::push(RtpFramePtr frame, Now now) {
  // A pause is no interval.
  constexpr Duration kIntervalMax = std::chrono::seconds(1);
  if (last_pushed_ && now.mono - *last_pushed_ <= kIntervalMax) {
    const Duration interval = now.mono - *last_pushed_;
    interval_ = interval_ == Duration{} ? interval : interval_ + (interval - interval_) / 8;
  }
  last_pushed_ = now.mono;
  if (packets_ || waiting_ != nullptr) {
    if (waiting_ != nullptr) ++frames_skipped_;
    waiting_ = std::move(frame);
  } else {
    begin(std::move(frame), now);
  }
}

void RtpSender::clear() {
  frames_skipped_ += (packets_ ? 1U : 0U) + (waiting_ != nullptr ? 1U : 0U);
  packets_.reset();
  current_.reset();
  waiting_.reset();
}

void RtpSender::begin(RtpFramePtr frame, Now now) {
  set_timestamp(*frame->frame);
  current_ = std::move(frame);
  packets_.emplace(current_->image, kRtpDatagramBytesMax);
  began_ = now.mono;
  spread_ = pace_ == Pace::Spread ? std::min(interval_ / 2, kSpreadMax) : Duration{};
  packet_number_ = 0;
}

void RtpSender::set_timestamp(const Frame& frame) {
  if (last_) {
    const std::int64_t passed = ticks_90khz(frame.arrived.mono - last_->arrived);
    const auto step = static_cast<std::int32_t>(frame.media_time - last_->media_time);
    const bool follows = continues_ && step > 0 && std::abs(step - passed) <= ticks_90khz(kClockJump);
    fields_.timestamp += static_cast<std::uint32_t>(follows ? step : std::max<std::int64_t>(passed, 1));
  }
  continues_ = true;
  last_ = Sent{frame.media_time, frame.source_time, frame.arrived.mono};
}

MonoTime RtpSender::due() const {
  if (waiting_ != nullptr) return began_;  // the next frame is here
  const auto count = static_cast<std::int64_t>(packets_->packet_count());
  return began_ + spread_ * static_cast<std::int64_t>(packet_number_) / count;
}

ByteSpan RtpSender::next(Now now) {
  if (!packets_ && waiting_ != nullptr) begin(std::exchange(waiting_, nullptr), now);
  if (!packets_ || due() > now.mono) return {};
  const std::size_t bytes = packets_->next(packet_, fields_);
  const ByteSpan packet = ByteSpan(packet_).first(bytes);
  const auto parsed = parse_rtp(packet);
  OTT_ASSERT(parsed);
  octets_sent_ += static_cast<std::uint32_t>(parsed->payload.size());
  ++packets_sent_;
  ++packet_number_;
  ++fields_.sequence;
  if (packets_->done()) {
    ++frames_sent_;
    packets_.reset();
    current_.reset();
  }
  return packet;
}

MonoTime RtpSender::next_deadline() const {
  if (packets_) return due();
  return waiting_ != nullptr ? MonoTime::min() : MonoTime::max();
}

std::vector<std::uint8_t> RtpSender::report(Now now) const {
  RtcpPacket packet;
  packet.ssrc = fields_.ssrc;
  packet.cname = cname_;
  if (last_) {
    // Both clocks go on from that frame. The origin's may differ from this host's.
    const Duration since = now.mono - last_->arrived;
    packet.sender = RtcpSenderInfo{ntp_time(last_->source_time + since),
                                   fields_.timestamp + static_cast<std::uint32_t>(ticks_90khz(since)),
                                   packets_sent_, octets_sent_};
  }
  return write_rtcp(packet);
}

std::vector<std::uint8_t> RtpSender::bye(Now now) const {
  auto packet = parse_rtcp(report(now));
  OTT_ASSERT(packet);
  packet->byes = {fields_.ssrc};
  return write_rtcp(*packet);
}

}  // namespace ott
