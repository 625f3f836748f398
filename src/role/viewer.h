// The end of a stream: reads its records from the flow's buffer, in place, puts the frames together again and
// counts what came, what was left out and what is missing.
#pragma once

#include <optional>

#include "media/frame_sink.h"
#include "ott/rtp_jpeg.h"
#include "overlay/limited_log.h"
#include "plane/flow.h"
#include "role/latency_histogram.h"
#include "ott/repeated_warning.h"

namespace ott {

struct ViewerCounts {
  std::uint64_t frames_received = 0;
  std::uint64_t frames_lost = 0;
  std::uint64_t frames_skipped = 0;  // by a node on the way
  std::uint64_t frames_duplicate = 0;
  std::uint64_t bytes_received = 0;  // of records, their headers included
  Duration gap_max{};
  unsigned hops = 0;  // of the last frame
  LatencyHistogram latency;
};

class Viewer {
 public:
  /// `frames` may be null: then frames are counted only.
  Viewer(FrameSink* frames, LimitedLog& log) : frames_(frames), log_(log) {}

  /// Reads what is new. Frames of another stream than last time are counted from 0. Stops when the sink has
  /// taken `frames_max` frames (0: never). The error is the sink's.
  Result<void> read(const Flow& flow, std::uint64_t frames_max, Now now);
  [[nodiscard]] const ViewerCounts& counts() const { return counts_; }
  /// Frames that were received, but left out by the sink.
  [[nodiscard]] std::uint64_t frames_left_out() const {
    return frames_ == nullptr ? 0 : frames_->frames_left_out();
  }
  /// All frames that somebody left out for want of time: a node on the way, or the sink.
  [[nodiscard]] std::uint64_t frames_skipped() const { return counts_.frames_skipped + frames_left_out(); }
  /// Frames that were received and not left out.
  [[nodiscard]] std::uint64_t frames_kept() const { return counts_.frames_received - frames_left_out(); }

 private:
  void begin(const Flow& flow);
  Result<void> take(const Record& record, Now now);
  void warn_of_broken(Now now);
  Result<void> complete(const Record& record, ByteSpan jpeg, Now now);

  FrameSink* frames_;
  LimitedLog& log_;
  RtpJpegDepacketizer depacketizer_;
  std::optional<StreamId> stream_;
  unsigned buffer_number_ = 0;
  unsigned numbering_ = 0;
  Position position_;
  FrameNumber known_;                // frames up to here come again and are passed over
  FrameNumber last_;                 // the last one received
  FrameNumber accounted_;            // the last one received, or named by a SKIP
  std::uint64_t skipped_since_ = 0;  // frames after last_ that a SKIP has named
  std::optional<MonoTime> last_at_;
  std::uint64_t broken_ = 0;  // records and frames that could not be put together
  std::string why_broken_;    // the last one
  RepeatedWarning broken_warning_;
  ViewerCounts counts_;
};

}  // namespace ott
