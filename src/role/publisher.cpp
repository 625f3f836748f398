#include "role/publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ott/rtp_jpeg.h"
#include "ott/text.h"

namespace ott {
namespace {

/// A source that is further behind than this starts counting anew, and does not catch up.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
/// How many refused frames in turn take no frame's time. A source with nothing else must not keep a worker
/// busy.
constexpr unsigned kRefusedInTurnMax = 64;
/// How long a stream is still listed, as ended.
constexpr Duration kEndedListed = std::chrono::seconds(5);

std::string describe_size_and_rate(const StreamInfo& info) {
  return fmt::format("{}x{} at {} frames/s", info.width, info.height, info.fps_milli / 1000.0);
}

/// Why a frame cannot be published; empty: it can.
std::string refusal_of(const Result<SourceFrame>& frame) {
  constexpr std::size_t kHeadersBytesMax = std::size_t{1} << 20U;  // of all records of a frame
  if (!frame) return frame.error().message;
  if (frame->image.scan.size() + kHeadersBytesMax <= kFrameBytesMax) return "";
  const RtpJpegPacketizer packetizer(frame->image, kRtpBytesMax);
  const std::size_t bytes = packetizer.bytes() + packetizer.packet_count() * kRecordHeaderBytes;
  if (bytes <= kFrameBytesMax) return "";
  return fmt::format("a frame's {} bytes are more than {}", bytes, kFrameBytesMax);
}

}  // namespace

Result<void> Publisher::open(const std::vector<StreamSpec>& specs) {
  for (const StreamSpec& spec : specs) {
    auto source = open_source(spec.source);
    if (!source) return fail(fmt::format("stream '{}': {}", spec.name, source.error().message));
    const SourceInfo& info = (*source)->info();
    StreamInfo said;
    said.name = spec.name;
    said.kind = info.kind;
    said.width = info.width;
    said.height = info.height;
    said.fps_milli = (*source)->live() ? 0 : static_cast<std::uint32_t>(std::lround(info.fps * 1000));
    Stream stream(StreamDescription(std::move(said), (*source)->live()));
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
    const StreamInfo& info = stream.description.info();
    const auto id = overlay_.origin().add_stream(info);
    if (!id) return tl::unexpected(id.error());
    stream.id = *id;
    stream.first_at = now.mono;
    stream.description.begin(*id, now);
    overlay_.origin().set_frames_refused(*id, stream.refused);
    if (stream.paced()) {
      log_.info(fmt::format("stream '{}': {}, read at {} frames/s", info.name, info.kind, stream.info().fps));
    } else if (stream.live) {
      log_.info(fmt::format("stream '{}': {}", info.name, info.kind));
    } else {
      log_.info(fmt::format("stream '{}': {} {}", info.name, info.kind, describe_size_and_rate(info)));
    }
  }
  return {};
}

void Publisher::Stream::count_time(Now now) {
  const auto interval = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / info().fps));
  next_at += interval;
  if (next_at + kBehindMax < now.mono) next_at = now.mono + interval;
}

MonoTime Publisher::Stream::next_deadline() const {
  if (withdrawn) return MonoTime::max();
  MonoTime next = std::min({withdraw_at, description.next_deadline(), refusals.next_deadline(refused),
                            stall_warning.next_deadline(stalls)});
  // While a worker reads or converts a frame there is no deadline: the worker says when it is done.
  if (ahead && !over && !ahead->reading()) next = std::min(next, next_at);
  if (paced() && !over && !live->hungry() && !live->converting()) next = std::min(next, next_at);
  return next;
}

MonoTime Publisher::next_deadline() const {
  MonoTime next = MonoTime::max();
  if (!announced_) return next;
  for (const Stream& stream : streams_) next = std::min(next, stream.next_deadline());
  return next;
}

void Publisher::step(Now now) {
  if (!announced_) return;
  for (Stream& stream : streams_) {
    if (stream.withdrawn) continue;
    if (stream.ahead) {
      step_ahead(stream, now);
    } else {
      drain_live(stream, now);
    }
    warn_of_refusals(stream, now);
    say_what_is_new(stream, now);
  }
}

// ---- what is said of a stream ----------------------------------------------------------------------------

void Publisher::say_what_is_new(Stream& stream, Now now) {
  const StreamState before = stream.description.info().state;
  stream.description.tick(now);
  log_state(stream, before, now);
  const StreamInfo& info = stream.description.info();
  if (stream.description.take_news(now)) {
    overlay_.origin().describe(stream.id, info);
    if (info.state == StreamState::Ended) stream.withdraw_at = now.mono + kEndedListed;
  }
  if (stream.live && info.fps_milli != 0 && !std::exchange(stream.described, true)) {
    log_.info(fmt::format("stream '{}': {}", info.name, describe_size_and_rate(info)));
  }
  if (now.mono < stream.withdraw_at) return;
  overlay_.origin().withdraw(stream.id);
  stream.withdrawn = true;
}

void Publisher::log_state(Stream& stream, StreamState before, Now now) {
  const StreamState state = stream.description.info().state;
  const bool stalls = state == StreamState::Stalled && before == StreamState::Live;
  if (stalls) ++stream.stalls;
  if (const std::uint64_t count = stream.stall_warning.due(stream.stalls, now)) {
    stream.stall_said = state == StreamState::Stalled;
    // One that the warnings' rate has held back may be over by now.
    log_.warning(
        count == 1 && stream.stall_said
            ? fmt::format("stream '{}': no frame comes: its viewers are told that it is stalled",
                          stream.name())
            : fmt::format("stream '{}': it was stalled {}", stream.name(), counted(count, "more time")));
  }
}

