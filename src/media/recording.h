// The files of a recording, one after the other. What it does blocks, so a worker has it
// (media/record_outlet.h).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/container_writer.h"
#include "media/frame_clock.h"
#include "media/outlet.h"
#include "ott/result.h"

namespace ott {

/// Which files: as the command line says it.
struct RecordingRules {
  /// Its extension is the format. `{time}` in it is the local time of the first frame, like 20261126T104500.
  /// A name that is taken gets a number: cam.mkv, cam-2.mkv.
  std::string path;
  Duration roll_time{};          // a file that is this long is followed by the next; 0: never
  std::uint64_t roll_bytes = 0;  // so is one that would be larger than this; 0: never
};

/// `roll` as in `10m` or `500MB`; empty: there is one file. The error says what is wrong and what is
/// accepted.
Result<RecordingRules> parse_recording(std::string_view path, std::string_view roll);
/// Looks whether the first file can be made.
Result<void> check_recording(const RecordingRules& rules);

/// A file that a container's writer fills; closed, not finished, when it is destroyed.
class RecordingFile {
 public:
  /// Makes the file; null if there is one of this name.
  static Result<std::unique_ptr<RecordingFile>> make(const std::string& path,
                                                     std::unique_ptr<ContainerWriter> writer);
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;
  ~RecordingFile();

  [[nodiscard]] const ContainerWriter& writer() const { return *writer_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The error names the file, and is final. The file stays valid, and ends with the picture before.
  Result<void> add(const Picture& picture) { return perform(writer_->add(picture)); }
  Result<void> finish() { return perform(writer_->finish()); }

 private:
  RecordingFile(int fd, std::string path, std::unique_ptr<ContainerWriter> writer);
  Result<void> perform(const FileEdits& edits);

  int fd_;
  std::string path_;
  std::unique_ptr<ContainerWriter> writer_;
  std::uint64_t size_ = 0;
  std::vector<std::uint8_t> appended_;
};

class Recording {
 public:
  /// Of files that are begun since the pictures change their size: a stream that does it with each picture
  /// must not fill a disk with files.
  static constexpr unsigned kChangesPerMinuteMax = 20;

  explicit Recording(RecordingRules rules) : rules_(std::move(rules)) {}

  /// Writes a frame, or keeps it until the rate of the first ones is known, where the format needs that.
  /// `fps`: as the stream has it now; 0: it is not known. The error is final and names the file; a frame that
  /// cannot be recorded is none, but is counted.
  Result<void> write(FramePtr frame, double fps);
  /// Completes the last file. Nothing is written after that.
  Result<void> finish();

  [[nodiscard]] std::uint64_t frames() const { return frames_; }  // that are in the files
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t frames_refused() const { return refused_; }
  [[nodiscard]] const std::string& why_refused() const { return why_refused_; }
  /// The file that is written; empty before the first.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Held {
    FramePtr frame;
    Duration time;
  };

  Result<void> write_held();
  Result<void> record(const Frame& frame, Duration time);
  Result<void> begin_file(const Frame& frame);
  Result<void> end_file();
  [[nodiscard]] bool is_full(const Picture& picture) const;
  bool may_change(Duration time);
  Result<void> refuse(std::string why);

  RecordingRules rules_;
  FrameClock clock_;
  double fps_ = 0;              // for a format that needs it
  std::deque<Duration> times_;  // of the last second's frames
  std::vector<Held> held_;      // until the rate is known
  std::size_t held_bytes_ = 0;
  std::unique_ptr<RecordingFile> file_;
  Duration file_began_{};
  std::string path_;
  Duration minute_began_{};
  unsigned changes_ = 0;  // in that minute
  std::uint64_t frames_ = 0, bytes_ = 0, refused_ = 0;
  std::string why_refused_;
};

}  // namespace ott
