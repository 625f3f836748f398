// The frames of one stream from its newest sync point on: what somebody who joins it now is given first, so
// that it has a picture at once. Of a stream in which decoding can begin at each frame that is the newest
// frame. What does not fit the bounds is not kept at all: then there is nothing until the next sync point.
#pragma once

#include <cstddef>
#include <vector>

#include "media/outlet.h"

namespace ott {

class FramesSinceSync {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;
  static constexpr std::size_t kFramesMax = 10'000;

  /// A frame of another stream, or one before which frames are missing, has nothing to do with those before.
  void push(FramePtr frame);
  void clear();

  /// In their order, the first one a sync point; none if there is none that can be decoded.
  [[nodiscard]] const std::vector<FramePtr>& frames() const { return frames_; }

 private:
  std::vector<FramePtr> frames_;
  std::size_t bytes_ = 0;
};

}  // namespace ott
