// The parts of a Matroska or WebM stream (RFC 9559, EBML: RFC 8794) and their samples, out of bytes that come
// in any pieces: of a pipe that somebody writes live, whose sizes are unknown, or of a file. Elements that
// say nothing of tracks and blocks are passed over, whatever their size. No I/O, no clock.
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

#include "media/ebml.h"
#include "media/matroska_tracks.h"

namespace ott {

class MatroskaReader {
 public:
  static constexpr std::size_t kElementBytesMax = std::size_t{16} << 20;
  static constexpr std::size_t kTracksMax = 32;

  /// A sample in the form of media_sample.h; a JPEG of V_MJPEG; of S_TEXT/UTF8 a line with its end.
  struct Unit {
    std::size_t track = 0;  // in tracks()
    /// When it is shown, since the stream's zero; not always in order (pictures that are shown later than
    /// ones that need them), and a little below zero where a codec has a delay at the start.
    Duration time{};
    bool sync_point = true;
    ByteSpan bytes{};  // valid until the next push() or resume_at()
  };
  /// Where a cluster begins, in bytes since the first one pushed, and its time.
  struct Cluster {
    std::uint64_t offset = 0;
    Duration time{};
  };

  /// Takes the next bytes. The error names the byte and what is wrong there; units before it can still be
  /// taken, but nothing be pushed any more except after resume_at(). REQUIRES: next() has returned all units
  /// of the bytes before.
  Result<void> push(ByteSpan bytes);
  /// Empty until they are known.
  [[nodiscard]] const std::vector<MediaTrack>& tracks() const { return tracks_; }
  /// Those that are not carried, and why, for the log ("track 3 (S_HDMV/PGS): such a codec is not carried");
  /// with tracks().
  [[nodiscard]] const std::vector<std::string>& passed_over() const { return passed_over_; }
  std::optional<Unit> next();

  /// That of the unit that next() has returned last.
  [[nodiscard]] const std::optional<Cluster>& cluster() const { return cluster_; }
  /// Of the whole stream, if its head says it.
  [[nodiscard]] std::optional<Duration> duration() const { return duration_; }
  /// The bytes that are pushed next are those from `offset` on, where a cluster begins. REQUIRES: tracks()
  /// are known.
  void resume_at(std::uint64_t offset);

 private:
  struct Block {
    std::size_t track;
    Duration time;
    bool sync_point;
  };
  struct Waiting {
    Unit unit;
    Cluster cluster;
  };

  Result<bool> take_element();
  Result<void> take_body(std::uint32_t id, ByteSpan body);
  Result<void> take_info(ByteSpan body);
  Result<void> take_tracks(ByteSpan body);
  Result<void> take_block_group(ByteSpan body);
  Result<void> take_block(ByteSpan body, std::optional<bool> sync_point);
  Result<void> take_laces(ByteSpan rest, unsigned lacing, Block block);
  Result<void> add_unit(const Block& block, ByteSpan frame);
  Result<Duration> time_of(std::uint64_t ticks) const;

  std::vector<std::uint8_t> buffer_;
  std::size_t taken_ = 0;     // of the buffer
  std::uint64_t offset_ = 0;  // of the buffer's beginning
  std::uint64_t skip_ = 0;    // bytes of a body that is passed over, still to come
  bool failed_ = false;

  std::uint64_t ns_per_tick_ = 1'000'000;
  std::vector<MatroskaTrack> known_;
  std::vector<MediaTrack> tracks_;
  std::vector<std::string> passed_over_;
  std::optional<Duration> duration_;

  std::uint64_t cluster_offset_ = 0;
  std::optional<Cluster> arriving_;  // the cluster of the blocks that come
  std::optional<Cluster> cluster_;
  std::deque<Waiting> units_;
  std::deque<std::vector<std::uint8_t>> converted_;  // the bytes of units that are not as in the stream
};

}  // namespace ott
