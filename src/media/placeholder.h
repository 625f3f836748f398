// What an origin shows while its source has no frames: "no signal since 12:03" on grey, drawn by a worker, or
// the last frame once more.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "media/source.h"
#include "ott/time.h"
#include "ott/worker.h"

namespace ott {

enum class PlaceholderKind : std::uint8_t { None, Text, Freeze };

class Placeholder {
 public:
  Placeholder(PlaceholderKind kind, Workers& workers);
  ~Placeholder();

  [[nodiscard]] PlaceholderKind kind() const { return kind_; }
  /// A frame of the stream. The last one is kept, if it is to be shown.
  void on_frame(const SourceFrame& frame);
  /// The frame to show, valid until the next call; null while it is being drawn, or if there is none.
  /// `since`: when frames ceased to come; its hour and minute are shown in local time.
  const SourceFrame* frame(WallTime since);

 private:
  class Drawing;

  PlaceholderKind kind_;
  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<Drawing> drawing_;     // null while it is away, and before the first
  unsigned width_ = 640, height_ = 360;  // of the stream's frames
  std::vector<std::uint8_t> last_;       // the last frame
  std::optional<SourceFrame> shown_;
};

}  // namespace ott
