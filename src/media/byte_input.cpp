#include "media/byte_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "media/mjpeg_splitter.h"
#include "media/text_splitter.h"
#include "ott/assert.h"

namespace ott {
namespace {

/// Units that came at once and say no time are so far apart.
constexpr Duration kApart = std::chrono::milliseconds(1);
/// How far a container's times may be ahead of when they come: writers collect a second or so. Beyond it, and
/// beyond what two hosts' clocks differ, they are written faster than they go.
constexpr Duration kAheadMax = std::chrono::seconds(2);
constexpr int kClocksDiffer = 1'000;  // by a 1,000th

}  // namespace

ByteInput::ByteInput(SourceInfo info, InputSink& sink, Form form)
    : Input(std::move(info)), sink_(sink), form_(std::move(form)) {}

void ByteInput::start(Now now) {
  started_ = true;
  if (form_.content != Content::Text || splitter_ != nullptr) return;
  (void)recognise(false, now);
  take_parts(now);  // it is known what it is, whatever comes
}

void ByteInput::stop(Now) {
  started_ = false;
  begin_anew();
}

void ByteInput::begin_anew() {
  splitter_.reset();
  media_ = nullptr;
  start_bytes_ = 0;
  line_.restart();
  frames_ = counted_ = 0;
  ahead_ = false;
}

void ByteInput::step(Now now) {
  if (!ahead_ || now.mono < goes_on_at_) return;
  ahead_ = false;
  push_frames(now);
}

void ByteInput::hold(bool held, Now now) {
  held_ = held;
  push_frames(now);
}

MutableByteSpan ByteInput::space() {
  if (splitter_ != nullptr) return splitter_->space();
  start_.resize(std::max(start_bytes_ + FrameSplitter::kReadBytes, start_.size()));
  return MutableByteSpan(start_).subspan(start_bytes_);
}

void ByteInput::advance(std::size_t bytes, Now now) {
  arrived_ = now;
  if (splitter_ != nullptr) {
    splitter_->advance(bytes);
  } else {
    start_bytes_ += bytes;
    if (!recognise(false, now)) return;
  }
  push_frames(now);
}

void ByteInput::feed(ByteSpan bytes, Now now) {
  while (!bytes.empty()) {
    const MutableByteSpan into = space();
    const std::size_t count = std::min(into.size(), bytes.size());
    std::memcpy(into.data(), bytes.data(), count);
    advance(count, now);
    bytes = bytes.subspan(count);
  }
}

void ByteInput::finish(Now now) {
  if (splitter_ == nullptr) (void)recognise(true, now);
  splitter_->finish();
  push_frames(now);
}

/// False while more bytes are needed to say what it is.
bool ByteInput::recognise(bool is_all, Now now) {
  const ByteSpan start = ByteSpan(start_).first(start_bytes_);
  if (form_.content == Content::Text) {
    take_media({MediaKindFound::Verdict::Found, "text", false, std::make_unique<TextSplitter>()});
  } else {
    auto found = recognise_media(start, is_all, info_.fps);
    if (found.verdict == MediaKindFound::Verdict::NeedBytes) return false;
    if (found.verdict == MediaKindFound::Verdict::Found) {
      take_media(std::move(found));
    } else {
      splitter_ = std::make_unique<MjpegSplitter>();
      sink_.on_parts({MediaPart{}}, now);
    }
  }
  for (ByteSpan rest = start; !rest.empty();) {
    const MutableByteSpan into = splitter_->space();
    const std::size_t count = std::min(into.size(), rest.size());
    std::memcpy(into.data(), rest.data(), count);
    splitter_->advance(count);
    rest = rest.subspan(count);
  }
  start_bytes_ = 0;
  start_ = {};
  return true;
}

void ByteInput::take_media(MediaKindFound found) {
  media_ = found.splitter.get();
  splitter_ = std::move(found.splitter);
  kind_ = std::move(found.kind);
  has_times_ = found.has_times;
}

void ByteInput::push_frames(Now now) {
  if (splitter_ == nullptr) return;
  while (started_ && !held_ && !ahead_ && !over_) {
    const auto frame = splitter_->next();
    if (frame && !*frame) break;
    ++frames_;
    if (!frame) {
      sink_.refuse(fmt::format("{}: frame {}: {}", name(), frames_, frame.error().message), now);
    } else if (media_ != nullptr) {
      push_sample(**frame, now);
    } else {
      const std::string place =
          fmt::format("{}: frame {}: byte {}", name(), frames_, splitter_->frame_offset());
      sink_.push({.bytes = **frame, .arrived = arrived_, .place = place});
    }
    if (splitter_ == nullptr) return;  // it was stopped meanwhile
  }
  if (over_ || held_ || ahead_ || !splitter_->at_end()) return;
  over_ = true;
  sink_.on_end(now);
}

/// Says what the container has, once that is known, and when it has become something else.
void ByteInput::take_parts(Now now) {
  if (packets_ && packets_->parts() == media_->parts()) return;
  packets_.emplace(media_->parts(), form_.first_ssrc);
  std::string what = fmt::format("{}: {}", name(), kind_);
  for (const MediaPart& part : media_->parts()) what += ", " + describe(part.format);
  for (const std::string& other : media_->passed_over()) what += "; passed over: " + other;
  // Times of its own and a rate of ours exclude each other, and only JPEGs wait for a rate.
  if (has_times_ && info_.fps != 0) {
    what += fmt::format("; it has times of its own, so ?fps={} is of no use", info_.fps);
    info_.fps = 0;
  }
  sink_.on_parts(packets_->parts(), now);
  sink_.on_connected(what, now);
}

/// When a unit is, by the container's clock; of those without times, by a rate or by when they came.
Duration ByteInput::time_of(const MediaSplitter::Stamp& stamp) {
  const Duration since_zero = arrived_.mono - zero_->mono;
  const std::uint64_t index = counted_++;
  if (stamp.time) return *stamp.time;
  if (is_by_arrival(stamp)) {
    const auto newest = line_.newest();
    return newest ? std::max(since_zero, *newest + kApart) : since_zero;
  }
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(index) / info_.fps));
}

