// The files of a recording that hold pictures of one stream, one after the other: AVI, the classic clip and
// concatenated JPEGs.
#pragma once

#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "media/container_writer.h"
#include "media/frame_clock.h"
#include "media/recording.h"

namespace ott {

/// True of a name whose end is that of such a format.
[[nodiscard]] bool is_picture_format(std::string_view path);

class PictureRecording final : public Recording {
 public:
  /// REQUIRES: is_picture_format(rules.path).
  explicit PictureRecording(RecordingRules rules) : Recording(std::move(rules)) {}

  /// Keeps frames until the rate of the first ones is known, where the format needs that.
  Result<void> write(const FramePtr& frame, const StreamInfo& stream) override;
  Result<void> finish() override;

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

  FrameClock clock_;
  double fps_ = 0;              // for a format that needs it
  std::deque<Duration> times_;  // of the last second's frames
  std::vector<Held> held_;      // until the rate is known
  std::size_t held_bytes_ = 0;
  std::unique_ptr<RecordingFile> file_;
  std::unique_ptr<ContainerWriter> writer_;  // of that file
  Duration file_began_{};
};

}  // namespace ott
