// Matroska (RFC 9559, EBML: RFC 8794) with one track of V_MJPEG: .mkv. Timestamps are in milliseconds.
//
//     EBML, Segment (its size unknown until the end)
//       SeekHead, Void            where Info, Tracks and, at the end, Cues are
//       Info                      its Duration is that of the pictures so far
//       Tracks
//       Cluster …                 two seconds each; the size of the one that grows is unknown
//         SimpleBlock …           a picture each
//       Cues                      at the end: where each Cluster is
//
// Sizes are replaced by true ones when a Cluster, and at last the Segment, is complete. A reader may begin
// while the file grows, and a file that was never finished lacks only its Cues.
#pragma once

#include <optional>
#include <string>

#include "media/container_writer.h"

namespace ott {

class MatroskaWriter final : public ContainerWriter {
 public:
  static constexpr Duration kClusterTime = std::chrono::seconds(2);

  /// `began`: the wall clock's time of the first picture.
  explicit MatroskaWriter(WallTime began) : began_(began) {}

  [[nodiscard]] bool fits(const Picture& picture) const override;
  FileEdits add(const Picture& picture) override;
  FileEdits finish() override;

 private:
  struct Cluster {
    std::uint64_t offset;  // in the file
    std::int64_t time_ms;
  };

  void write_head(const Picture& picture, FileEdits& edits);
  void begin_cluster(FileEdits& edits);
  void end_cluster(FileEdits& edits) const;
  [[nodiscard]] FileEdits::Replacement duration() const;

  WallTime began_;
  unsigned width_ = 0, height_ = 0;
  std::uint64_t size_ = 0;  // of the file, with what was handed out
  std::uint64_t segment_at_ = 0, seek_cues_at_ = 0, duration_at_ = 0;
  std::int64_t last_ms_ = -1;
  std::int64_t interval_ms_ = 0;  // between the last two pictures
  std::vector<Cluster> clusters_;
};

}  // namespace ott
