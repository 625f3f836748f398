#include "media/parts_recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "media/payload_format.h"
#include "ott/assert.h"
#include "ott/rtp_jpeg.h"

namespace ott {

/// One part of the source, and where its stream is.
struct PartsRecording::Part {
  explicit Part(StreamInfo is) : stream(std::move(is)) { begin(); }

  /// Another stream of its name takes its place.
  void begin() {
    depacketizer = is_jpeg() ? nullptr : make_depacketizer(stream.format);
    inter_coded = !is_jpeg() && payload_format(stream.format).inter_coded;
    waits = inter_coded;
    last = {};
    reset_clocks();
    if (stream.format.media == MediaKind::Text) config = CodecConfig{};
  }
  void reset_clocks() {
    const std::uint32_t rate = std::max(stream.format.clock_rate, 1U);
    by_instant = PartClock(PartClock::By::Instant, rate);
    by_source_time = PartClock(PartClock::By::SourceTime, rate);
  }
  [[nodiscard]] bool is_jpeg() const { return stream.format.is_jpeg(); }
  [[nodiscard]] bool is_known() const { return config.has_value(); }
  [[nodiscard]] RecordedTrack track() const { return {stream.format, *config}; }
  /// How the file says that it is decoded is how it is.
  [[nodiscard]] bool is_like(const RecordedTrack& track) const {
    return stream.format.is(track.format.encoding) && *config == track.config;
  }

