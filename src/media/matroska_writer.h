// Matroska (RFC 9559, EBML: RFC 8794) with a track for each part of a source: .mkv. Timestamps are in
// milliseconds.
//
//     EBML, Segment (its size unknown until the end)
//       SeekHead, Void            where Info, Tracks and, at the end, Cues are
//       Info                      its Duration is that of the samples so far
//       Tracks
//       Cluster …                 two seconds or a bit more; the size of the one that grows is unknown
//         SimpleBlock, BlockGroup …   a sample each; of text with its duration
//       Cues                      at the end: where the Clusters are that begin where decoding can begin
//
// Sizes are replaced by true ones when a Cluster, and at last the Segment, is complete. A reader may begin
// while the file grows, and a file that was never finished lacks only its Cues.
#pragma once

#include <cstdint>
#include <vector>

#include "media/container_writer.h"
#include "media/matroska_entries.h"
#include "ott/time.h"

namespace ott {

/// What a file gets of one of its parts.
struct RecordedSample {
  ByteSpan bytes{};
  std::size_t track = 0;  // of those that the writer has
  Duration time{};        // when it is shown, since the file began; not negative
  bool sync_point = true;
  Duration shown_for{};  // of text
};

class MatroskaWriter {
 public:
  static constexpr Duration kClusterTime = std::chrono::seconds(2);
  /// Of one that waits for a place where decoding can begin.
  static constexpr Duration kClusterTimeMax = std::chrono::seconds(10);

  /// `began`: the wall clock's time at which the file begins. The first track leads: Clusters begin where
  /// decoding of it can begin. REQUIRES: at least one track, and matroska_can_hold() each.
  MatroskaWriter(WallTime began, std::vector<RecordedTrack> tracks);

  [[nodiscard]] const std::vector<RecordedTrack>& tracks() const { return tracks_; }
  /// In the order in which they are decoded. The first call's edits contain the file's head. The sample's
  /// bytes are borrowed.
  FileEdits add(const RecordedSample& sample);
  /// What makes the file complete. REQUIRES: add() was called.
  FileEdits finish();

 private:
  struct Cluster {
    std::uint64_t offset;  // in the file
    std::int64_t time_ms;
    bool can_begin;  // decoding
  };
  /// Of one track: the newest sample, and how long it is.
  struct Progress {
    std::int64_t last_ms = -1;
    std::int64_t interval_ms = 0;
    std::int64_t end_ms = 0;  // of what is shown; where no sample says it, a guess that the next one corrects
  };

  void write_head(FileEdits& edits);
  [[nodiscard]] std::int64_t take_time(const RecordedSample& sample);
  [[nodiscard]] bool fits_cluster(const RecordedSample& sample, std::int64_t time_ms) const;
  void begin_cluster(const RecordedSample& sample, std::int64_t time_ms, FileEdits& edits);
  void end_cluster(FileEdits& edits) const;
  void put_block(const RecordedSample& sample, std::int64_t time_ms, FileEdits& edits) const;
  [[nodiscard]] FileEdits::Replacement duration() const;

  WallTime began_;
  std::vector<RecordedTrack> tracks_;
  std::vector<Progress> progress_;  // of each track
  std::uint64_t size_ = 0;          // of the file, with what was handed out
  std::uint64_t segment_at_ = 0, seek_cues_at_ = 0, duration_at_ = 0;
  std::vector<Cluster> clusters_;
};

}  // namespace ott
