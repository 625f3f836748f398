// A file with sound, text or any video, as a source with times.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "media/file_sources.h"
#include "media/media_splitter.h"
#include "media/time_line.h"
#include "media/timed_source.h"

namespace ott {

class MediaFile final : public TimedSource {
 public:
  struct Content {
    std::string kind;
    bool has_times;
    double fps;  // of what has none
    std::unique_ptr<MediaSplitter> splitter;
  };

  /// Reads up to where its parts are known. Null if the file is of no kind that recognise_media() knows.
  static Result<std::unique_ptr<TimedSource>> open(const std::string& path, const SourceOptions& options,
                                                   std::uint32_t first_ssrc);
  /// Its lines.
  static Result<std::unique_ptr<TimedSource>> open_text(const std::string& path, const SourceOptions& options,
                                                        std::uint32_t first_ssrc);

  Result<void> read(WallTime zero, std::vector<PackedUnit>& units) override;
  [[nodiscard]] Duration position() const override { return position_; }
  [[nodiscard]] bool ended() const override { return ended_; }

 private:
  MediaFile(std::string path, InputFile file, Content content, AtEnd at_end);
  static Result<std::unique_ptr<TimedSource>> open_content(const std::string& path, InputFile file,
                                                           Content content, AtEnd at_end,
                                                           std::uint32_t first_ssrc);
  Result<void> find_parts(std::uint32_t first_ssrc);
  Result<void> rewind();
  Result<bool> read_more();
  Result<void> take(ByteSpan sample, std::vector<PackedUnit>& units);
  [[nodiscard]] tl::unexpected<Error> bad(const std::string& what) const;

  std::string path_;
  InputFile file_;
  Content content_;
  std::optional<PartPackets> packets_;
  TimeLine line_;
  std::uint64_t frames_ = 0;  // of this round, good or bad
  std::uint64_t units_ = 0;   // of this round, that were found
  Duration position_{};
  bool ended_ = false;
};

}  // namespace ott
