#include "media/media_file.h"

#include <fmt/format.h>

#include "media/media_kind.h"
#include "media/text_splitter.h"

namespace ott {
namespace {

constexpr double kVideoFps = 25;
constexpr double kLinesPerSecond = 1;

Duration at_rate(std::uint64_t index, double fps) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(index) / fps));
}

}  // namespace

MediaFile::MediaFile(std::string path, InputFile file, Content content, AtEnd at_end)
    : TimedSource({content.kind, 0, 0, 0, at_end}),
      path_(std::move(path)),
      file_(std::move(file)),
      content_(std::move(content)) {}

Result<std::unique_ptr<TimedSource>> MediaFile::open(const std::string& path, const SourceOptions& options,
                                                     std::uint32_t first_ssrc) {
  auto file = InputFile::open(path);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto start = file->read_start(kMediaStartBytes);
  if (!start) return tl::unexpected<Error>(start.error());
  const double fps = options.fps != 0 ? options.fps : kVideoFps;
  auto found = recognise_media(*start, true, fps);
  if (found.splitter == nullptr) return nullptr;
  if (options.fps != 0 && found.has_times)
    return fail(
        fmt::format("'{}' is {}, which has times of its own: there is no ?fps= of it", path, found.kind));
  return open_content(path, std::move(*file), {found.kind, found.has_times, fps, std::move(found.splitter)},
                      options.at_end.value_or(AtEnd::Loop), first_ssrc);
}

Result<std::unique_ptr<TimedSource>> MediaFile::open_text(const std::string& path,
                                                          const SourceOptions& options,
                                                          std::uint32_t first_ssrc) {
  auto file = InputFile::open(path);
  if (!file) return tl::unexpected<Error>(file.error());
  const double fps = options.fps != 0 ? options.fps : kLinesPerSecond;
  return open_content(path, std::move(*file), {"text", false, fps, std::make_unique<TextSplitter>()},
                      options.at_end.value_or(AtEnd::Loop), first_ssrc);
}

Result<std::unique_ptr<TimedSource>> MediaFile::open_content(const std::string& path, InputFile file,
                                                             Content content, AtEnd at_end,
                                                             std::uint32_t first_ssrc) {
  std::unique_ptr<MediaFile> source(new MediaFile(path, std::move(file), std::move(content), at_end));
  if (auto found = source->find_parts(first_ssrc); !found)
    return tl::unexpected<Error>(std::move(found.error()));
  return source;
}

/// Reads up to the first unit, and goes back.
Result<void> MediaFile::find_parts(std::uint32_t first_ssrc) {
  if (auto done = rewind(); !done) return done;
  std::optional<Error> first;
  for (;;) {
    const auto sample = content_.splitter->next();
    if (!sample && !first) first = sample.error();
    if (sample && *sample) break;
    if (!sample) continue;
    const auto more = read_more();
    if (!more) return tl::unexpected<Error>(more.error());
    if (*more) continue;
    return fail(first ? fmt::format("'{}': {}", path_, first->message)
                      : fmt::format("'{}' is {}, and holds nothing that can be carried", path_, info_.kind));
  }
  parts_ = content_.splitter->parts();
  packets_.emplace(parts_, first_ssrc);
  for (const MediaPart& part : parts_) {
    if (part.format.media != MediaKind::Video || info_.width != 0) continue;
    info_.width = part.width;
    info_.height = part.height;
    info_.fps = part.fps;
  }
  return rewind();
}

Result<void> MediaFile::rewind() {
  content_.splitter->reset();
  line_.restart();
  frames_ = 0;
  units_ = 0;
  return file_.rewind();
}

/// False at the end.
Result<bool> MediaFile::read_more() {
  if (content_.splitter->at_end()) return false;
  const auto bytes = file_.read(content_.splitter->space());
  if (!bytes) return tl::unexpected<Error>(bytes.error());
  if (*bytes == 0) {
    content_.splitter->finish();
  } else {
    content_.splitter->advance(*bytes);
  }
  return true;
}

tl::unexpected<Error> MediaFile::bad(const std::string& what) const {
  return fail(fmt::format("'{}': frame {}: {}", path_, frames_, what));
}

Result<void> MediaFile::read(WallTime /*zero*/, std::vector<PackedUnit>& units) {
  for (;;) {
    const auto sample = content_.splitter->next();
    if (!sample || *sample) ++frames_;
    if (!sample) return bad(sample.error().message);
    if (*sample) {
      return take(**sample, units);
    }
    const auto more = read_more();
    if (!more) return tl::unexpected<Error>(more.error());
    if (*more) continue;
    if (info_.at_end != AtEnd::Loop) {
      ended_ = true;
      return {};
    }
    if (units_ == 0) return fail(fmt::format("'{}' holds no frame any more", path_));
    if (auto done = rewind(); !done) return done;
  }
}

Result<void> MediaFile::take(ByteSpan sample, std::vector<PackedUnit>& units) {
  const MediaSplitter::Stamp& stamp = content_.splitter->stamp();
  const std::string place = fmt::format("byte {}", content_.splitter->frame_offset());
  if (content_.splitter->parts() != parts_) return bad(place + ": another stream begins, with other parts");
  const MediaFormat& format = parts_[stamp.part].format;
  const bool at_a_rate = !content_.has_times;
  const std::uint64_t index = units_++;
  const Duration time = at_a_rate ? at_rate(index, content_.fps) : stamp.time.value_or(position_);
  const auto lasts = at_a_rate ? at_rate(1, content_.fps) : sample_duration(format, sample);
  const auto placed =
      line_.place({stamp.part, time, lasts, format.media == MediaKind::Text || at_a_rate}, line_.end());
  position_ = placed.time;
  const std::size_t before = units.size();
  if (auto packed = packets_->pack(stamp.part, placed.time, stamp.sync_point, sample, units); !packed)
    return bad(place + ": " + packed.error().message);
  for (std::size_t i = before; i < units.size(); ++i)
    units[i].place = fmt::format("'{}': frame {}: {}", path_, frames_, place);
  if (placed.jumped) return bad(place + ": its times jump; they go on from where they were");
  return {};
}

}  // namespace ott