void ByteInput::look_whether_ahead(Duration time) {
  const Duration since_zero = arrived_.mono - zero_->mono;
  const Duration ahead = time - since_zero - since_zero / kClocksDiffer - kAheadMax;
  ahead_ = has_times_ && ahead > Duration{};
  goes_on_at_ = arrived_.mono + ahead;
}

void ByteInput::push_sample(ByteSpan sample, Now now) {
  take_parts(now);
  if (has_times_) arrived_ = now;  // what has waited here was not to be shown before
  if (!zero_) zero_ = arrived_;
  const MediaSplitter::Stamp stamp = media_->stamp();
  const MediaFormat& format = packets_->parts()[stamp.part].format;
  const std::string place = fmt::format("{}: frame {}: byte {}", name(), frames_, splitter_->frame_offset());
  const Duration time = time_of(stamp);
  const bool is_by_arrival = this->is_by_arrival(stamp);
  if (is_by_arrival) line_.restart();  // it is where it came, whatever was before
  const Duration otherwise = is_by_arrival ? time : std::max(arrived_.mono - zero_->mono, line_.end());
  const auto placed = line_.place(
      {stamp.part, time, sample_duration(format, sample), format.media == MediaKind::Text}, otherwise);
  if (placed.jumped) sink_.refuse(place + ": its times jump; they go on from when it came", now);
  look_whether_ahead(placed.time);
  units_.clear();
  if (const auto packed = packets_->pack(stamp.part, placed.time, stamp.sync_point, sample, units_); !packed)
    return sink_.refuse(place + ": " + packed.error().message, now);
  for (PackedUnit& unit : units_) {
    unit.place = place;
    unit.push_to(sink_, zero_->wall, arrived_);
    if (media_ == nullptr) return;  // it was stopped meanwhile
  }
}

}  // namespace ott