  StreamInfo stream;
  std::unique_ptr<MediaDepacketizer> depacketizer;  // null of JPEG
  std::optional<CodecConfig> config;                // nothing until it is known
  bool inter_coded = false;
  bool waits = false;  // for a frame at which decoding can begin
  FrameNumber last;
  PartClock by_instant{PartClock::By::Instant, 1};
  PartClock by_source_time{PartClock::By::SourceTime, 1};
  FrameClock frame_clock;  // of pictures
  std::optional<WallTime> first_picture;
  TextLines lines;
};

PartsRecording::PartsRecording(RecordingRules rules) : Recording(std::move(rules)) {}
PartsRecording::~PartsRecording() = default;

// ---- parts and their time ---------------------------------------------------------------------------------

PartsRecording::Part& PartsRecording::part_of(const StreamInfo& stream) {
  const auto same =
      std::ranges::find_if(parts_, [&](const auto& part) { return part->stream.name == stream.name; });
  if (same == parts_.end()) return *parts_.emplace_back(std::make_unique<Part>(stream));
  Part& part = **same;
  const bool is_other = part.stream.id != stream.id;
  part.stream = stream;
  if (is_other) {
    if (&part == leader()) instants_ahead_.reset();
    part.begin();
  }
  return part;
}

/// The time of pictures that nothing has to be aligned with follows whatever clock is right.
bool PartsRecording::is_alone(const Part& part) const { return parts_.size() == 1 && part.is_jpeg(); }

std::string PartsRecording::place(const Part& part, const Frame& frame) const {
  if (parts_.size() == 1) return fmt::format("frame {}", frame.number.value);
  return fmt::format("'{}', frame {}", part.stream.name, frame.number.value);
}

PartsRecording::Part* PartsRecording::leader() const {
  for (const MediaKind media : {MediaKind::Video, MediaKind::Audio, MediaKind::Text}) {
    for (const auto& part : parts_) {
      if (part->is_known() && part->stream.format.media == media) return part.get();
    }
  }
  return nullptr;
}

/// By the origin's clock.
WallTime PartsRecording::time_of(const Part& part, const Sample& sample) const {
  if (is_alone(part)) return sample.shown_at;
  if (instants_ahead_ && part.by_instant.is_set())
    return part.by_instant.time_of(sample.media_time) - *instants_ahead_;
  return part.by_source_time.time_of(sample.media_time);
}

/// Frames that refer to one that is missing would show it.
bool PartsRecording::continues(Part& part, const Frame& frame) {
  const bool has_gap = part.last.value != 0 && frame.number.value != part.last.value + 1;
  part.last = frame.number;
  if (has_gap && part.inter_coded) part.waits = true;
  if (frame.sync_point) part.waits = false;
  return !part.waits;
}

/// False if the part's time line begins anew.
bool PartsRecording::look(Part& part, const Frame& frame) {
  const bool by_instant = part.by_instant.look(frame);
  const bool by_source_time = part.by_source_time.look(frame);
  if (by_instant && by_source_time) return true;
  if (!is_alone(part)) return false;
  part.reset_clocks();
  return look(part, frame);
}

/// Looks how far the clock of instants is from that of the origin, once.
void PartsRecording::align(const Part& part, std::uint32_t media_time) {
  if (instants_ahead_ || &part != leader() || !part.by_instant.is_set()) return;
  instants_ahead_ = part.by_instant.time_of(media_time) - part.by_source_time.time_of(media_time);
}

/// All are aligned anew, and in another file.
Result<void> PartsRecording::begin_anew(Part& part, const Frame& frame) {
  if (file_ && !may_change(frame.source_time.time_since_epoch()))
    return refuse(place(part, frame) + ": its time line begins anew, as it did too often before");
  if (auto ended = end_file(before_); !ended) return ended;
  if (auto ended = end_file(file_); !ended) return ended;
  held_.clear();
  held_bytes_ = 0;
  instants_ahead_.reset();
  for (const auto& each : parts_) {
    each->reset_clocks();
    each->waits = each->inter_coded;
  }
  part.waits = part.inter_coded && !frame.sync_point;
  (void)look(part, frame);
  return {};
}

// ---- frames to samples ------------------------------------------------------------------------------------

Result<void> PartsRecording::write(const FramePtr& frame, const StreamInfo& stream) {
  Part& part = part_of(stream);
  now_ = std::max(now_, frame->arrived.mono);
  if (frame->is_jpeg() != part.is_jpeg() || (!part.is_jpeg() && part.depacketizer == nullptr))
    return refuse(place(part, *frame) + ": it is not what its stream is said to be");
  if (!continues(part, *frame)) return refuse(place(part, *frame) + ": what decoding of it needs is missing");
  if (!look(part, *frame)) {
    const std::uint64_t refused = frames_refused();
    if (auto begun = begin_anew(part, *frame); !begun || frames_refused() > refused) return begun;
    if (part.waits) return refuse(place(part, *frame) + ": what decoding of it needs is missing");
  }
  return part.is_jpeg() ? take_picture(part, *frame) : take_samples(part, *frame);
}

Result<void> PartsRecording::take_picture(Part& part, const Frame& frame) {
  const auto image = parse_jpeg(frame.bytes);
  if (!image) return refuse(fmt::format("{}: {}", place(part, frame), image.error().message));
  CodecConfig config;
  config.width = image->width;
  config.height = image->height;
  part.config = std::move(config);
  if (!part.first_picture) part.first_picture = frame.source_time;
  align(part, frame.media_time);
  return put(part, {.bytes = frame.bytes,
                    .media_time = frame.media_time,
                    .shown_at = *part.first_picture + part.frame_clock.time_of(frame)});
}

Result<void> PartsRecording::take_samples(Part& part, const Frame& frame) {
  const auto samples = part.depacketizer->take(frame);
  if (!samples) {
    part.waits = part.inter_coded;
    return refuse(fmt::format("{}: {}", place(part, frame), samples.error().message));
  }
  const bool is_text = part.stream.format.media == MediaKind::Text;
  if (const CodecConfig* config = part.depacketizer->config(); config != nullptr && !is_text) {
    part.config = *config;
    if (config->width == 0 || config->height == 0) {
      part.config->width = part.stream.width;
      part.config->height = part.stream.height;
    }
  }
  align(part, frame.media_time);
  if (is_text) ++frames_;
  for (const MediaSample& sample : *samples) {
    Result<void> done;
    if (is_text) {
      const std::string_view text(reinterpret_cast<const char*>(sample.bytes.data()), sample.bytes.size());
      done = take_text(part, part.lines.take(text, sample.media_time));
    } else {
      done = put(part, {.bytes = sample.bytes,
                        .media_time = sample.media_time,
                        .sync_point = sample.sync_point && frame.sync_point,
                        .ends_frame = &sample == &samples->back()});
    }
    if (!done) return done;
  }
  return {};
}

Result<void> PartsRecording::take_text(Part& part, const std::vector<TextLines::Line>& lines) {
  for (const TextLines::Line& line : lines) {
    const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(line.text.data()), line.text.size());
    const Sample sample{
        .bytes = bytes, .media_time = line.media_time, .ends_frame = false, .shown_for = kLineTime};
    if (auto done = put(part, sample); !done) return done;
  }
  return {};
}

Result<void> PartsRecording::put(Part& part, const Sample& sample) {
  if (file_) return record(part, sample);
  if (held_.empty()) held_since_ = now_;
  Held& held = held_.emplace_back(Held{&part, sample, {sample.bytes.begin(), sample.bytes.end()}});
  held.sample.bytes = held.bytes;
  held_bytes_ += held.bytes.size();
  return is_time_to_begin() ? begin_with_held() : Result<void>{};
}

// ---- samples to files -------------------------------------------------------------------------------------

bool PartsRecording::is_time_to_begin() const {
  if (leader() == nullptr) return held_bytes_ > kHeldBytesMax;
  if (held_bytes_ > kHeldBytesMax || now_ >= held_since_ + kConfigTime) return true;
  if (!std::ranges::all_of(parts_, [](const auto& part) { return part->is_known(); })) return false;
  const bool may_have_others = parts_.front()->stream.name.find('/') != std::string::npos;
  return !may_have_others || now_ >= held_since_ + kPartsTime;
}

