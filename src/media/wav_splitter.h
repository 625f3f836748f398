// A WAV file or stream (RIFF, with WAVEFORMATEX or WAVEFORMATEXTENSIBLE) as audio of RFC 3551: PCM becomes
// L16 of the same rate and channels, other widths than 16 bits are converted; mu-law and A-law pass as PCMU
// and PCMA. A unit is what one RTP packet holds, 10 ms or, where that would be too large, a half or less of
// it. A length of the data that cannot be (0, or 0xFFFFFFFF, as of who writes to a pipe) is no bound.
#pragma once

#include <cstdint>
#include <vector>

#include "media/media_splitter.h"

namespace ott {

/// True if bytes that begin so are WAV.
bool is_wav(ByteSpan start);

class WavSplitter final : public MediaSplitter {
 public:
  Result<std::optional<ByteSpan>> next() override;

 private:
  enum class Coding : std::uint8_t { Integers, Floats, Logarithmic };

  Result<bool> read_head();
  Result<void> read_format(ByteSpan chunk);
  [[nodiscard]] std::size_t frame_bytes() const { return std::size_t{channels_} * sample_bytes_; }
  void convert(ByteSpan samples);
  void on_reset() override;

  std::uint64_t skip_ = 0;  // bytes that are passed over before the next chunk
  bool begun_ = false;      // behind the RIFF header
  bool broken_ = false;     // nothing can come of it
  bool in_data_ = false;
  std::uint64_t data_left_ = 0;
  Coding coding_ = Coding::Integers;
  unsigned rate_ = 0;
  unsigned channels_ = 0;
  unsigned sample_bytes_ = 0;
  std::size_t frames_each_ = 0;  // sample frames of a unit
  std::uint64_t frames_ = 0;     // before the next unit
  std::vector<std::uint8_t> unit_;
};

}  // namespace ott
