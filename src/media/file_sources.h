// The sources that read files. Files are read with bounds rather than mapped: a clip that
// is cut short while it plays must cost frames, not the process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/frame_splitter.h"
#include "media/jpeg_convert.h"
#include "media/source.h"
#include "media/source_spec.h"

namespace ott {

/// An open file that closes itself.
class InputFile {
 public:
  static Result<InputFile> open(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();
  /// Returns 0 at the end.
  Result<std::size_t> read(MutableByteSpan into);
  /// As many of its first bytes as there are, up to so many. REQUIRES: nothing was read yet.
  Result<std::vector<std::uint8_t>> read_start(std::size_t bytes_max);
  Result<void> rewind();
  Result<void> seek(std::uint64_t offset);

 private:
  InputFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

/// One file of many frames; begins again at its end, unless it is told otherwise.
class ClipSource final : public Source {
 public:
  /// The container is found by the content, and has a rate of its own.
  static Result<std::unique_ptr<Source>> open(const std::string& path, const SourceOptions& options);
  Result<SourceFrame> next(FrameNumber number, WallTime wall) override;
  [[nodiscard]] bool ended() const override { return ended_; }

 private:
  ClipSource(SourceInfo info, std::string path, InputFile file, std::unique_ptr<FrameSplitter> splitter);
  Result<void> rewind();
  Result<void> read_more();
  Result<void> probe();
  Result<std::optional<SourceFrame>> next_of_round();
  [[nodiscard]] tl::unexpected<Error> bad(const std::string& what) const;

  std::string path_;
  InputFile file_;
  std::unique_ptr<FrameSplitter> splitter_;
  JpegConverter converter_;
  std::uint64_t frames_ = 0;  // of this round, good or bad
  bool ended_ = false;
};

/// A directory of JPEG files; begins again at its end, unless it is told otherwise. Its names are read once.
class DirectorySource final : public Source {
 public:
  static Result<std::unique_ptr<Source>> open(const std::string& path, const SourceOptions& options);
  Result<SourceFrame> next(FrameNumber number, WallTime wall) override;
  [[nodiscard]] bool ended() const override { return ended_; }

 private:
  DirectorySource(SourceInfo info, std::vector<std::string> paths);
  Result<ByteSpan> read(const std::string& path);

  std::vector<std::string> paths_;
  std::size_t next_ = 0;
  bool ended_ = false;
  std::vector<std::uint8_t> buffer_;
  JpegConverter converter_;
};

}  // namespace ott