Result<void> PartsRecording::begin_with_held() {
  std::erase_if(held_, [](const Held& held) { return !held.part->is_known(); });
  held_bytes_ = 0;
  if (held_.empty()) return {};
  WallTime first = WallTime::max();
  for (const Held& held : held_) first = std::min(first, time_of(*held.part, held.sample));
  if (auto begun = begin_file(first); !begun) return begun;
  for (const Held& held : std::exchange(held_, {})) {
    if (auto done = record(*held.part, held.sample); !done) return done;
  }
  return {};
}

/// With all parts that are known, the leader first.
Result<void> PartsRecording::begin_file(WallTime time) {
  std::vector<const Part*> parts;
  for (const auto& part : parts_) {
    if (part->is_known()) parts.push_back(part.get());
  }
  const Part* first = leader();
  std::stable_partition(parts.begin(), parts.end(), [first](const Part* part) { return part == first; });
  std::vector<RecordedTrack> tracks;
  for (const Part* part : parts) tracks.push_back(part->track());
  auto made = next_file(time);
  if (!made) return tl::unexpected<Error>(std::move(made.error()));
  file_.emplace(OpenFile{std::move(*made), MatroskaWriter(time, std::move(tracks)), time, std::move(parts)});
  return {};
}

Result<void> PartsRecording::end_file(std::optional<OpenFile>& open) {
  if (!open) return {};
  auto done = open->file->size() == 0 ? Result<void>{} : perform(*open->file, open->writer.finish());
  open.reset();
  return done;
}

/// The leader is at a frame at which decoding can begin, and so can a file.
Result<void> PartsRecording::follow_leader(Part& part, const Sample& sample, WallTime time) {
  constexpr Duration kRounding = std::chrono::milliseconds(1);
  const auto is_in_file = [this](const Part& one, std::size_t track) {
    return file_->parts[track] == &one && one.is_like(file_->writer.tracks()[track]);
  };
  bool has_changed = !is_in_file(part, 0);
  for (const auto& one : parts_) {
    if (!one->is_known()) continue;
    const auto found = std::ranges::find(file_->parts, one.get());
    has_changed = has_changed || found == file_->parts.end() ||
                  !is_in_file(*one, static_cast<std::size_t>(found - file_->parts.begin()));
  }
  const Duration length = time - file_->began;
  const bool is_full =
      (rules_.roll_time > Duration{} && length + kRounding >= rules_.roll_time) ||
      (rules_.roll_bytes > 0 && file_->file->size() + sample.bytes.size() > rules_.roll_bytes);
  if (has_changed && !may_change(time.time_since_epoch())) return {};
  if (!has_changed && !is_full) return {};
  if (auto ended = end_file(before_); !ended) return ended;
  before_ = std::exchange(file_, std::nullopt);
  for (const auto& one : parts_) {
    if (one.get() != &part && one->inter_coded) one->waits = true;
  }
  return begin_file(time);
}

Result<void> PartsRecording::record(Part& part, const Sample& sample) {
  const WallTime time = time_of(part, sample);
  const bool leads = &part == leader();
  if (leads && sample.sync_point && time > file_->began) {
    if (auto followed = follow_leader(part, sample, time); !followed) return followed;
  }
  if (before_ && time >= file_->began + kLateMax) {
    if (auto ended = end_file(before_); !ended) return ended;
  }
  OpenFile* open = time < file_->began && !leads && before_ ? &*before_ : &*file_;
  const auto found = std::ranges::find(open->parts, &part);
  const auto track = static_cast<std::size_t>(found - open->parts.begin());
  const auto say = [&](const std::string& why) {
    return refuse(fmt::format("'{}': {}", part.stream.name, why));
  };
  if (found == open->parts.end()) return say("the file that is written does not have this part");
  if (!part.is_like(open->writer.tracks()[track]))
    return say("it needs a file of its own, as too many did before it");
  if (time < open->began) return say("it was taken before the file began");
  return record_into(*open, track, sample, time);
}

Result<void> PartsRecording::record_into(OpenFile& open, std::size_t track, const Sample& sample,
                                         WallTime time) {
  auto done = perform(*open.file, open.writer.add({.bytes = sample.bytes,
                                                   .track = track,
                                                   .time = time - open.began,
                                                   .sync_point = sample.sync_point,
                                                   .shown_for = sample.shown_for}));
  if (!done) {
    // The files stay as they are.
    before_.reset();
    file_.reset();
    return done;
  }
  if (sample.ends_frame) ++frames_;
  return done;
}

Result<void> PartsRecording::finish() {
  for (const auto& part : parts_) {
    if (const auto line = part->lines.take_rest()) {
      if (auto done = take_text(*part, {*line}); !done) return done;
    }
  }
  if (!file_) {
    if (auto begun = begin_with_held(); !begun) return begun;
  }
  if (auto ended = end_file(before_); !ended) return ended;
  return end_file(file_);
}

}  // namespace ott
