#include "media/film_source.h"

#include <fmt/format.h>

#include "media/clip_format.h"
#include "ott/assert.h"

namespace ott {

FilmSource::FilmSource(SourceInfo info, std::string path, std::shared_ptr<const FilmSurvey> survey)
    : Source(std::move(info)), path_(std::move(path)), survey_(std::move(survey)) {}

Result<void> FilmSource::open() {
  auto file = InputFile::open(path_);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto start = file->read_start(kClipStartBytes);
  if (!start) return tl::unexpected<Error>(start.error());
  auto format = recognise_clip(*start, path_);
  if (!format) return tl::unexpected<Error>(format.error());
  splitter_ = std::move(format->splitter);
  file_.emplace(std::move(*file));
  next_ = 0;
  return file_->rewind();
}

tl::unexpected<Error> FilmSource::end(std::string why) {
  ended_ = true;
  return fail(std::move(why));
}

/// The next frame's bytes, past all that is none; nullopt: the end of the file.
Result<std::optional<ByteSpan>> FilmSource::read_frame() {
  for (;;) {
    const auto frame = splitter_->next();
    if (frame && *frame) {
      ++next_;
      return frame;
    }
    if (!frame) continue;  // the survey has told of it
    if (splitter_->at_end()) return std::nullopt;
    const auto bytes = file_->read(splitter_->space());
    if (!bytes) return tl::unexpected<Error>(bytes.error());
    if (*bytes == 0) {
      splitter_->finish();
    } else {
      splitter_->advance(*bytes);
    }
  }
}

/// Has this frame read next.
Result<void> FilmSource::go_to(std::uint64_t frame) {
  if (!file_) {
    if (auto opened = open(); !opened) return opened;
  }
  if (frame != next_) {
    const FilmIndex::Entry from = survey_ == nullptr ? FilmIndex::Entry{} : survey_->index.find(frame);
    splitter_->reset(from.offset);
    if (auto done = file_->seek(from.offset); !done) return done;
    next_ = from.frame;
  }
  while (next_ < frame) {
    const auto passed = read_frame();
    if (!passed) return tl::unexpected<Error>(passed.error());
    if (!*passed) return {};
  }
  return {};
}

Result<SourceFrame> FilmSource::next(FrameNumber number, WallTime /*wall*/) {
  OTT_ASSERT(number.value > 0);
  ended_ = false;
  if (auto there = go_to(number.value - 1); !there) {
    file_.reset();
    return end(there.error().message);
  }
  const auto bytes = read_frame();
  if (!bytes) {
    file_.reset();
    return end(bytes.error().message);
  }
  if (!*bytes) return end("");
  auto frame = converter_.make_carriable(**bytes);
  if (!frame)
    return fail(fmt::format("'{}': frame {}: byte {}: {}", path_, number.value, splitter_->frame_offset(),
                            frame.error().message));
  return frame;
}

}  // namespace ott
