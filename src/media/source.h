// Where a stream's frames come from. A source hands out JPEGs that RFC 2435 carries as they are, one per
// call; who paces it and numbers the frames is the caller. One source belongs to one stream and one thread.
//
//     pattern:                  a moving test picture, 1280x720 at 30 frames a second
//     pattern:640x360@25        the same in another size and rate
//     clip.mjpeg                concatenated JPEGs, or the classic container (each JPEG preceded by its
//     length
//                               as five digits); loops for ever
//     pictures/                 the *.jpg and *.jpeg of a directory in the order of their names; loops for
//     ever
//     -                         concatenated JPEGs on standard input, as they come
//
// `?fps=25` behind any of these sets the rate.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

struct SourceInfo {
  std::string kind;    // "pattern", "clip", "mjpeg", "directory" or "stdin"
  unsigned width = 0;  // of the first frame; 0 while a live source has had none
  unsigned height = 0;
  double fps = 0;  // nominal for a live source
};

class Source {
 public:
  virtual ~Source() = default;

  [[nodiscard]] const SourceInfo& info() const { return info_; }
  /// The next frame, valid until the next call. nullopt: nothing now; only from a live source. An error is
  /// about one frame, and names the file, the frame and the byte; the next call goes on.
  virtual Result<std::optional<ByteSpan>> next(FrameNumber number, WallTime wall) = 0;

  /// Paced by what is fed to it, not by info().fps: after each feed(), call next() until it returns nullopt.
  [[nodiscard]] virtual bool live() const { return false; }
  /// The input of a live source is over and all of its frames have been taken.
  [[nodiscard]] virtual bool ended() const { return false; }
  /// REQUIRES: live(), and feed_end() not yet called.
  virtual void feed(ByteSpan bytes);
  virtual void feed_end();

 protected:
  explicit Source(SourceInfo info) : info_(std::move(info)) {}

  SourceInfo info_;
};

inline constexpr double kFpsMin = 1;
inline constexpr double kFpsMax = 240;

/// The error says what about the specification is wrong and what is accepted.
Result<std::unique_ptr<Source>> open_source(std::string_view spec);

}  // namespace ott
