// The parameter sets of an H.265 stream and what they say: the configuration that MP4 and Matroska hold
// (hvcC; ISO/IEC 14496-15, section 8.3.3.1), its name (appendix E.3 there) and the size of the pictures.
// Nothing is believed beyond what is read in bounds. No I/O.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "media/media_sample.h"

namespace ott {

namespace h265 {
// Types of NAL units (H.265, table 7-1), and what RTP packets hold instead of one (RFC 7798, section 4.4).
inline constexpr unsigned kSliceLast = 31, kVps = 32, kSps = 33, kPps = 34;
inline constexpr unsigned kNalLast = 47, kAggregate = 48, kFragment = 49, kPaci = 50;
inline constexpr std::size_t kHeadBytes = 2;

[[nodiscard]] constexpr unsigned nal_type(std::uint8_t first_byte) { return first_byte >> 1U & 0x3FU; }
/// Part of a picture.
[[nodiscard]] constexpr bool is_slice(unsigned type) { return type <= kSliceLast; }
}  // namespace h265

struct H265Sps {
  unsigned id = 0;
  std::array<std::uint8_t, 12> profile_level{};  // profile_tier_level() up to general_level_idc
  unsigned temporal_layers = 1;
  bool temporal_nesting = false;
  unsigned chroma_format = 1;
  unsigned luma_bits = 8, chroma_bits = 8;
  unsigned width = 0, height = 0;  // within the conformance window
};
/// The error says what cannot be. REQUIRES: a NAL unit, with its head.
Result<H265Sps> parse_h265_sps(ByteSpan nal);

class H265ParameterSets {
 public:
  /// Takes a NAL unit if it is a parameter set; one that says nothing new changes nothing. One that cannot be
  /// read is passed over: decoders will say what they think of it.
  void take(ByteSpan nal);
  /// Those of sprop-vps, sprop-sps and sprop-pps (RFC 7798, section 7.1).
  void take_parameters(std::string_view parameters);
  /// Those of an hvcC.
  Result<void> take_record(ByteSpan record);

  /// Nothing until there is one of each kind.
  [[nodiscard]] const std::optional<CodecConfig>& config() const { return config_; }

 private:
  using Sets = std::map<unsigned, std::vector<std::uint8_t>>;  // by id

  void configure();

  std::map<unsigned, H265Sps> parsed_;
  Sets vps_, sps_, pps_;
  std::optional<CodecConfig> config_;
};

/// The parameters of a=fmtp for such an hvcC (RFC 7798, section 7.1).
std::string h265_parameters(const CodecConfig& config);
/// The bytes before each NAL unit in samples that belong to such an hvcC: 1, 2 or 4.
Result<std::size_t> hvcc_length_bytes(ByteSpan record);

}  // namespace ott
