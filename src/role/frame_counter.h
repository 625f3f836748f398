// What a client takes of its stream: counts what came, what was left out and what is missing, and gives the
// frames to a sink.
#pragma once

#include <optional>
#include <string>

#include "media/frame_sink.h"
#include "media/outlet.h"
#include "ott/repeated_warning.h"
#include "overlay/limited_log.h"
#include "role/latency_histogram.h"

namespace ott {

struct FrameCounts {
  std::uint64_t frames_received = 0;
  std::uint64_t frames_lost = 0;
  std::uint64_t frames_skipped = 0;  // by a node on the way
  std::uint64_t frames_duplicate = 0;
  std::uint64_t bytes_received = 0;  // of records, their headers included
  Duration gap_max{};
  unsigned hops = 0;  // of the last frame
  LatencyHistogram latency;
};

class FrameCounter final : public FrameTaker {
 public:
  /// `sink` may be null: then frames are counted only. It gets a picture at most `every` so often (0: each).
  /// Takes no more once the sink has taken `frames_max` frames (0: no end).
  FrameCounter(FrameSink* sink, Duration every, std::uint64_t frames_max, LimitedLog& log)
      : sink_(sink), interval_(every), frames_max_(frames_max), log_(log) {}

  void on_stream(const StreamInfo& stream) override;
  void on_frame(const FramePtr& frame) override;
  void on_skip(FrameNumber first, FrameNumber last) override;
  void on_duplicate(FrameNumber) override { ++counts_.frames_duplicate; }
  void on_broken(const std::string& why, Now now) override;
  /// The viewer has paused: the time until the next frame is no gap in the stream.
  void note_pause() { last_at_.reset(); }
  /// The viewer goes to another place: what it leaves out is not lost.
  void forget_place();
  /// Warns of what happened while it was not the time to.
  void tick(Now now);

  [[nodiscard]] const FrameCounts& counts() const { return counts_; }
  /// The sink's error, once there is one.
  [[nodiscard]] const Result<void>& written() const { return written_; }
  /// Frames that were received, but left out by the sink.
  [[nodiscard]] std::uint64_t frames_left_out() const {
    return sink_ == nullptr ? left_out_before_ : sink_->frames_left_out();
  }
  /// The sink has failed, and others go on: from here on frames are counted only.
  void give_up_sink() {
    left_out_before_ = frames_left_out();
    sink_ = nullptr;
    written_ = {};
  }
  /// All frames that somebody left out for want of time: a node on the way, or the sink.
  [[nodiscard]] std::uint64_t frames_skipped() const { return counts_.frames_skipped + frames_left_out(); }
  /// Frames that were received, and written or on their way to be. Those that nobody wanted, since one came
  /// shortly before, are neither kept nor left out.
  [[nodiscard]] std::uint64_t frames_kept() const {
    return counts_.frames_received - frames_left_out() - unwanted_;
  }

 private:
  [[nodiscard]] bool enough() const { return frames_max_ != 0 && frames_kept() >= frames_max_; }

  FrameSink* sink_;
  std::uint64_t left_out_before_ = 0;  // by a sink that was given up
  StreamInfo stream_;
  FrameInterval interval_;
  std::uint64_t frames_max_;
  std::uint64_t unwanted_ = 0;
  LimitedLog& log_;
  FrameNumber last_;                 // the last one received
  FrameNumber accounted_;            // the last one received, or named by a SKIP
  std::uint64_t skipped_since_ = 0;  // frames after last_ that a SKIP has named
  std::optional<MonoTime> last_at_;
  std::uint64_t broken_ = 0;  // records and frames that could not be put together
  std::string why_broken_;    // the last one
  RepeatedWarning broken_warning_;
  Result<void> written_;
  FrameCounts counts_;
};

}  // namespace ott
