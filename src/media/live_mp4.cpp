#include "media/live_mp4.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace ott {
namespace {

constexpr std::size_t kIntervals = 4;
constexpr std::int64_t kReorderIntervals = 3;
constexpr std::uint32_t kFpsUsual = 30;
constexpr std::uint32_t kOpusFramesPerSecond = 50;
constexpr std::uint32_t kAacSamples = 1024;

std::uint32_t usual_interval(const MediaFormat& format) {
  if (format.media == MediaKind::Video) return std::max(format.clock_rate / kFpsUsual, 1U);
  return format.is("opus") ? std::max(format.clock_rate / kOpusFramesPerSecond, 1U) : kAacSamples;
}

}  // namespace

/// What comes of one part. Its frames since the newest sync point are kept, so that all can begin anew
/// without waiting for another.
class LiveMp4::Part final : public FrameTaker {
 public:
  Part(LiveMp4& of, StreamInfo is) : owner(of), stream(std::move(is)) { reset(); }

  void on_frame(const FramePtr& frame) override { owner.take(*this, frame); }
  void on_stream(const StreamInfo& now) override {
    if (std::exchange(stream, now).id == now.id) return;
    owner.end_tracks("");
    forget();
    reset();
  }

  /// Nothing that has come is of use any more.
  void forget() {
    kept.clear();
    kept_bytes = 0;
    by_instant = PartClock(PartClock::By::Instant, rate());
    by_source_time = PartClock(PartClock::By::SourceTime, rate());
  }
  /// Without a track.
  void reset() {
    depacketizer = mp4_can_hold(stream.format) ? make_depacketizer(stream.format) : nullptr;
    track = 0;
    intervals.fill(usual_interval(stream.format));
    last.reset();
  }
  [[nodiscard]] bool is_video() const { return stream.format.media == MediaKind::Video; }
  [[nodiscard]] bool is_usable() const { return depacketizer != nullptr; }
  [[nodiscard]] bool is_known() const { return is_usable() && config.has_value() && !kept.empty(); }
  [[nodiscard]] const PartClock& clock() const { return owner.by_instants_ ? by_instant : by_source_time; }
  /// Of the next frame. That of the last ones: where frames come in another order than they are shown in, the
  /// shortest distance is that of two neighbours.
  [[nodiscard]] std::uint32_t interval() const { return std::ranges::min(intervals); }

  struct Said {
    std::int64_t decode;
    std::int64_t presentation;
    std::int64_t duration;
  };

  LiveMp4& owner;
  StreamInfo stream;
  std::unique_ptr<MediaDepacketizer> depacketizer;
  PartClock by_instant{PartClock::By::Instant, rate()};
  PartClock by_source_time{PartClock::By::SourceTime, rate()};
  std::deque<FramePtr> kept;
  std::size_t kept_bytes = 0;
  MonoTime came_at{};  // the newest frame
  MonoTime known_at = MonoTime::max();
  std::optional<CodecConfig> config;
  unsigned track = 0;  // 0: it has none
  std::array<std::uint32_t, kIntervals> intervals{};
  std::size_t next_interval = 0;
  std::optional<Said> last;

 private:
  [[nodiscard]] std::uint32_t rate() const { return std::max(stream.format.clock_rate, 1U); }
};

LiveMp4::LiveMp4(WatchableStreams& streams, const std::string& name, Now now)
    : name_(name), now_(now.mono), subscription_(streams.subscribe_parts(name, *this)) {}

LiveMp4::~LiveMp4() { subscription_.reset(); }

std::string LiveMp4::content_type() const { return sync_point_ ? content_type_ : ""; }

std::string LiveMp4::why_nothing() const {
  if (parts_.empty()) {
    const std::string why = subscription_->why_nothing();
    return why.empty() ? "no part of it fits into MP4" : why;
  }
  if (!trouble_.empty()) return trouble_;
  const std::string why = subscription_->why_nothing();
  return why.empty() ? "nothing has come yet at which decoding can begin" : why;
}

void LiveMp4::step(Now now) {
  now_ = now.mono;
  if (!has_begun_ && is_time_to_begin()) begin_tracks();
}

