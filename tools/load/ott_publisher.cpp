#include "ott_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ott/bytes.h"
#include "ott/framer.h"

namespace ott::load {
namespace {

/// A publisher that is further behind than this starts counting anew.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
constexpr std::uint8_t kRtpVersion = 0x80;    // RFC 3550, section 5.1
constexpr std::uint8_t kRtpMarker = 0x80;     // the last packet of its frame
constexpr std::uint8_t kRtpPayloadJpeg = 26;  // RFC 3551
constexpr std::uint32_t kRtpClockPerSecond = 90'000;
/// RFC 2435, section 3.1, behind the offset: type 1, Q 80, 640 x 360, so that outlets put a JPEG together.
constexpr std::array<std::uint8_t, 4> kPicture = {1, 80, 640 / 8, 360 / 8};
constexpr std::size_t kHeaderBytesOfRtp = kRtpBytesMin + 8;
constexpr Duration kAudioInterval = std::chrono::milliseconds(20);
constexpr std::size_t kAudioBytes = 160;
/// Packets of what is not taken apart at the origin are as their encoders make them.
constexpr std::size_t kSmallPacketBytes = 1'200;

}  // namespace

OttPublisher::OttPublisher(RoleContext& context, const Plan& plan) : OverlayRole(context), plan_(plan) {}

void OttPublisher::announce(Now now) {
  Duration interval{};
  if (plan_.fps > 0) {
    interval = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / plan_.fps));
  }
  for (std::size_t i = 0; i < plan_.publish; ++i) {
    StreamInfo info;
    info.name = plan_.publish == 1 ? plan_.name : fmt::format("{}{}", plan_.name, i + 1);
    info.kind = "synthetic";
    info.fps_milli = static_cast<std::uint32_t>(plan_.fps * 1000);
    Stream stream;
    stream.interval = interval;
    stream.frame_bytes = plan_.frame_bytes;
    stream.gop = plan_.gop;
    // Several streams do not send all at once.
    stream.due =
        now.mono + interval * static_cast<Duration::rep>(i) / static_cast<Duration::rep>(plan_.publish);
    add_stream(info, stream, now);
    if (!plan_.audio) continue;
    info.name += "/audio";
    info.format = MediaFormat{MediaKind::Audio, "L16", 44'100, 1, 11, ""};
    stream.interval = kAudioInterval;
    stream.frame_bytes = kAudioBytes;
    stream.gop = 1;
    add_stream(info, stream, now);
  }
}

void OttPublisher::add_stream(StreamInfo info, Stream stream, Now now) {
  auto id = overlay_.origin().add_stream(std::move(info));
  if (!id) return leave(1, id.error().message, now);
  stream.id = *id;
  streams_.push_back(stream);
}

void OttPublisher::step(Now now) {
  if (streams_.empty()) {
    if (!overlay_.self()) return;
    announce(now);
  }
  const auto is_watched = [this](const Stream& stream) { return overlay_.origin().is_watched(stream.id); };
  published_.watched(std::any_of(streams_.begin(), streams_.end(), is_watched), now.mono);
  if (plan_.fps == 0) return publish_what_is_taken(now);
  next_at_ = MonoTime::max();
  for (Stream& stream : streams_) {
    if (now.mono >= stream.due) {
      if (is_watched(stream)) publish(stream, now);
      stream.due += stream.interval;
      if (stream.due + kBehindMax < now.mono) stream.due = now.mono + stream.interval;
    }
    next_at_ = std::min(next_at_, stream.due);
  }
}

bool OttPublisher::send_advance(LinkId link, std::size_t bytes, Now now) {
  const bool more = OverlayRole::send_advance(link, bytes, now);
  if (plan_.fps != 0) return more;
  publish_what_is_taken(now);
  return true;
}

void OttPublisher::set_blocked(LinkId link, bool blocked, Now now) {
  OverlayRole::set_blocked(link, blocked, now);
  if (plan_.fps == 0 && !blocked) publish_what_is_taken(now);
}

/// Publishes another frame of each stream whose children have all taken the last one whole.
void OttPublisher::publish_what_is_taken(Now now) {
  for (Stream& stream : streams_) {
    const Flow& flow = *overlay_.flow(stream.id);
    const auto takes_none = [](const auto& child) { return !child->feed.started(); };
    const auto has_all = [&flow](const auto& child) { return child->feed.pending(flow.buffer).empty(); };
    if (std::all_of(flow.children.begin(), flow.children.end(), takes_none)) continue;
    if (std::all_of(flow.children.begin(), flow.children.end(), has_all)) publish(stream, now);
  }
}

void OttPublisher::publish(Stream& stream, Now now) {
  Flow& flow = *overlay_.flow(stream.id);
  ++stream.last.value;
  published_.frame(now.mono);
  const auto timestamp = static_cast<std::uint32_t>(
      std::chrono::duration<double>(now.mono.time_since_epoch()).count() * kRtpClockPerSecond);
  const bool sync_point = (stream.last.value - 1) % stream.gop == 0;
  const std::size_t frame_bytes = stream.frame_bytes * (sync_point && stream.gop > 1 ? 4 : 1);
  const std::size_t record_bytes_max = stream.gop > 1 ? kSmallPacketBytes : kRtpBytesMax;
  for (std::size_t left = frame_bytes; left > 0;) {
    const std::size_t payload = std::min(left, record_bytes_max - kHeaderBytesOfRtp);
    const std::size_t offset = frame_bytes - left;
    left -= payload;
    const OwnRecord record{stream.last, offset == 0, left == 0, kHeaderBytesOfRtp + payload, sync_point};
    overlay_.write_record(flow, record, now, [&](MutableByteSpan rtp) {
      rtp[0] = kRtpVersion;
      rtp[1] = static_cast<std::uint8_t>(kRtpPayloadJpeg | (left == 0 ? kRtpMarker : 0));
      store_be<std::uint16_t>(rtp.data() + 2, stream.sequence++);
      store_be<std::uint32_t>(rtp.data() + 4, timestamp);
      store_be<std::uint32_t>(rtp.data() + 8, static_cast<std::uint32_t>(stream.id.value));
      store_be<std::uint32_t>(rtp.data() + kRtpBytesMin, static_cast<std::uint32_t>(offset));
      std::ranges::copy(kPicture, rtp.data() + kRtpBytesMin + 4);
      // No marker may be in it, as the ring's former bytes could have.
      std::ranges::fill(rtp.subspan(kHeaderBytesOfRtp), std::uint8_t{0});
    });
  }
  overlay_.published(flow);
}

}  // namespace ott::load
