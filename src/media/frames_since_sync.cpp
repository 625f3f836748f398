#include "media/frames_since_sync.h"

#include <utility>

namespace ott {

void FramesSinceSync::push(FramePtr frame) {
  if (frame->sync_point) {
    clear();
  } else {
    const bool follows = !frames_.empty() && frames_.back()->stream == frame->stream &&
                         frames_.back()->number.value + 1 == frame->number.value;
    const bool fits = frames_.size() < kFramesMax && bytes_ + frame->bytes.size() <= kBytesMax;
    if (!follows || !fits) return clear();
  }
  bytes_ += frame->bytes.size();
  frames_.push_back(std::move(frame));
}

void FramesSinceSync::clear() {
  frames_.clear();
  bytes_ = 0;
}

}  // namespace ott
