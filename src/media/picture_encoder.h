// Encodes planes of 4:2:0 as a JPEG: a compressor that is set up once and fed planes as they are, without
// colour conversion or resampling.
#pragma once

#include <memory>

#include "media/test_picture.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

class PictureEncoder {
 public:
  static constexpr int kQuality = 80;

  /// The picture must outlive it. REQUIRES: these are its sides.
  PictureEncoder(TestPicture& picture, unsigned width, unsigned height);
  ~PictureEncoder();

  /// Valid until the next call.
  Result<ByteSpan> encode();

 private:
  class Compressor;
  std::unique_ptr<Compressor> compressor_;
};

}  // namespace ott
