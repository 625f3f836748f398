// The frames of an IVF file or stream, of VP8, VP9 or AV1: a header of 32 bytes, and each frame behind its
// size and its time.
#pragma once

#include <optional>

#include "media/media_splitter.h"
#include "media/sample_config.h"

namespace ott {

bool is_ivf(ByteSpan start);

class IvfSplitter final : public MediaSplitter {
 public:
  Result<std::optional<ByteSpan>> next() override;

 private:
  enum class Codec : std::uint8_t { Vp8, Vp9, Av1 };

  Result<bool> read_head();
  bool describe(ByteSpan sample);
  void on_reset() override;

  bool begun_ = false;
  bool broken_ = false;
  Codec codec_ = Codec::Vp8;
  std::uint32_t rate_ = 1, scale_ = 1;  // the unit of times is scale / rate seconds
  unsigned width_ = 0, height_ = 0;
  std::optional<SampleConfig> config_;
};

}  // namespace ott
