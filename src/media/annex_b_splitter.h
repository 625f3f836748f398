// The access units of a byte stream of H.264 or H.265 (annex B of both), which has no times. A unit ends
// where the next one begins (H.264, section 7.4.1.2.3; H.265, section 7.4.2.4.4), so it is known one unit
// late. What comes before the first parameter sets nobody can decode; it is passed over.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/media_splitter.h"
#include "media/sample_config.h"

namespace ott {

enum class ByteStreamCodec : std::uint8_t { H264, H265 };
/// Of bytes that begin with a start code and a NAL unit that a stream may begin with.
std::optional<ByteStreamCodec> recognise_byte_stream(ByteSpan start);

class AnnexBSplitter final : public MediaSplitter {
 public:
  /// `fps`: what its parts say; 0: unknown.
  AnnexBSplitter(ByteStreamCodec codec, double fps);
  Result<std::optional<ByteSpan>> next() override;

 private:
  std::optional<std::size_t> find_end();
  bool make_sample(ByteSpan unit);
  [[nodiscard]] bool begins_unit(ByteSpan nal) const;
  [[nodiscard]] bool is_picture(std::uint8_t header) const;
  void begin_unit();
  void on_reset() override;

  ByteStreamCodec codec_;
  double fps_;
  SampleConfig config_;
  std::size_t looked_at_ = 0;  // of the window
  bool has_picture_ = false;   // the unit under way
  bool is_sync_ = false;       // of the unit that was made
  std::vector<std::uint8_t> sample_;
};

}  // namespace ott
