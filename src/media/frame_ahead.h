// A paced source that a worker reads one frame ahead, so that a frame is there when it is due.
#pragma once

#include <memory>

#include "media/source.h"
#include "ott/worker.h"

namespace ott {

class FrameAhead {
 public:
  /// REQUIRES: !source->live().
  FrameAhead(std::unique_ptr<Source> source, Workers& workers);
  ~FrameAhead();
  FrameAhead(FrameAhead&&) noexcept;
  FrameAhead& operator=(FrameAhead&&) noexcept;

  [[nodiscard]] const SourceInfo& info() const { return info_; }
  [[nodiscard]] bool shows_time() const { return shows_time_; }

  /// Has the next frame read. REQUIRES: idle().
  void read(FrameNumber number, WallTime wall);
  /// The frame that was read, or what is wrong with it; null until it is there. Valid until drop().
  const Result<SourceFrame>* frame();
  /// The source has ended: frame() is the error that says so.
  [[nodiscard]] bool ended() const;
  /// Lets go of the frame that was read, or is being read.
  void drop();
  /// True if there is neither a frame nor one being read.
  [[nodiscard]] bool idle() const { return job_ != nullptr && !ready_; }
  /// True while a worker has the source.
  [[nodiscard]] bool reading() const { return queue_->unfinished() > 0; }

 private:
  class Reading;

  SourceInfo info_;
  bool shows_time_;
  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<Reading> job_;  // null while it is away
  bool ready_ = false;            // job_ holds a frame
  bool unwanted_ = false;         // what is being read
};

}  // namespace ott
