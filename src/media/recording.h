// The files of a recording, one after the other: what the formats have in common (parts_recording.h,
// picture_recording.h). What it does blocks, so a worker has it (io/record_outlet.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "media/outlet.h"
#include "media/recording_file.h"
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

/// True if the files hold all parts of a source; else they hold JPEG, of one stream.
[[nodiscard]] bool holds_all_parts(const RecordingRules& rules);

class Recording {
 public:
  /// Of files that are begun since what is recorded changes (the size of pictures, a configuration, a part):
  /// a stream that does it with each frame must not fill a disk with files.
  static constexpr unsigned kChangesPerMinuteMax = 20;

  virtual ~Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Frames of this part may come: a file that begins is to have it.
  virtual void expect(const StreamInfo& /*part*/) {}
  /// Writes a frame, or keeps it until it is known what the file's head has to say. `stream` is the frame's,
  /// as it is now. The error is final and names the file; a frame that cannot be recorded is none, but is
  /// counted.
  virtual Result<void> write(const FramePtr& frame, const StreamInfo& stream) = 0;
  /// Completes the last file. Nothing is written after that.
  virtual Result<void> finish() = 0;

  [[nodiscard]] std::uint64_t frames() const { return frames_; }  // that are in the files
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t frames_refused() const { return refused_; }
  [[nodiscard]] const std::string& why_refused() const { return why_refused_; }
  /// The file that is written; empty before the first.
  [[nodiscard]] const std::string& path() const { return path_; }

 protected:
  explicit Recording(RecordingRules rules) : rules_(std::move(rules)) {}

  /// Makes the file that begins at this time.
  Result<std::unique_ptr<RecordingFile>> next_file(WallTime time);
  /// Counts the bytes.
  Result<void> perform(RecordingFile& file, const FileEdits& edits);
  /// Whether another file may begin for such a change now.
  [[nodiscard]] bool may_change(Duration time);
  /// Counts a frame that is left out.
  Result<void> refuse(std::string why);

  RecordingRules rules_;
  std::uint64_t frames_ = 0;

 private:
  std::string path_;
  Duration minute_began_{};
  unsigned changes_ = 0;  // in that minute
  std::uint64_t bytes_ = 0, refused_ = 0;
  std::string why_refused_;
};

std::unique_ptr<Recording> make_recording(RecordingRules rules);

}  // namespace ott