// ---- what comes -----------------------------------------------------------------------------------------

LiveMp4::Part* LiveMp4::part_of(MediaKind media) const {
  const auto found = std::ranges::find_if(
      parts_, [media](const auto& part) { return part->is_usable() && part->stream.format.media == media; });
  return found == parts_.end() ? nullptr : found->get();
}

FrameTaker* LiveMp4::on_part(const StreamInfo& stream) {
  if (!mp4_can_hold(stream.format) || part_of(stream.format.media) != nullptr) return nullptr;
  parts_.push_back(std::make_unique<Part>(*this, stream));
  return parts_.back().get();
}

void LiveMp4::take(Part& part, const FramePtr& frame) {
  if (!part.is_usable() || frame->is_jpeg()) return;
  part.came_at = now_;
  if (!part.by_instant.look(*frame) || !part.by_source_time.look(*frame)) {
    end_tracks(fmt::format("the time line of '{}' begins anew", part.stream.name));
    for (const auto& each : parts_) each->forget();
    (void)part.by_instant.look(*frame), (void)part.by_source_time.look(*frame);
  }
  keep(part, frame);
  if (part.track > 0) {
    put(part, *frame);
    look_for_silent_parts(part);
  } else if (!part.kept.empty() && !part.config) {
    const auto samples = part.depacketizer->take(*frame);
    if (!samples) trouble_ = fmt::format("'{}': {}", part.stream.name, samples.error().message);
    if (const CodecConfig* config = part.depacketizer->config()) part.config = *config;
  }
  if (part.is_known()) part.known_at = std::min(part.known_at, now_);
  // A part that comes later gets its track when all parts begin anew.
  if (has_begun_ && part.is_known() && part.track == 0)
    end_tracks(fmt::format("'{}' has come", part.stream.name));
  if (!has_begun_ && is_time_to_begin()) begin_tracks();
}

/// Decoding does not begin before a sync point.
void LiveMp4::keep(Part& part, const FramePtr& frame) {
  if (frame->sync_point) {
    part.kept.clear();
    part.kept_bytes = 0;
  } else if (part.kept.empty()) {
    return;
  }
  part.kept.push_back(frame);
  part.kept_bytes += sizeof(Frame) + frame->bytes.size();
  if (part.kept_bytes <= kKeptBytesMax) return;
  part.kept.clear();
  part.kept_bytes = 0;
  trouble_ = fmt::format("'{}' has more than {} MiB from one sync point to the next", part.stream.name,
                         kKeptBytesMax >> 20U);
}

void LiveMp4::look_for_silent_parts(const Part& part) {
  if (!has_begun_) return;
  for (const auto& other : parts_) {
    if (other->track == 0 || part.came_at <= other->came_at + kSilenceMax) continue;
    end_tracks(fmt::format("nothing comes of '{}'", other->stream.name));
    return other->forget();
  }
}

/// A part of which nothing comes is not waited for long.
bool LiveMp4::is_time_to_begin() const {
  MonoTime first = MonoTime::max();
  Duration wait{};
  for (const auto& part : parts_) {
    if (!part->is_usable()) continue;
    if (part->is_known()) {
      first = std::min(first, part->known_at);
    } else {
      const bool comes = part->came_at != MonoTime{} && now_ < part->came_at + kPartsTime;
      wait = std::max(wait, comes ? kSyncPointTime : kPartsTime);
    }
  }
  return first != MonoTime::max() && now_ >= first + wait;
}