void Publisher::on_end(Stream& stream, Now now) {
  if (std::exchange(stream.over, true)) return;
  const bool ends = stream.info().at_end == AtEnd::End;
  stream.description.on_end(ends ? StreamState::Ended : StreamState::Stalled, now);
  log_.info(
      fmt::format("stream '{}': {} has ended after {} frames; {}", stream.name(),
                  stream.live ? "standard input" : "its source", stream.last.value,
                  ends ? "the stream ends" : "the stream stays, without frames (?eof=end would end it)"));
}

// ---- frames ----------------------------------------------------------------------------------------------

void Publisher::step_ahead(Stream& stream, Now now) {
  if (stream.over) return;
  const auto* frame = stream.ahead->frame();
  if (stream.ahead->ended()) return on_end(stream, now);
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
  std::string refusal = frame == nullptr ? "" : refusal_of(*frame);
  while (!refusal.empty() && !stream.ahead->ended() && ++stream.refused_in_a_row < kRefusedInTurnMax) {
    refuse(stream, refusal, now);
    stream.ahead->drop();
    read_ahead(stream, now);
    frame = stream.ahead->frame();
    refusal = frame == nullptr ? "" : refusal_of(*frame);
  }
  if (stream.ahead->ended()) return on_end(stream, now);
  if (frame == nullptr || now.mono < stream.next_at) return;
  if (refusal.empty()) {
    publish(stream, **frame, now, now);
  } else {
    refuse(stream, refusal, now);
  }
  stream.refused_in_a_row = 0;
  stream.ahead->drop();
  stream.count_time(now);
  read_ahead(stream, now);
}

void Publisher::read_ahead(Stream& stream, Now now) {
  if (!stream.ahead->idle()) return;
  const Duration until_due = std::max(stream.next_at - now.mono, Duration{});
  stream.ahead->read(FrameNumber{stream.last.value + 1}, now.wall + until_due);
}

void Publisher::refuse(Stream& stream, const std::string& why, Now now) {
  ++stream.refused;
  stream.refusal = why;
  if (announced_) overlay_.origin().set_frames_refused(stream.id, stream.refused);
  warn_of_refusals(stream, now);
}

/// The first one in full, then how many more.
void Publisher::warn_of_refusals(Stream& stream, Now now) {
  const std::uint64_t count = stream.refusals.due(stream.refused, now);
  if (count == 1) log_.warning(fmt::format("stream '{}': {}", stream.name(), stream.refusal));
  if (count > 1) {
    log_.warning(fmt::format("stream '{}': {} more frames like this, the last one: {}", stream.name(), count,
                             stream.refusal));
  }
}

void Publisher::input(ByteSpan bytes, Now now) {
  for (Stream& stream : streams_) {
    if (!stream.live || stream.live->ended()) continue;
    stream.live->feed(bytes, now);
    drain_live(stream, now);
  }
}

bool Publisher::wants_input() const {
  return std::ranges::all_of(streams_,
                             [](const Stream& stream) { return !stream.paced() || stream.live->hungry(); });
}

void Publisher::drain_live(Stream& stream, Now now) {
  const bool paced = stream.paced();
  if (paced && !announced_) return;  // its frames wait until they can be published
  const auto begins = [&stream] { return stream.next_at == MonoTime::max(); };
  while (!paced || begins() || now.mono >= stream.next_at) {
    const auto live = stream.live->next(now);
    if (live && !*live) break;
    const std::string refusal =
        refusal_of(live ? Result<SourceFrame>((*live)->frame) : tl::unexpected<Error>(live.error()));
    if (!refusal.empty()) {
      refuse(stream, refusal, now);
      continue;
    }
    if (announced_) publish(stream, (*live)->frame, paced ? now : (*live)->arrived, now);
    if (paced && begins()) stream.next_at = now.mono;
    if (paced) stream.count_time(now);
  }
  if (const std::uint64_t count = stream.left_out.due(stream.live->frames_left_out(), now)) {
    log_.warning(
        fmt::format("stream '{}': frames come faster than they can be converted: {} left out, {} in all",
                    stream.name(), count, stream.live->frames_left_out()));
  }
  if (stream.live->ended()) on_end(stream, now);
}

void Publisher::add_stats(StatsLine& line) const {
  line.begin_list("streams");
  for (const Stream& stream : streams_) {
    line.begin();
    line.add("name", stream.name());
    line.add("frames", stream.last.value);
    line.add("frames_refused", stream.refused);
    line.add("frames_completed", stream.completed);
    line.add("frames_left_out", stream.live ? stream.live->frames_left_out() : 0);
    const StreamInfo& info = stream.description.info();
    line.add("width", std::uint64_t{info.width});
    line.add("height", std::uint64_t{info.height});
    line.add("fps", info.fps_milli / 1000.0);
    line.add("state", to_string(info.state));
    line.end();
  }
  line.end_list();
}

/// `arrived` is the time from which viewers measure a frame's age.
void Publisher::publish(Stream& stream, const SourceFrame& frame, Now arrived, Now now) {
  Flow& flow = *overlay_.flow(stream.id);
  RtpJpegPacketizer packetizer(frame.image, kRtpBytesMax);
  const std::size_t packets = packetizer.packet_count();
  ++stream.last.value;
  if (stream.live) {
    const StreamState before = stream.description.info().state;
    stream.description.on_frame(frame.image.width, frame.image.height, arrived);
    if (before == StreamState::Stalled && std::exchange(stream.stall_said, false)) {
      log_.info(fmt::format("stream '{}': frames come again", stream.name()));
    }
  }
  stream.completed += frame.image.cut_off ? 1 : 0;
  for (const std::string& notice : stream.notices.look(frame)) {
    log_.info(fmt::format("stream '{}': {}", stream.name(), notice));
  }
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
