// A source with a pace of its own: its units have times, and belong to one part or several. Whoever has it
// paces it by them (timed_input.h). It waits for the disk or draws a picture, so a worker has it, and one
// thread at a time uses it.
//
//     film.mkv, sound.wav, film.ivf, film.h264, film.ts   a file, of any kind that media_kind.h knows; loops
//     pattern:+tone, pattern:640x480@25+tone              the test picture and a beep at each second's frame
//     text:FILE                                           a text, line by line, each second one; loops
//
// `?fps=25` sets the rate where there are no times: of a byte stream's pictures, and of a text's lines.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "media/part_packets.h"
#include "media/source.h"

namespace ott {

class TimedSource {
 public:
  virtual ~TimedSource() = default;

  [[nodiscard]] const SourceInfo& info() const { return info_; }
  [[nodiscard]] const std::vector<MediaPart>& parts() const { return parts_; }
  /// Appends the next units, in the order of their times but for what a decoder needs ahead of its time. An
  /// error is about one unit, and names the file, the frame and the byte; units may have been appended all
  /// the same, and the next call goes on. At the end, unless the source loops, ended() is true. `zero`: when
  /// the source's zero is shown. REQUIRES: !ended().
  virtual Result<void> read(WallTime zero, std::vector<PackedUnit>& units) = 0;
  /// The time of what is read next, about.
  [[nodiscard]] virtual Duration position() const = 0;
  [[nodiscard]] virtual bool ended() const { return false; }
  /// True if the time is seen in the picture.
  [[nodiscard]] virtual bool shows_time() const { return false; }

 protected:
  explicit TimedSource(SourceInfo info) : info_(std::move(info)) {}

  SourceInfo info_;
  std::vector<MediaPart> parts_;  // at least one, of formats that PartPackets takes; always the same
};

/// Null if it is none of these sources: that of open_source() (source.h). The error says what about it is
/// wrong. `first_ssrc`: of its packets.
Result<std::unique_ptr<TimedSource>> open_timed_source(const std::string& spec, std::uint32_t first_ssrc);

}  // namespace ott