void LiveMp4::begin_tracks() {
  unsigned track = 0;
  by_instants_ = true;
  for (const MediaKind media : {MediaKind::Video, MediaKind::Audio}) {
    Part* part = part_of(media);
    if (part == nullptr || !part->is_known() || !fits(*part)) continue;
    part->track = ++track;
    by_instants_ = by_instants_ && part->by_instant.is_set();
  }
  if (track == 0) return;
  if (!write_head()) return end_tracks(trouble_);
  has_begun_ = true;
  // As it came, but behind the first frame of the first track: that is at zero, and viewers begin with it.
  std::vector<std::pair<Part*, FramePtr>> kept;
  for (const auto& part : parts_) {
    if (part->track == 0) continue;
    part->depacketizer = make_depacketizer(part->stream.format);
    if (part->track == 1) zero_ = part->clock().time_of(part->kept.front()->media_time);
    const auto place = part->track == 1 ? kept.begin() : kept.end();
    std::vector<std::pair<Part*, FramePtr>> own;
    for (const FramePtr& frame : part->kept) own.emplace_back(part.get(), frame);
    kept.insert(place, own.begin(), own.end());
  }
  const WallTime first = kept.front().second->source_time;
  std::ranges::stable_sort(kept, {},
                           [first](const auto& each) { return std::max(first, each.second->source_time); });
  for (const auto& [part, frame] : kept) {
    if (!has_begun_) return;
    put(*part, *frame);
  }
}

/// The parts are aligned by their instants as soon as all have one. The first track goes on as it was.
void LiveMp4::go_by_instants() {
  const Part* leader = nullptr;
  for (const auto& part : parts_) {
    if (part->track > 0 && !part->by_instant.is_set()) return;
    if (part->track == 1) leader = part.get();
  }
  if (leader == nullptr || leader->kept.empty()) return;
  const std::uint32_t at = leader->kept.back()->media_time;
  zero_ += leader->by_instant.time_of(at) - leader->by_source_time.time_of(at);
  by_instants_ = true;
}

/// One part that nothing can be made of does not keep the others.
bool LiveMp4::fits(Part& part) {
  const Mp4Track track{part.stream.format, *part.config};
  const auto head = mp4_init_segment(std::span(&track, 1));
  if (head) return true;
  trouble_ = fmt::format("'{}': {}", part.stream.name, head.error().message);
  part.config.reset();
  return false;
}

bool LiveMp4::write_head() {
  std::vector<Mp4Track> tracks;
  for (const MediaKind media : {MediaKind::Video, MediaKind::Audio}) {
    for (const auto& part : parts_) {
      if (part->track > 0 && part->stream.format.media == media)
        tracks.push_back({part->stream.format, *part->config});
    }
  }
  auto head = mp4_init_segment(tracks);
  if (!head) {
    trouble_ = fmt::format("'{}': {}", name_, head.error().message);
    return false;
  }
  head_ = std::make_shared<const std::vector<std::uint8_t>>(std::move(*head));
  content_type_ = mp4_content_type(tracks);
  return true;
}

/// For viewers as well. Nothing that has come is forgotten.
void LiveMp4::end_tracks(std::string why) {
  if (!why.empty()) trouble_ = std::move(why);
  if (has_begun_) ++generation_;
  has_begun_ = false;
  first_ = end();
  pieces_.clear();
  kept_bytes_ = 0;
  sync_point_.reset();
  for (const auto& part : parts_) part->reset();
}

// ---- fragments ------------------------------------------------------------------------------------------

void LiveMp4::put(Part& part, const Frame& frame) {
  if (!by_instants_ && frame.instant) go_by_instants();
  const auto samples = part.depacketizer->take(frame);
  if (!samples) {
    trouble_ = fmt::format("'{}': {}", part.stream.name, samples.error().message);
    return;
  }
  const CodecConfig* config = part.depacketizer->config();
  if (config != nullptr && *config != *part.config) {
    part.config = *config;
    if (!write_head()) return end_tracks(trouble_);
  }
  for (const MediaSample& sample : *samples) {
    if (has_begun_) put_sample(part, frame, sample);
  }
}

