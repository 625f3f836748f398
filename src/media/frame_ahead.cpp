#include "media/frame_ahead.h"

#include "ott/assert.h"

namespace ott {

/// The job owns the source: one that takes the job takes the source with it.
class FrameAhead::Reading : public Job {
 public:
  explicit Reading(std::unique_ptr<Source> from) : source(std::move(from)) {}

  void run() override { frame = source->next(number, wall); }

  std::unique_ptr<Source> source;
  FrameNumber number;
  WallTime wall;
  Result<SourceFrame> frame;
};

FrameAhead::FrameAhead(std::unique_ptr<Source> source, Workers& workers)
    : info_(source->info()),
      shows_time_(source->shows_time()),
      queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})),
      job_(std::make_unique<Reading>(std::move(source))) {}

FrameAhead::~FrameAhead() = default;
FrameAhead::FrameAhead(FrameAhead&&) noexcept = default;
FrameAhead& FrameAhead::operator=(FrameAhead&&) noexcept = default;

void FrameAhead::read(FrameNumber number, WallTime wall) {
  OTT_ASSERT(idle());
  job_->number = number;
  job_->wall = wall;
  queue_->submit(std::move(job_));
}

const Result<SourceFrame>* FrameAhead::frame() {
  if (job_ == nullptr) {
    auto done = queue_->collect();
    if (done == nullptr) return nullptr;
    job_.reset(static_cast<Reading*>(done.release()));
    ready_ = !std::exchange(unwanted_, false);
  }
  return ready_ ? &job_->frame : nullptr;
}

bool FrameAhead::ended() const { return job_ != nullptr && job_->source->ended(); }

void FrameAhead::drop() {
  ready_ = false;
  unwanted_ = job_ == nullptr;
}

}  // namespace ott
