// AVI with one stream of MJPG, as OpenDML extends it ("OpenDML AVI File Format Extensions", 1.02): .avi.
//
//     RIFF 'AVI '                           RIFF 'AVIX' … one for each further GiB
//       LIST 'hdrl'                           LIST 'movi'
//         'avih'                                '00dc' …
//         LIST 'strl': strh, strf,              'ix00'
//                      indx (where each ix00 is)
//         LIST 'odml': dmlh
//       LIST 'movi'
//         '00dc' …                          a picture each
//         'ix00'                            where they are
//       'idx1'                              the same for readers that do not know OpenDML
//
// All pictures are shown for the same time. One that comes later than that is kept in its place by chunks of
// no bytes before it, for which players show the former picture again. The counts in the header are replaced
// with each picture, so a file that was never finished lacks only its indices.
#pragma once

#include "media/container_writer.h"

namespace ott {

class AviWriter final : public ContainerWriter {
 public:
  static constexpr std::uint64_t kRiffBytesMax = std::uint64_t{1} << 30U;
  /// Of chunks in one RIFF; it bounds the index that is kept in memory.
  static constexpr std::size_t kChunksMax = std::size_t{1} << 20U;
  /// A picture that comes later than this begins another file.
  static constexpr Duration kGapMax = std::chrono::hours(1);
  /// So does one of a stream that has become so much faster, once the file is so far behind it. A rate that
  /// is a little above the file's makes the file a little longer instead.
  static constexpr double kFasterMax = 1.25;
  static constexpr Duration kBehindMax = std::chrono::milliseconds(500);

  /// REQUIRES: `fps` is above 0.
  explicit AviWriter(double fps, std::uint64_t riff_bytes_max = kRiffBytesMax)
      : fps_(fps), riff_bytes_max_(riff_bytes_max) {}

  [[nodiscard]] bool fits(const Picture& picture) const override;
  FileEdits add(const Picture& picture) override;
  FileEdits finish() override;

 private:
  struct Chunk {
    std::uint32_t offset;  // of its head, from the start of the RIFF
    std::uint32_t bytes;
  };

  [[nodiscard]] std::uint64_t slot_of(const Picture& picture) const;
  [[nodiscard]] std::uint64_t frames() const { return frames_before_ + chunks_.size(); }
  [[nodiscard]] std::uint64_t end_of(const FileEdits& edits) const { return size_ + edits.before.size(); }
  [[nodiscard]] bool has_room(std::uint64_t size, std::size_t bytes) const;
  void write_head(const Picture& picture, std::vector<std::uint8_t>& out);
  void begin_riff(const Picture& picture, FileEdits& edits);
  void end_riff(FileEdits& edits);
  void begin_chunk(const Picture& picture, std::size_t bytes, FileEdits& edits);
  void count(FileEdits& edits, std::uint64_t movi_end, std::uint64_t riff_end) const;

  double fps_;
  std::uint64_t riff_bytes_max_;
  unsigned width_ = 0, height_ = 0;
  std::uint64_t size_ = 0;  // of the file, with what was handed out
  // Where the numbers of the head are that change.
  std::uint64_t flags_at_ = 0, total_frames_at_ = 0, length_at_ = 0, buffer_sizes_at_[2] = {};
  std::uint64_t indx_at_ = 0, indx_entries_at_ = 0, dmlh_at_ = 0;
  std::uint64_t riff_at_ = 0;        // the RIFF that grows
  std::uint64_t movi_at_ = 0;        // the type of its LIST
  std::uint64_t riffs_ = 0;          // complete ones
  std::uint64_t frames_before_ = 0;  // in complete RIFFs
  std::uint32_t largest_bytes_ = 0;
  Duration last_time_{};       // of the last picture
  double interval_s_ = 0;      // between pictures, the mean of some twenty
  std::vector<Chunk> chunks_;  // of the RIFF that grows
};

}  // namespace ott
