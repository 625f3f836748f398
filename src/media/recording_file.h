// A file that is filled as a container's writer says (container_writer.h). What is here waits for the disk.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "media/container_writer.h"
#include "ott/result.h"
#include "ott/time.h"

namespace ott {

/// Stands for the local time in the name of a file.
inline constexpr std::string_view kTimeInName = "{time}";

/// Closed when it is destroyed.
class RecordingFile {
 public:
  /// Makes the file; null if there is one of this name.
  static Result<std::unique_ptr<RecordingFile>> make(const std::string& path);
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;
  ~RecordingFile();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The error names the file, and is final. The file stays valid, and ends with what was there before.
  Result<void> perform(const FileEdits& edits);

 private:
  RecordingFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  int fd_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::vector<std::uint8_t> appended_;
};

/// Makes the file of such a name, with `time` for kTimeInName. Where there is one already it has a number
/// before its extension, from 2: cam-2.mkv.
Result<std::unique_ptr<RecordingFile>> make_numbered_file(const std::string& pattern, WallTime time);

}  // namespace ott
