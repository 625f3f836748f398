#include "role/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

/// A source that has fallen so far behind starts counting anew instead of running after its time.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);

}  // namespace

Result<void> Publisher::open(const std::vector<StreamSpec>& specs) {
  for (const StreamSpec& spec : specs) {
    auto source = open_source(spec.source);
    if (!source) return fail(fmt::format("stream '{}': {}", spec.name, source.error().message));
    Stream stream;
    stream.name = spec.name;
    stream.source = std::move(*source);
    streams_.push_back(std::move(stream));
  }
  return {};
}

Result<void> Publisher::announce(Now now) {
  announced_ = true;
  for (Stream& stream : streams_) {
    const SourceInfo& source = stream.source->info();
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

Duration Publisher::interval(const Stream& stream) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / stream.source->info().fps));
}

bool Publisher::reads_input() const {
  return std::any_of(streams_.begin(), streams_.end(),
                     [](const Stream& stream) { return stream.source->live(); });
}

MonoTime Publisher::next_deadline() const {
  MonoTime next = MonoTime::max();
  for (const Stream& stream : streams_) next = std::min(next, stream.next_at);
  return next;
}

void Publisher::step(Now now) {
  if (!announced_) return;
  for (Stream& stream : streams_) {
    if (stream.source->live()) continue;
    if (!overlay_.origin().is_watched(stream.id)) {
      stream.next_at = MonoTime::max();
      continue;
    }
    if (stream.next_at == MonoTime::max()) stream.next_at = now.mono;
    if (now.mono < stream.next_at) continue;
    publish_next(stream, now);
    stream.next_at += interval(stream);
    if (stream.next_at + kBehindMax < now.mono) stream.next_at = now.mono + interval(stream);
  }
}

void Publisher::publish_next(Stream& stream, Now now) {
  const auto frame = stream.source->next(FrameNumber{stream.last.value + 1}, now.wall);
  if (!frame) {
    log_.warning(fmt::format("stream '{}': {}", stream.name, frame.error().message));
  } else if (*frame) {
    publish(stream, **frame, now);
  }
}

void Publisher::input(ByteSpan bytes, Now now) {
  for (Stream& stream : streams_) {
    if (!stream.source->live() || stream.source->ended()) continue;
    if (bytes.empty()) {
      stream.source->feed_end();
      log_.info(fmt::format("stream '{}': standard input has ended after {} frames", stream.name,
                            stream.last.value));
    } else {
      stream.source->feed(bytes);
    }
    drain_live(stream, now);
  }
}

void Publisher::drain_live(Stream& stream, Now now) {
  while (true) {
    const auto frame = stream.source->next(FrameNumber{stream.last.value + 1}, now.wall);
    if (!frame) {
      log_.warning(fmt::format("stream '{}': {}", stream.name, frame.error().message));
      continue;
    }
    if (!*frame) return;
    if (announced_) publish(stream, **frame, now);
  }
}

bool Publisher::publish(Stream& stream, ByteSpan jpeg, Now now) {
  Flow& flow = *overlay_.flow(stream.id);
  const auto image = parse_jpeg(jpeg);
  if (!image || !image->carriable() || image->scan.size() > kFrameBytesMax) {
    log_.warning(
        fmt::format("stream '{}': a frame after {} is left out: {}", stream.name, stream.last.value,
                    image ? fmt::format("{} bytes are more than the {} of a frame", image->scan.size(), kFrameBytesMax)
                          : image.error().message));
    return false;
  }
  ++stream.last.value;
  const double seconds = stream.source->live()
                             ? std::chrono::duration<double>(now.mono - stream.first_at).count()
                             : static_cast<double>(stream.last.value) / stream.source->info().fps;
  RtpFields fields;
  fields.timestamp = static_cast<std::uint32_t>(static_cast<std::uint64_t>(seconds * 90'000.0));
  fields.ssrc = static_cast<std::uint32_t>(stream.id.value);
  RtpJpegPacketizer packetizer(*image, kRtpBytesMax);
  for (bool first = true; !packetizer.done(); first = false) {
    fields.sequence = stream.rtp_sequence++;
    const std::size_t rtp_bytes = packetizer.next_bytes();
    const MutableByteSpan room = flow.room(kRecordHeaderBytes + rtp_bytes);
    packetizer.next(room.subspan(kRecordHeaderBytes), fields);
    Header header;
    header.type = MessageType::Data;
    header.flags =
        static_cast<std::uint8_t>((first ? kFirstOfFrame : 0) | (packetizer.done() ? kLastOfFrame : 0));
    header.length = static_cast<std::uint32_t>(kRecordHeaderBytes - kHeaderBytes + rtp_bytes);
    store_record_header(room.data(), header, flow.label, stream.last,
                        static_cast<std::uint64_t>(now.wall.time_since_epoch().count()));
    flow.buffer.commit(*parse_record(header, room), now.mono);
  }
  overlay_.published(flow);
  return true;
}

}  // namespace ott
