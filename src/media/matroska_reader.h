// The parts of a Matroska or WebM stream (RFC 9559, EBML: RFC 8794) and their samples, out of bytes that come
// in any pieces: of a pipe that somebody writes live, whose sizes are unknown, or of a file. Elements that
// say nothing of tracks and blocks are passed over, whatever their size; blocks with EBML or Xiph lacing,
// which no writer uses for what is carried here, are refused. No I/O, no clock.
//
// The use of it:
//
//     while (bytes come) {
//       if (auto pushed = reader.push(bytes); !pushed) …   // the stream is none; nothing more will come of
//       it
//       // tracks() is there before the first unit
//       while (auto unit = reader.next()) …
//     }
//
// It keeps no more than one element that is not whole yet (kElementBytesMax), and what one push() had.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "media/media_sample.h"
#include "ott/time.h"

namespace ott {

/// A part that can be carried, as format_of() describes it: also V_MJPEG, which is JPEG.
struct MediaTrack {
  MediaFormat format;
  CodecConfig config;
  double fps = 0;  // of video, where its head says it; else 0
};

class MatroskaReader {
 public:
  static constexpr std::size_t kElementBytesMax = std::size_t{16} << 20;
  static constexpr std::size_t kTracksMax = 32;

  /// A sample in the form of media_sample.h; a JPEG of V_MJPEG.
  struct Unit {
    std::size_t track;  // in tracks()
    /// When it is shown, since the stream's zero; not always in order (pictures that are shown later than
    /// ones that need them), and a little below zero where a codec has a delay at the start.
    Duration time;
    bool sync_point;
    ByteSpan bytes;  // valid until the next push() or resume_at()
  };
  /// Where a cluster begins, in bytes since the first one pushed, and its time.
  struct Cluster {
    std::uint64_t offset;
    Duration time;
  };

  /// Takes the next bytes. The error names the byte and what is wrong there; nothing can be pushed after it
  /// but by resume_at(). REQUIRES: next() has returned all units of the bytes before.
  Result<void> push(ByteSpan bytes);
  /// Empty until they are known.
  [[nodiscard]] const std::vector<MediaTrack>& tracks() const { return tracks_; }
  /// Names of those that are not carried, and why, for the log ("track 3: S_HDMV/PGS"); with tracks().
  [[nodiscard]] const std::vector<std::string>& passed_over() const { return passed_over_; }
  std::optional<Unit> next();

  /// The last cluster whose beginning has come.
  [[nodiscard]] const std::optional<Cluster>& cluster() const { return cluster_; }
  /// Of the whole stream, if its head says it.
  [[nodiscard]] std::optional<Duration> duration() const { return duration_; }
  /// The bytes that are pushed next are those from `offset` on, where a cluster begins. REQUIRES: tracks()
  /// are known.
  void resume_at(std::uint64_t offset);

 private:
  std::vector<MediaTrack> tracks_;
  std::vector<std::string> passed_over_;
  std::optional<Cluster> cluster_;
  std::optional<Duration> duration_;
};

}  // namespace ott
