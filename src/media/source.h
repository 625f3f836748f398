// Where a stream's frames come from. A source hands out JPEGs, one per call; its caller paces it and numbers
// the frames. One source belongs to one stream, and is used by one thread at a time: most wait for the disk
// or encode a picture, so a worker has them (frame_ahead.h, live_frames.h).
//
//     pattern:                  a moving test picture, 1280x720 at 30 frames a second
//     pattern:640x360@25        the same in another size and rate
//     clip.mjpeg                concatenated JPEGs, or the classic container (classic_clip.h); loops
//     pictures/                 the *.jpg and *.jpeg of a directory in the order of their names; loops
//     -                         concatenated JPEGs, or the parts of a multipart stream, on standard input
//
// `?fps=25` behind any of these sets the rate; standard input is then read no faster. `?eof=wait|end|loop`
// says what comes at the end. Several options are joined by '&'.
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

struct SourceInfo {
  std::string kind;    // "pattern", "clip", "mjpeg", "directory" or "stdin"
  unsigned width = 0;  // of the first frame; 0 for a live source
  unsigned height = 0;
  double fps = 0;  // 0: a live source's own
  AtEnd at_end = AtEnd::Loop;
  bool live = false;       // its size and rate are found out, and it may be stalled
  bool on_demand = false;  // it is started when somebody watches, and stopped `linger` after the last one
  Duration linger = std::chrono::seconds(10);
};

/// A frame as RFC 2435 carries it, and how it was made so.
using SourceFrame = JpegConverter::Converted;

/// A frame of a live source as it came: only its end has been found yet.
struct RawFrame {
  ByteSpan jpeg;
  std::uint64_t number = 0;  // of the input, from 1
  std::uint64_t offset = 0;  // in the input
};

class Source {
 public:
  virtual ~Source() = default;

  [[nodiscard]] const SourceInfo& info() const { return info_; }
  /// The next frame, valid until the next call. An error is about one frame, and names the file, the frame
  /// and the byte; the next call goes on. At the end, unless the source loops, there is an error and ended()
  /// is true. REQUIRES: !live(), !ended().
  virtual Result<SourceFrame> next(FrameNumber number, WallTime wall);
  /// True if next()'s arguments are shown in the picture.
  [[nodiscard]] virtual bool shows_time() const { return false; }

  /// Made of the input that is fed to it: after each feed(), call take() until it returns nullopt.
  [[nodiscard]] virtual bool live() const { return false; }
  /// The input is over and all of its frames have been taken.
  [[nodiscard]] virtual bool ended() const { return false; }
  /// REQUIRES: live(), and feed_end() not yet called.
  virtual void feed(ByteSpan bytes);
  virtual void feed_end();
  /// The next whole frame of what was fed, valid until the next call; nullopt: there is none yet. Errors are
  /// those of next(). REQUIRES: live().
  virtual Result<std::optional<RawFrame>> take();
  /// The error as it is shown: with the frame's place in the input. REQUIRES: live().
  [[nodiscard]] virtual Error describe(const RawFrame& frame, const Error& error) const;

 protected:
  explicit Source(SourceInfo info) : info_(std::move(info)) {}

  SourceInfo info_;
};

inline constexpr double kFpsMin = 1;
inline constexpr double kFpsMax = 240;

/// The error says what about the specification is wrong and what is accepted.
Result<std::unique_ptr<Source>> open_source(std::string_view spec);

}  // namespace ott
