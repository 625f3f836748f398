#include "role/published_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "media/rtp_instant.h"
#include "ott/rtp.h"
#include "ott/rtp_jpeg.h"
#include "ott/text.h"

namespace ott {
namespace {

/// How long a stream is still listed, as ended.
constexpr Duration kEndedListed = std::chrono::seconds(5);
/// How often a placeholder is shown.
constexpr Duration kPlaceholderInterval = std::chrono::seconds(1);
/// How soon it is looked for again while a worker draws it.
constexpr Duration kPlaceholderLook = std::chrono::milliseconds(50);
constexpr std::size_t kPacketBytesMax = kRtpBytesMax - kRtpInstantBytes;

std::string describe_size_and_rate(const StreamInfo& info) {
  const std::string rate = fmt::format("{} frames/s", info.fps_milli / 1000.0);
  return info.width == 0 ? rate : fmt::format("{}x{} at {}", info.width, info.height, rate);
}

/// The bytes of all records of a frame, if they are too many; 0: it can be published.
std::size_t too_many_bytes(const JpegImage& image, std::size_t packet_bytes_max) {
  constexpr std::size_t kHeadersBytesMax = std::size_t{1} << 20U;
  if (image.scan.size() + kHeadersBytesMax <= kFrameBytesMax) return 0;
  const RtpJpegPacketizer packetizer(image, packet_bytes_max);
  const std::size_t bytes = packetizer.bytes() + packetizer.packet_count() * kRecordHeaderBytes;
  return bytes <= kFrameBytesMax ? 0 : bytes;
}

/// What keeps packets from travelling as one frame; empty: nothing.
std::string flaw_of(std::span<const ByteSpan> packets) {
  std::size_t bytes = 0;
  std::optional<std::uint16_t> next;
  for (const ByteSpan packet : packets) {
    const auto rtp = parse_rtp(packet);
    if (!rtp) return rtp.error().message;
    if (packet.size() > kPacketBytesMax)
      return fmt::format("a packet of {} bytes; {} is the most", packet.size(), kPacketBytesMax);
    if (next && *next != rtp->header.sequence) return "packets whose sequence numbers have a gap";
    next = static_cast<std::uint16_t>(rtp->header.sequence + 1);
    bytes += packet.size() + kRecordHeaderBytes + kRtpInstantBytes;
  }
  if (bytes > kFrameBytesMax)
    return fmt::format("a frame's {} bytes are more than {}", bytes, kFrameBytesMax);
  return packets.empty() ? "a frame without packets" : "";
}

/// Audio and video without frames are stalled. Where nothing is written there is no text.
bool is_steady(const SourceInfo& source, MediaKind media) {
  return source.live && (media == MediaKind::Video || media == MediaKind::Audio);
}

}  // namespace

PublishedStream::PublishedStream(Overlay& overlay, RoleContext& context, const SourceInfo& source,
                                 Config config)
    : overlay_(overlay),
      context_(context),
      log_(context.log),
      source_(source),
      config_(std::move(config)),
      is_jpeg_(config_.info.format.is_jpeg()),
      packet_bytes_max_(config_.has_other_parts ? kPacketBytesMax : kRtpBytesMax),
      frames_(*context.workers),
      description_(config_.info, is_steady(source, config_.info.format.media)),
      placeholder_(is_jpeg_ ? context.options.placeholder : PlaceholderKind::None, *context.workers) {}

std::string PublishedStream::log_name() const { return fmt::format("stream '{}'", info().name); }

// ---- whether it is known ---------------------------------------------------------------------------------

Result<void> PublishedStream::offer(bool expected, Now now) {
  const auto id = overlay_.origin().add_stream(info(), config_.generation);
  if (!id) return fail(fmt::format("{}: {}", log_name(), id.error().message));
  offered_ = true;
  description_.begin(*id, now);
  description_.expect_frames(expected, now);
  return {};
}

void PublishedStream::withdraw() {
  overlay_.origin().withdraw(info().id);
  offered_ = false;
}

bool PublishedStream::is_watched() const { return offered_ && overlay_.origin().is_watched(info().id); }

void PublishedStream::expect_frames(bool expected, Now now) {
  description_.expect_frames(expected, now);
  // What was to be seen before a rest is not what is to be seen now. But a viewer that has lost its way for a
  // moment, and comes back within the history, is owed what it has missed.
  if (expected && offered_ && now.mono - last_at_ > context_.options.overlay.history)
    overlay_.forget_frames(*overlay_.flow(info().id), now);
}

void PublishedStream::end(StreamState state, Now now) {
  over_ = true;
  description_.on_end(state, now);
}

void PublishedStream::set_frames_refused(std::uint64_t frames) {
  if (offered_) overlay_.origin().set_frames_refused(info().id, frames);
}

// ---- frames ----------------------------------------------------------------------------------------------

Result<bool> PublishedStream::push(const AccessUnit& unit) {
  if (!is_jpeg_) return publish_packets(unit);
  if (unit.carriable != nullptr)
    return take(LiveFrame{*unit.carriable, unit.arrived, unit.media_time, unit.instant}, unit.arrived);
  const auto frame = frames_.push(unit);
  if (!frame) return tl::unexpected<Error>(frame.error());
  return *frame ? take(**frame, unit.arrived) : false;
}

std::optional<Result<bool>> PublishedStream::publish_converted(Now now) {
  const auto frame = frames_.next(now);
  if (frame && !*frame) return std::nullopt;
  return take(frame ? Result<LiveFrame>(**frame) : tl::unexpected<Error>(frame.error()), now);
}

Result<bool> PublishedStream::take(const Result<LiveFrame>& frame, Now now) {
  if (!frame) return tl::unexpected<Error>(frame.error());
  if (const std::size_t too_many = too_many_bytes(frame->frame.image, packet_bytes_max_); too_many > 0)
    return fail(fmt::format("a frame's {} bytes are more than {}", too_many, kFrameBytesMax));
  if (!offered_) return false;
  publish(*frame, now);
  return true;
}

void PublishedStream::publish(const LiveFrame& frame, Now now) {
  ++last_.value;
  last_at_ = now.mono;
  // A paced frame is as old as it is for viewers: what has waited in a pipe was not made then.
  LiveFrame timed = frame;
  if (paced()) timed.arrived = now;
  on_frame(frame.frame.image.width, frame.frame.image.height, timed.arrived);
  placeholder_.on_frame(frame.frame);
  completed_ += frame.frame.image.cut_off ? 1 : 0;
  for (const std::string& notice : notices_.look(frame.frame))
    log_.info(fmt::format("{}: {}", log_name(), notice));
  write_records(timed, now);
}

Result<bool> PublishedStream::publish_packets(const AccessUnit& unit) {
  if (const std::string flaw = flaw_of(unit.packets); !flaw.empty())
    return fail(unit.place.empty() ? flaw : fmt::format("{}: {}", unit.place, flaw));
  if (!offered_) return false;
  ++last_.value;
  last_at_ = unit.arrived.mono;
  on_frame(info().width, info().height, unit.arrived);
  write_packets(unit);
  return true;
}

void PublishedStream::on_frame(unsigned width, unsigned height, Now arrived) {
  if (!source_.live) return;
  const StreamState before = info().state;
  description_.on_frame(width, height, arrived);
  if (before == StreamState::Stalled && std::exchange(stall_said_, false))
    log_.info(fmt::format("{}: frames come again", log_name()));
}

/// What has a pace of ours has a clock that is right.
std::uint32_t PublishedStream::rtp_timestamp(const LiveFrame& frame) {
  if (!source_.live && frame.media_time) return *frame.media_time;
  return clock_.stamp(paced() ? std::nullopt : frame.media_time, frame.arrived.mono);
}

/// Viewers begin where decoding can, and know from the first frame on how the parts are to be aligned.
std::optional<WallTime> PublishedStream::instant_due(std::optional<WallTime> instant, bool sync_point,
                                                     Now now) {
  if (!instant || (!sync_point && now.mono < instant_at_)) return std::nullopt;
  instant_at_ = now.mono + kInstantInterval;
  return instant;
}

/// frame.arrived is the time from which viewers measure a frame's age.
void PublishedStream::write_records(const LiveFrame& frame, Now now) {
  Flow& flow = *overlay_.flow(info().id);
  RtpJpegPacketizer packetizer(frame.frame.image, packet_bytes_max_);
  const std::size_t packets = packetizer.packet_count();
  auto instant = config_.has_other_parts ? instant_due(frame.instant, true, now) : std::nullopt;
  RtpFields fields;
  fields.timestamp = rtp_timestamp(frame);
  fields.ssrc = static_cast<std::uint32_t>(info().id.value);
  for (std::size_t packet = 1; packet <= packets; ++packet) {
    fields.sequence = rtp_sequence_++;
    const auto here = std::exchange(instant, std::nullopt);
    const std::size_t before = here ? kRtpInstantBytes : 0;
    const OwnRecord record{last_, packet == 1, packet == packets, before + packetizer.next_bytes()};
    overlay_.write_record(flow, record, {now.mono, frame.arrived.wall}, [&](MutableByteSpan rtp) {
      packetizer.next(rtp.subspan(before), fields);
      if (here) add_rtp_instant(rtp.subspan(before), *here, rtp);
    });
  }
  overlay_.published(flow);
}

void PublishedStream::write_packets(const AccessUnit& unit) {
  Flow& flow = *overlay_.flow(info().id);
  auto instant = instant_due(unit.instant, unit.sync_point, unit.arrived);
  for (std::size_t i = 0; i < unit.packets.size(); ++i) {
    const ByteSpan packet = unit.packets[i];
    const auto here = std::exchange(instant, std::nullopt);
    const OwnRecord record{last_, i == 0, i + 1 == unit.packets.size(),
                           packet.size() + (here ? kRtpInstantBytes : 0), unit.sync_point};
    overlay_.write_record(flow, record, unit.arrived, [&](MutableByteSpan rtp) {
      if (here) {
        add_rtp_instant(packet, *here, rtp);
      } else {
        std::ranges::copy(packet, rtp.begin());
      }
    });
  }
  overlay_.published(flow);
}

/// While the source has no frames, and somebody watches.
void PublishedStream::show_placeholder(Now now) {
  const bool shown = placeholder_.kind() != PlaceholderKind::None && info().state == StreamState::Stalled &&
                     overlay_.origin().is_watched(info().id);
  if (!shown) {
    placeholder_at_ = MonoTime::max();
    return;
  }
  if (placeholder_at_ == MonoTime::max()) placeholder_at_ = now.mono;
  if (now.mono < placeholder_at_) return;
  const auto since = static_cast<Duration::rep>(info().state_since);
  const auto* frame = placeholder_.frame(WallTime(Duration(since)));
  placeholder_at_ = now.mono + (frame == nullptr ? kPlaceholderLook : kPlaceholderInterval);
  if (frame == nullptr) return;
  ++last_.value;
  write_records({*frame, now, std::nullopt, std::nullopt}, now);
}

// ---- what is said of it ----------------------------------------------------------------------------------

void PublishedStream::step(Now now) {
  if (const std::uint64_t count = left_out_.due(frames_.frames_left_out(), now)) {
    log_.warning(fmt::format("{}: frames come faster than they can be converted: {} left out, {} in all",
                             log_name(), count, frames_.frames_left_out()));
  }
  if (!offered_) return;
  say_what_is_new(now);
  if (offered_) show_placeholder(now);
}

MonoTime PublishedStream::next_deadline() const {
  if (!offered_) return MonoTime::max();
  return std::min(
      {withdraw_at_, placeholder_at_, description_.next_deadline(), stall_warning_.next_deadline(stalls_)});
}

void PublishedStream::say_what_is_new(Now now) {
  const StreamState before = info().state;
  description_.tick(now);
  log_state(before, now);
  if (description_.take_news(now)) {
    overlay_.origin().describe(info().id, info());
    if (over_ && info().state == StreamState::Ended) withdraw_at_ = now.mono + kEndedListed;
  }
  if (source_.live && info().fps_milli != 0 && !std::exchange(described_, true))
    log_.info(fmt::format("{}: {}", log_name(), describe_size_and_rate(info())));
  if (now.mono < withdraw_at_) return;
  withdraw();
  gone_ = true;
}

void PublishedStream::log_state(StreamState before, Now now) {
  const StreamState state = info().state;
  if (state == StreamState::Stalled && before == StreamState::Live) ++stalls_;
  if (const std::uint64_t count = stall_warning_.due(stalls_, now)) {
    stall_said_ = state == StreamState::Stalled;
    // One that the warnings' rate has held back may be over by now.
    log_.warning(count == 1 && stall_said_
                     ? fmt::format("{}: no frame comes: its viewers are told that it is stalled", log_name())
                     : fmt::format("{}: it was stalled {}", log_name(), counted(count, "more time")));
  }
}

void PublishedStream::add_stats(StatsLine& line, std::uint64_t refused, const InputFigures& figures) const {
  line.begin();
  line.add("name", info().name);
  line.add("frames", last_.value);
  line.add("frames_refused", refused);
  line.add("frames_completed", completed_);
  line.add("frames_left_out", frames_.frames_left_out());
  for (const auto& [figure, count] : figures) line.add(figure, count);
  line.add("width", std::uint64_t{info().width});
  line.add("height", std::uint64_t{info().height});
  line.add("fps", info().fps_milli / 1000.0);
  line.add("state", to_string(info().state));
  line.end();
}

}  // namespace ott
