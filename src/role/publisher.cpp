#include "role/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

/// A source that is further behind than this starts counting anew, and does not catch up.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);

}  // namespace

Result<void> Publisher::open(const std::vector<StreamSpec>& specs) {
  for (const StreamSpec& spec : specs) {
    auto source = open_source(spec.source);
    if (!source) return fail(fmt::format("stream '{}': {}", spec.name, source.error().message));
    Stream stream;
    stream.name = spec.name;
    if ((*source)->live()) {
      stream.live.emplace(std::move(*source), workers_);
    } else {
      stream.ahead.emplace(std::move(*source), workers_);
    }
    streams_.push_back(std::move(stream));
  }
  return {};
}

Result<void> Publisher::announce(Now now) {
  announced_ = true;
  for (Stream& stream : streams_) {
    const SourceInfo& source = stream.info();
    StreamInfo info;
    info.name = stream.name;
    info.kind = source.kind;
    info.width = source.width;
    info.height = source.height;
    info.fps_milli = static_cast<std::uint32_t>(std::lround(source.fps * 1000));
    auto id = overlay_.origin().add_stream(info);
    if (!id) return tl::unexpected(id.error());
    stream.id = *id;
    stream.first_at = now.mono;
    log_.info(fmt::format("stream '{}': {} {}x{} at {} frames/s", info.name, info.kind, info.width,
                          info.height, source.fps));
  }
  return {};
}

Duration Publisher::Stream::interval() const {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / info().fps));
}

MonoTime Publisher::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const Stream& stream : streams_) {
    // While a worker reads a frame there is no deadline: the worker says when the frame is ready.
    if (stream.ahead && !stream.ahead->reading()) next = std::min(next, stream.next_at);
  }
  return next;
}

void Publisher::step(Now now) {
  if (!announced_) return;
  for (Stream& stream : streams_) {
    if (stream.ahead) {
      step_ahead(stream, now);
    } else {
      drain_live(stream, now);
    }
  }
}

void Publisher::step_ahead(Stream& stream, Now now) {
  const auto* frame = stream.ahead->frame();
  if (!overlay_.origin().is_watched(stream.id)) {
    stream.next_at = MonoTime::max();
    if (stream.ahead->shows_time()) stream.ahead->drop();
    return;
  }
  if (stream.next_at == MonoTime::max()) stream.next_at = now.mono;
  if (frame == nullptr) {
    read_ahead(stream, now);
    frame = stream.ahead->frame();
  }
  if (frame == nullptr || now.mono < stream.next_at) return;
  publish_ahead(stream, *frame, now);
  stream.ahead->drop();
  stream.next_at += stream.interval();
  if (stream.next_at + kBehindMax < now.mono) stream.next_at = now.mono + stream.interval();
  read_ahead(stream, now);
}

void Publisher::read_ahead(Stream& stream, Now now) {
  if (!stream.ahead->idle()) return;
  const Duration until_due = std::max(stream.next_at - now.mono, Duration{});
  stream.ahead->read(FrameNumber{stream.last.value + 1}, now.wall + until_due);
}

void Publisher::publish_ahead(Stream& stream, const Result<SourceFrame>& frame, Now now) {
  if (frame) {
    publish(stream, *frame, now, now);
  } else {
    log_.warning(fmt::format("stream '{}': {}", stream.name, frame.error().message));
  }
}

void Publisher::input(ByteSpan bytes, Now now) {
  for (Stream& stream : streams_) {
    if (!stream.live || stream.live->ended()) continue;
    stream.live->feed(bytes, now);
    drain_live(stream, now);
  }
}

void Publisher::drain_live(Stream& stream, Now now) {
  while (true) {
    const auto live = stream.live->next(now);
    if (!live) {
      log_.warning(fmt::format("stream '{}': {}", stream.name, live.error().message));
      continue;
    }
    if (!*live) break;
    if (announced_) publish(stream, (*live)->frame, (*live)->arrived, now);
  }
  if (const std::uint64_t count = stream.left_out.due(stream.live->frames_left_out(), now)) {
    log_.warning(
        fmt::format("stream '{}': frames come faster than they can be converted: {} left out, {} in all",
                    stream.name, count, stream.live->frames_left_out()));
  }
  if (stream.live->ended() && !std::exchange(stream.end_said, true)) {
    log_.info(
        fmt::format("stream '{}': standard input has ended after {} frames", stream.name, stream.last.value));
  }
}

/// `arrived` is the time from which viewers measure a frame's age.
void Publisher::publish(Stream& stream, const SourceFrame& frame, Now arrived, Now now) {
  Flow& flow = *overlay_.flow(stream.id);
  RtpJpegPacketizer packetizer(frame.image, kRtpBytesMax);
  const std::size_t packets = packetizer.packet_count();
  const std::size_t bytes = packetizer.bytes() + packets * kRecordHeaderBytes;
  if (bytes > kFrameBytesMax) {
    log_.warning(fmt::format("stream '{}': a frame after {} is left out: its {} bytes are more than {}",
                             stream.name, stream.last.value, bytes, kFrameBytesMax));
    return;
  }
  ++stream.last.value;
  const double seconds = stream.live ? std::chrono::duration<double>(arrived.mono - stream.first_at).count()
                                     : static_cast<double>(stream.last.value) / stream.info().fps;
  RtpFields fields;
  fields.timestamp = static_cast<std::uint32_t>(static_cast<std::uint64_t>(seconds * 90'000.0));
  fields.ssrc = static_cast<std::uint32_t>(stream.id.value);
  for (std::size_t packet = 1; packet <= packets; ++packet) {
    fields.sequence = stream.rtp_sequence++;
    const OwnRecord record{stream.last, packet == 1, packet == packets, packetizer.next_bytes()};
    overlay_.write_record(flow, record, {now.mono, arrived.wall},
                          [&](MutableByteSpan rtp) { packetizer.next(rtp, fields); });
  }
  overlay_.published(flow);
}

}  // namespace ott
