// Finds the access units of one or several parts in a container's bytes that arrive in pieces: a
// FrameSplitter whose frames belong to parts and have times. A frame is what media_sample.h calls a sample,
// or a JPEG.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/frame_splitter.h"
#include "media/input.h"
#include "ott/time.h"

namespace ott {

class MediaSplitter : public FrameSplitter {
 public:
  /// Of one input; what a container has beyond them is passed over.
  static constexpr std::size_t kPartsMax = 8;

  /// What is said of the frame that next() returned last.
  struct Stamp {
    std::size_t part = 0;  // in parts()
    /// By the container's clock, which begins anywhere and may jump; nothing where it has none.
    std::optional<Duration> time{};
    bool sync_point = true;  // decoding can begin here
  };

  /// Empty until they are known, which is before the first frame is returned. They may change when another
  /// stream follows in the same bytes.
  [[nodiscard]] const std::vector<MediaPart>& parts() const { return parts_; }
  [[nodiscard]] const Stamp& stamp() const { return stamp_; }
  /// What the container has beside its parts, and why it is passed over; for the log.
  [[nodiscard]] const std::vector<std::string>& passed_over() const { return passed_over_; }

 protected:
  std::vector<MediaPart> parts_;
  Stamp stamp_;
  std::vector<std::string> passed_over_;
};

}  // namespace ott
