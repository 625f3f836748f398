// The parameter sets of an H.264 stream and what they say: the configuration that MP4 and Matroska hold
// (avcC; ISO/IEC 14496-15, section 5.3.3.1), its name (RFC 6381) and the size of the pictures. Nothing is
// believed beyond what is read in bounds. No I/O.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "media/media_sample.h"

namespace ott {

namespace h264 {
// Types of NAL units (H.264, table 7-1), and what RTP packets hold instead of one (RFC 6184, section 5.2).
inline constexpr unsigned kSliceFirst = 1, kIdr = 5, kSps = 7, kPps = 8, kNalLast = 23;
inline constexpr unsigned kStapA = 24, kStapB = 25, kMtap24 = 27, kFuA = 28, kFuB = 29;

[[nodiscard]] constexpr unsigned nal_type(std::uint8_t first_byte) { return first_byte & 0x1FU; }
/// Part of a picture.
[[nodiscard]] constexpr bool is_slice(unsigned type) { return type >= kSliceFirst && type <= kIdr; }
}  // namespace h264

struct H264Sps {
  unsigned id = 0;
  std::array<std::uint8_t, 3> profile_level{};  // profile_idc, constraint flags, level_idc
  unsigned chroma_format = 1;
  unsigned luma_bits = 8, chroma_bits = 8;
  unsigned width = 0, height = 0;  // after cropping
};
/// The error says what cannot be. REQUIRES: a NAL unit, with its first byte.
Result<H264Sps> parse_h264_sps(ByteSpan nal);

class H264ParameterSets {
 public:
  /// Takes a NAL unit if it is a parameter set; one that says nothing new changes nothing. One that cannot be
  /// read is passed over: decoders will say what they think of it.
  void take(ByteSpan nal);
  /// Those of sprop-parameter-sets (RFC 6184, section 8.1).
  void take_parameters(std::string_view parameters);
  /// Those of an avcC.
  Result<void> take_record(ByteSpan record);

  /// Nothing until there is one of each kind.
  [[nodiscard]] const std::optional<CodecConfig>& config() const { return config_; }

 private:
  void configure();

  struct Sps {
    std::vector<std::uint8_t> nal;
    H264Sps parsed;
  };
  std::map<unsigned, Sps> sps_;                        // by id, 0 to 31
  std::map<unsigned, std::vector<std::uint8_t>> pps_;  // by id, 0 to 255
  std::optional<CodecConfig> config_;
};

/// The parameters of a=fmtp for such an avcC (RFC 6184, section 8.2.1).
std::string h264_parameters(const CodecConfig& config);
/// The bytes before each NAL unit in samples that belong to an avcC or hvcC: 1, 2 or 4.
Result<std::size_t> avcc_length_bytes(ByteSpan record);

}  // namespace ott