void LiveMp4::put_sample(Part& part, const Frame& frame, const MediaSample& sample) {
  const std::int64_t presentation = part.clock().ticks_of(sample.media_time, zero_);
  if (presentation < 0 || sample.bytes.size() > std::numeric_limits<std::uint32_t>::max() / 2) return;
  if (part.last) {
    const std::int64_t distance = std::abs(presentation - part.last->presentation);
    const std::int64_t second = part.stream.format.clock_rate;
    if (distance > 0 && distance <= second)
      part.intervals.at(part.next_interval++ % kIntervals) = static_cast<std::uint32_t>(distance);
  }
  const std::uint32_t interval = part.interval();
  // Decode times rise, and those of video by no more than two of the durations that were said: a browser
  // takes more for a gap, behind which decoding has to begin anew (Media Source Extensions, coded frame
  // processing). They stay so far behind presentation times that pictures in another order are decoded before
  // they are shown.
  std::int64_t decode = presentation;
  if (part.is_video()) decode = std::max<std::int64_t>(presentation - kReorderIntervals * interval, 0);
  if (part.last) {
    const std::int64_t most = part.is_video() ? part.last->decode + 2 * part.last->duration : decode;
    decode = std::max(part.last->decode + 1, std::min(decode, most));
  }
  const std::int64_t offset = presentation - decode;
  if (std::abs(offset) > std::numeric_limits<std::int32_t>::max())
    return end_tracks(fmt::format("the time line of '{}' begins anew", part.stream.name));
  part.last = {decode, presentation, interval};
  auto bytes = mp4_fragment_head({.track = part.track,
                                  .fragment = ++fragment_,
                                  .decode_time = static_cast<std::uint64_t>(decode),
                                  .presentation_offset = static_cast<std::int32_t>(offset),
                                  .duration = interval,
                                  .sync_point = sample.sync_point},
                                 static_cast<std::uint32_t>(sample.bytes.size()));
  bytes.insert(bytes.end(), sample.bytes.begin(), sample.bytes.end());
  const bool leads = part.track == 1;
  append({.bytes = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes)),
          .head = head_,
          .arrived = frame.arrived.mono,
          .is_video = part.is_video(),
          .sync_point = leads && sample.sync_point});
}

/// Keeps what has come since the newest sync point, and what a viewer may be behind by.
void LiveMp4::append(Piece piece) {
  if (piece.sync_point) sync_point_ = end();
  kept_bytes_ += piece.bytes->size();
  const MonoTime now = piece.arrived;
  pieces_.push_back(std::move(piece));
  const auto can_go = [&] {
    if (kept_bytes_ > kKeptBytesMax) return true;
    return (!sync_point_ || first_ < *sync_point_) && pieces_.front().arrived + kLagMax < now;
  };
  while (!pieces_.empty() && can_go()) {
    kept_bytes_ -= pieces_.front().bytes->size();
    pieces_.pop_front();
    if (sync_point_ && *sync_point_ == first_) sync_point_.reset();
    ++first_;
  }
}

// ---- viewers --------------------------------------------------------------------------------------------

LiveCursor LiveMp4::begin() const {
  return {.next = sync_point_.value_or(end()), .history = end(), .generation = generation_};
}

std::size_t LiveMp4::backlog_bytes(const LiveCursor& cursor) const {
  std::size_t bytes = head_ ? head_->size() : 0;
  for (std::uint64_t number = cursor.next; number < end(); ++number) bytes += at(number).bytes->size();
  return bytes;
}

LiveBytes LiveMp4::next(LiveCursor& cursor, Now now) {
  if (has_ended(cursor) || cursor.next >= end()) return nullptr;
  const bool is_gone = cursor.next < first_;
  const bool is_late =
      !is_gone && cursor.next >= cursor.history && at(cursor.next).arrived + kLagMax < now.mono;
  if (is_gone || is_late) {
    const std::uint64_t before = cursor.next;
    // From the newest sync point, unless that is old as well or already behind it.
    const bool can_begin =
        sync_point_ && *sync_point_ > before && at(*sync_point_).arrived + kLagMax >= now.mono;
    cursor.next = can_begin ? *sync_point_ : end();
    cursor.skips_video = !can_begin;
    cursor.skipped += cursor.next - before;
  }
  while (cursor.next < end()) {
    const Piece& piece = at(cursor.next);
    if (piece.is_video && piece.sync_point) cursor.skips_video = false;
    if (piece.is_video && cursor.skips_video) {
      ++cursor.skipped;
      ++cursor.next;
      continue;
    }
    if (cursor.head != piece.head) return cursor.head = piece.head;
    ++cursor.next;
    return piece.bytes;
  }
  return nullptr;
}

}  // namespace ott
