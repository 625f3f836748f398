#include "media/rtp_sender.h"

#include <algorithm>
#include <utility>

#include "media/frames_since_sync.h"
#include "media/rtcp.h"
#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// Whole seconds apart, since nanoseconds times the clock rate leave 64 bits soon.
std::int64_t ticks(Duration time, std::uint32_t clock_rate) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return seconds.count() * clock_rate + (time - seconds).count() * clock_rate / kNsPerSecond;
}

/// From one timestamp to another, at most half of their range away.
Duration time_between(std::uint32_t from, std::uint32_t to, std::uint32_t clock_rate) {
  return Duration(static_cast<std::int32_t>(to - from) * kNsPerSecond / clock_rate);
}

Result<RtpFramePtr> make_packet_frame(FramePtr frame) {
  for (std::size_t i = 0; i < frame->packet_ends.size(); ++i) {
    if (const auto packet = parse_rtp(frame->packet(i)); !packet)
      return fail("packet " + std::to_string(i + 1) + " of a frame: " + packet.error().message);
  }
  return std::make_shared<const RtpFrame>(RtpFrame{std::move(frame), {}});
}

}  // namespace

Result<RtpFramePtr> make_rtp_frame(FramePtr frame) {
  if (!frame->is_jpeg()) return make_packet_frame(std::move(frame));
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

RtpSender::RtpSender(const MediaFormat& format, const RtpFields& first, std::string cname, Pace pace)
    : fields_(first),
      clock_rate_(format.clock_rate),
      pace_(pace),
      is_jpeg_(format.is_jpeg()),
      cname_(std::move(cname)),
      packet_(kRtpDatagramBytesMax) {}

// ---- what waits ------------------------------------------------------------------------------------------

void RtpSender::measure_interval(Now now) {
  // A pause is no interval.
  constexpr Duration kIntervalMax = std::chrono::seconds(1);
  if (last_pushed_ && now.mono - *last_pushed_ <= kIntervalMax) {
    const Duration interval = now.mono - *last_pushed_;
    interval_ = interval_ == Duration{} ? interval : interval_ + (interval - interval_) / 8;
  }
  last_pushed_ = now.mono;
}

void RtpSender::push(RtpFramePtr frame, Now now) {
  measure_interval(now);
  if (awaits_sync_point_ && !frame->frame->sync_point) {
    ++frames_skipped_;
    return;
  }
  awaits_sync_point_ = false;
  if (current_ == nullptr && waiting_.empty()) return begin(std::move(frame), now);
  waiting_bytes_ += frame->frame->bytes.size();
  waiting_.push_back({std::move(frame), now.mono});
  bound_waiting(now);
}

void RtpSender::push_history(const std::vector<FramePtr>& frames, Now now) {
  catching_up_until_ = now.mono + kCatchUpTime;
  continues_ = false;  // after a pause frames may come that were sent before
  for (const FramePtr& frame : frames) {
    if (auto made = make_rtp_frame(frame)) push(std::move(*made), now);
  }
}

void RtpSender::bound_waiting(Now now) {
  if (is_jpeg_ && pace_ == Pace::Spread) return leave_out_waiting(waiting_.size() - 1);
  const bool catches_up = now.mono < catching_up_until_;
  const bool late = pace_ == Pace::AtOnce && !catches_up && now.mono - waiting_.front().since > kLagMax;
  const std::size_t bytes_max = kWaitingBytesMax + (catches_up ? FramesSinceSync::kBytesMax : 0);
  if (waiting_.size() == 1 || (!late && waiting_bytes_ <= bytes_max)) return;
  std::size_t keep_from = waiting_.size() - 1;
  while (keep_from > 0 && !waiting_[keep_from].frame->frame->sync_point) --keep_from;
  awaits_sync_point_ = keep_from == 0;
  leave_out_waiting(awaits_sync_point_ ? waiting_.size() : keep_from);
}

void RtpSender::leave_out_waiting(std::size_t count) {
  for (; count > 0; --count) {
    waiting_bytes_ -= waiting_.front().frame->frame->bytes.size();
    waiting_.pop_front();
    ++frames_skipped_;
  }
}

void RtpSender::change_stream(const MediaFormat& format) {
  leave_out_waiting(waiting_.size());
  clock_rate_ = format.clock_rate;
  is_jpeg_ = format.is_jpeg();
  awaits_sync_point_ = true;
  continues_ = false;
}

void RtpSender::clear() {
  frames_skipped_ += current_ == nullptr ? 0U : 1U;
  packets_.reset();
  current_.reset();
  leave_out_waiting(waiting_.size());
  awaits_sync_point_ = true;
}

// ---- numbers ---------------------------------------------------------------------------------------------

void RtpSender::begin(RtpFramePtr frame, Now now) {
  set_sequence(*frame->frame);
  set_timestamp(*frame->frame);
  current_ = std::move(frame);
  if (current_->frame->is_jpeg()) packets_.emplace(current_->image, kRtpDatagramBytesMax);
  began_ = now.mono;
  spread_ = pace_ == Pace::Spread ? std::min(interval_ / 2, kSpreadMax) : Duration{};
  packet_number_ = 0;
}

/// Gaps in the numbers of packets that came are the source's losses, unless frames are missing here.
void RtpSender::set_sequence(const Frame& frame) {
  if (frame.is_jpeg()) return;
  const std::uint16_t first = parse_rtp(frame.packet(0))->header.sequence;
  if (!last_) {
    fields_.sequence = first;
  } else if (continues_ && frame.number.value == last_->number.value + 1) {
    const auto gap = static_cast<std::uint16_t>(first - last_->last_sequence - 1);
    if (gap <= kSequenceGapMax) fields_.sequence = static_cast<std::uint16_t>(fields_.sequence + gap);
  }
}

void RtpSender::set_timestamp(const Frame& frame) {
  if (!last_) {
    timestamp_offset_ = frame.is_jpeg() ? fields_.timestamp - frame.media_time : 0;
  } else {
    const std::int64_t passed = ticks(frame.arrived.mono - last_->arrived, clock_rate_);
    const auto step = static_cast<std::int32_t>(frame.media_time - last_->media_time);
    // Frames that are not JPEG may come in another order than they are shown in, or several at one time.
    const bool follows = continues_ && (step > 0 || !frame.is_jpeg()) &&
                         std::abs(step - passed) <= ticks(kClockJump, clock_rate_);
    if (!follows) {
      const auto on = static_cast<std::uint32_t>(std::max<std::int64_t>(passed, 1));
      timestamp_offset_ = fields_.timestamp + on - frame.media_time;
      instant_.reset();
    }
  }
  continues_ = true;
  fields_.timestamp = frame.media_time + timestamp_offset_;
  if (frame.instant) instant_ = Instant{frame.media_time, *frame.instant};
  const std::uint16_t last_sequence =
      frame.is_jpeg() ? std::uint16_t{0}
                      : parse_rtp(frame.packet(frame.packet_ends.size() - 1))->header.sequence;
  last_ = Sent{frame.number, frame.media_time, last_sequence, frame.source_time, frame.arrived.mono};
}

std::optional<RtpFields> RtpSender::fields() const {
  return is_jpeg_ || last_ ? std::optional(fields_) : std::nullopt;
}

// ---- packets ---------------------------------------------------------------------------------------------

std::size_t RtpSender::packet_count() const {
  return packets_ ? packets_->packet_count() : current_->frame->packet_ends.size();
}

bool RtpSender::is_done() const {
  return packets_ ? packets_->done() : packet_number_ == current_->frame->packet_ends.size();
}

MonoTime RtpSender::due() const {
  const bool at_once = !waiting_.empty();  // the next frame is here
  const auto count = static_cast<std::int64_t>(packet_count());
  const MonoTime spread =
      at_once ? began_ : began_ + spread_ * static_cast<std::int64_t>(packet_number_) / count;
  if (packets_ || pace_ == Pace::AtOnce) return spread;
  return std::max(spread, paced_until_);
}

/// A history that is long takes a second, and not more.
void RtpSender::pace_after(std::size_t bytes, Now now) {
  const std::size_t rate = std::max(kBytesPerSecond, waiting_bytes_);
  const auto time_for = [rate](std::size_t some) {
    return Duration(static_cast<std::int64_t>(some) * kNsPerSecond / static_cast<std::int64_t>(rate));
  };
  paced_until_ = std::max(paced_until_, now.mono - time_for(kBurstBytes)) + time_for(bytes);
}

/// The next one of the frame under way. Of one that came, the header's fields are replaced (RFC 3550, section
/// 5.1), and the rest is as it was.
ByteSpan RtpSender::make_packet() {
  if (packets_) return ByteSpan(packet_).first(packets_->next(packet_, fields_));
  const ByteSpan came = current_->frame->packet(packet_number_);
  packet_.resize(std::max(packet_.size(), came.size()));
  std::ranges::copy(came, packet_.begin());
  store_be(packet_.data() + 2, fields_.sequence);
  store_be(packet_.data() + 4, load_be<std::uint32_t>(came.data() + 4) + timestamp_offset_);
  store_be(packet_.data() + 8, fields_.ssrc);
  return ByteSpan(packet_).first(came.size());
}

ByteSpan RtpSender::next(Now now) {
  while (true) {
    if (current_ == nullptr && !waiting_.empty()) {
      const RtpFramePtr frame = std::move(waiting_.front().frame);
      waiting_bytes_ -= frame->frame->bytes.size();
      waiting_.pop_front();
      begin(frame, now);
    }
    if (current_ == nullptr) {
      catching_up_until_ = {};
      return {};
    }
    if (due() > now.mono) return {};
    const ByteSpan packet = make_packet();
    ++packet_number_;
    ++fields_.sequence;
    const bool too_large = pace_ == Pace::Spread && packet.size() > kRtpPassedBytesMax;
    if (too_large) {
      ++packets_too_large_;
    } else {
      const auto parsed = parse_rtp(packet);
      OTT_ASSERT(parsed);
      octets_sent_ += static_cast<std::uint32_t>(parsed->payload.size());
      ++packets_sent_;
      pace_after(packet.size(), now);
    }
    if (is_done()) {
      ++frames_sent_;
      packets_.reset();
      current_.reset();
    }
    if (!too_large) return packet;
  }
}

MonoTime RtpSender::next_deadline() const {
  if (current_ != nullptr) return due();
  return waiting_.empty() ? MonoTime::max() : MonoTime::min();
}

// ---- reports ---------------------------------------------------------------------------------------------

WallTime RtpSender::taken_at(const Sent& frame) const {
  if (!instant_) return frame.source_time;
  return instant_->wall + time_between(instant_->media_time, frame.media_time, clock_rate_);
}

std::vector<std::uint8_t> RtpSender::report(Now now) const {
  RtcpPacket packet;
  packet.ssrc = fields_.ssrc;
  packet.cname = cname_;
  if (last_) {
    // Both clocks go on from that frame. The origin's may differ from this host's.
    const Duration since = now.mono - last_->arrived;
    packet.sender = RtcpSenderInfo{ntp_time(taken_at(*last_) + since),
                                   fields_.timestamp + static_cast<std::uint32_t>(ticks(since, clock_rate_)),
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
