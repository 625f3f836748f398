// Makes any JPEG one that RFC 2435 carries. Most are carried as they are, and then nothing is copied.
// Progressive JPEGs, own Huffman tables, arithmetic coding, several scans and grey are transcoded coefficient
// by coefficient, so every pixel stays. Only what has no lossless way (4:4:4, RGB, CMYK, three quantisation
// tables, coefficients outside the standard Huffman tables) is encoded anew.
#pragma once

#include <cstdint>
#include <memory>

#include "ott/result.h"
#include "ott/rtp_jpeg.h"
#include "ott/types.h"

namespace ott {

/// Keeps its buffers between frames; one per source.
class JpegConverter {
 public:
  enum class How : std::uint8_t { AsIs, Transcoded, Reencoded };

  struct Converted {
    ByteSpan jpeg;    // the input itself, up to its EOI, or our buffer: valid until the next call
    JpegImage image;  // its parse, carriable; with the metadata of the input, into which they point
    How how = How::AsIs;
    JpegObstacle why = JpegObstacle::None;  // what RFC 2435 could not carry of the input
    ByteSpan no_more_true{};                // an ICC profile of the input that is not for the new colours
  };

  /// Larger images are refused unless they can be carried as they are: it bounds what a bad file can cost.
  static constexpr std::uint64_t kPixelsMax = std::uint64_t{1} << 25;
  static constexpr int kReencodeQuality = 95;

  JpegConverter();
  ~JpegConverter();
  JpegConverter(JpegConverter&&) noexcept;
  JpegConverter& operator=(JpegConverter&&) noexcept;

  /// A JPEG that ends within its image data is taken as far as it goes (`image.cut_off`). The error says what
  /// is wrong with the JPEG: damaged, more than 8 bits per sample, too large.
  Result<Converted> make_carriable(ByteSpan jpeg);

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;  // made when first needed
};

}  // namespace ott
