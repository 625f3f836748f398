// One viewer's reading of a film's file: any frame of it, by its number. Like other sources it belongs to a
// worker. It opens its file when it is first asked for a frame, so that making one costs nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "media/file_sources.h"
#include "media/film_index.h"

namespace ott {

class FilmSource final : public Source {
 public:
  /// `info`: what its file was found to be. `survey`: null while there is none; then the film can be read
  /// from its beginning only.
  FilmSource(SourceInfo info, std::string path, std::shared_ptr<const FilmSurvey> survey);

  /// The film's frame of this number, from 1. What follows the last one is the end, after which it can be
  /// asked for any other frame nevertheless. A file that cannot be read has ended.
  Result<SourceFrame> next(FrameNumber number, WallTime wall) override;
  [[nodiscard]] bool ended() const override { return ended_; }

 private:
  Result<void> open();
  Result<void> go_to(std::uint64_t frame);
  Result<std::optional<ByteSpan>> read_frame();
  tl::unexpected<Error> end(std::string why);

  std::string path_;
  std::shared_ptr<const FilmSurvey> survey_;
  std::optional<InputFile> file_;
  std::unique_ptr<FrameSplitter> splitter_;
  JpegConverter converter_;
  std::uint64_t next_ = 0;  // the frame that is read next, from 0
  bool ended_ = false;
};

}  // namespace ott
