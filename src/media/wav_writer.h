// WAV of L16, PCMU and PCMA as RTP has them (RFC 3551, section 4.5): .wav. A head, and samples of one time
// line: where packets are missing there is silence, so that what follows keeps its time. No I/O.
#pragma once

#include <cstdint>
#include <optional>

#include "media/container_writer.h"
#include "ott/media_format.h"
#include "ott/types.h"

namespace ott {

class WavWriter {
 public:
  /// A longer gap is a time line that begins anew, and is not filled.
  static constexpr unsigned kSilenceSecondsMax = 10;

  /// REQUIRES: L16, PCMU or PCMA.
  explicit WavWriter(const MediaFormat& format);

  /// Samples in RTP's form, in whole instants. The first call appends the head, whose sizes say that they are
  /// not known; each second, and at the end, they are replaced by true ones.
  void add(ByteSpan samples, std::uint32_t media_time, FileEdits& edits);
  FileEdits finish();
  /// The next samples are of another time line.
  void begin_anew() { next_.reset(); }

 private:
  void write_head(FileEdits& edits);
  void replace_sizes(FileEdits& edits);

  bool is_l16_;
  bool is_a_law_;
  std::uint32_t rate_;
  std::uint32_t channels_;
  std::uint32_t instant_bytes_;
  std::optional<std::uint32_t> next_;  // the media time behind what is there
  std::uint64_t data_bytes_ = 0;
  std::uint64_t said_bytes_ = 0;  // of data, as the head says
  std::uint64_t size_ = 0;
};

}  // namespace ott
