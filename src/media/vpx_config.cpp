#include "media/vpx_config.h"

#include <fmt/format.h>

#include <array>

#include "media/bit_reader.h"

namespace ott {
namespace {

unsigned level_of(const VpxPicture& picture) {
  struct Level {
    unsigned level;
    std::uint64_t luma_samples_max;  // of a picture
  };
  constexpr std::array kLevels = {Level{10, 36'864},    Level{11, 73'728},   Level{20, 122'880},
                                  Level{21, 245'760},   Level{30, 552'960},  Level{31, 983'040},
                                  Level{41, 2'228'224}, Level{51, 8'912'896}};
  constexpr unsigned kLargest = 61;
  const std::uint64_t samples = std::uint64_t{picture.width} * picture.height;
  for (const Level& row : kLevels) {
    if (samples <= row.luma_samples_max) return row.level;
  }
  return kLargest;
}

CodecConfig config_of(const VpxPicture& picture, std::string_view name) {
  constexpr std::uint8_t kUnspecified = 2;  // of primaries, transfer and matrix
  const unsigned level = level_of(picture);
  CodecConfig config;
  config.width = picture.width;
  config.height = picture.height;
  config.codecs = fmt::format("{}.{:02}.{}.{:02}", name, picture.profile, level, picture.depth);
  config.record = {static_cast<std::uint8_t>(picture.profile),
                   static_cast<std::uint8_t>(level),
                   static_cast<std::uint8_t>(picture.depth << 4U | picture.subsampling << 1U |
                                             (picture.full_range ? 1U : 0U)),
                   kUnspecified,
                   kUnspecified,
                   kUnspecified,
                   0,
                   0};
  return config;
}

/// color_config() of VP9 (section 6.2.2).
void read_color(BitReader& bits, VpxPicture& picture) {
  constexpr unsigned kRgb = 7;
  if (picture.profile >= 2) picture.depth = bits.flag() ? 12 : 10;
  const bool any_subsampling = picture.profile % 2 == 1;
  if (bits.bits(3) == kRgb) {
    picture.full_range = true;
    picture.subsampling = 3;
    if (any_subsampling) bits.skip(1);
    return;
  }
  picture.full_range = bits.flag();
  if (!any_subsampling) return;
  const bool x = bits.flag(), y = bits.flag();
  picture.subsampling = x && y ? 1 : x ? 2 : 3;
  bits.skip(1);
}

}  // namespace

std::optional<VpxPicture> vp8_key_frame(ByteSpan frame) {
  constexpr std::size_t kHeadBytes = 10;
  if (frame.size() < kHeadBytes || (frame[0] & 1U) != 0) return std::nullopt;
  if (frame[3] != 0x9D || frame[4] != 0x01 || frame[5] != 0x2A) return std::nullopt;
  VpxPicture picture;
  picture.profile = frame[0] >> 1U & 7U;
  picture.width = (frame[6] | static_cast<unsigned>(frame[7]) << 8U) & 0x3FFFU;
  picture.height = (frame[8] | static_cast<unsigned>(frame[9]) << 8U) & 0x3FFFU;
  if (picture.width == 0 || picture.height == 0) return std::nullopt;
  return picture;
}

std::optional<VpxPicture> vp9_key_frame(ByteSpan frame) {
  constexpr std::uint32_t kSyncCode = 0x498342;
  BitReader bits(frame);
  if (bits.bits(2) != 2) return std::nullopt;
  VpxPicture picture;
  picture.profile = bits.bits(1);
  picture.profile |= bits.bits(1) << 1U;
  if (picture.profile == 3) bits.skip(1);
  const bool shows_existing = bits.flag();
  const bool inter = bits.flag();
  bits.skip(2);  // show_frame, error_resilient_mode
  if (shows_existing || inter || bits.bits(24) != kSyncCode) return std::nullopt;
  read_color(bits, picture);
  picture.width = bits.bits(16) + 1;
  picture.height = bits.bits(16) + 1;
  return bits.ok() ? std::optional(picture) : std::nullopt;
}

CodecConfig vp8_config(const VpxPicture& picture) { return config_of(picture, "vp08"); }
CodecConfig vp9_config(const VpxPicture& picture) { return config_of(picture, "vp09"); }

}  // namespace ott
