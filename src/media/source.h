// A source with a pace of ours: a file, a directory, the test picture. It hands out JPEGs, one per call; its
// caller paces it (paced_input.h). A source waits for the disk or encodes a picture, so a worker has it, and
// one thread at a time uses it.
//
//     pattern:                  a moving test picture, 1280x720 at 30 frames a second
//     pattern:640x360@25        the same in another size and rate
//     clip.mjpeg                a file of pictures, of any kind that clip_format.h knows; loops
//     pictures/                 the *.jpg and *.jpeg of a directory in the order of their names; loops
//
// `?fps=25` behind any of these sets the rate. `?eof=wait|end|loop` says what comes at the end.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "media/jpeg_convert.h"
#include "ott/result.h"
#include "ott/rtp_jpeg.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

/// What becomes of a stream when its source has ended.
enum class AtEnd : std::uint8_t {
  Loop,  // it begins again; for what can be read again
  Wait,  // it stays, without frames
  End,   // it ends
};

/// How long an input that is live runs on when nobody watches any more: viewers that come back, or whose way
/// to here was cut for a moment, find it as it was.
inline constexpr Duration kLinger = std::chrono::seconds(10);

struct SourceInfo {
  std::string kind;    // "pattern", "clip", "stdin", …: a word for lists
  unsigned width = 0;  // of the first frame; 0 for a live source
  unsigned height = 0;
  double fps = 0;  // 0: a live source's own
  AtEnd at_end = AtEnd::Loop;
  bool live = false;      // its size and rate are found out, and it may be stalled
  bool on_demand = true;  // it is started when somebody watches, and stopped `linger` after the last one
  Duration linger{};
  bool parts_unknown = false;  // until on_parts() it is not known what it has: not listed as JPEG
  bool standby = false;        // the stream is offered only while no other origin offers one of its name
};

/// A frame as RFC 2435 carries it, and how it was made so.
using SourceFrame = JpegConverter::Converted;

class Source {
 public:
  virtual ~Source() = default;

  [[nodiscard]] const SourceInfo& info() const { return info_; }
  /// The next frame, valid until the next call. An error is about one frame, and names the file, the frame
  /// and the byte; the next call goes on. At the end, unless the source loops, there is an error and ended()
  /// is true. REQUIRES: !ended().
  virtual Result<SourceFrame> next(FrameNumber number, WallTime wall) = 0;
  /// True if next()'s arguments are shown in the picture.
  [[nodiscard]] virtual bool shows_time() const { return false; }

  /// All frames have been handed out.
  [[nodiscard]] virtual bool ended() const { return false; }

 protected:
  explicit Source(SourceInfo info) : info_(std::move(info)) {}

  SourceInfo info_;
};

/// The error says what about the specification is wrong and what is accepted.
Result<std::unique_ptr<Source>> open_source(std::string_view spec);

}  // namespace ott
