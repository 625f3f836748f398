#include "media/aac_config.h"

#include <array>

#include "media/bit_reader.h"

namespace ott {
namespace {

constexpr std::array kRates = {96'000U, 88'200U, 64'000U, 48'000U, 44'100U, 32'000U, 24'000U,
                               22'050U, 16'000U, 12'000U, 11'025U, 8'000U,  7'350U};
constexpr std::size_t kConfigBytesMax = 256;

unsigned read_object_type(BitReader& bits) {
  constexpr unsigned kEscape = 31;
  const unsigned type = bits.bits(5);
  return type == kEscape ? 32 + bits.bits(6) : type;
}

/// 0 for one that is reserved.
unsigned read_rate(BitReader& bits) {
  constexpr unsigned kExplicit = 15;
  const unsigned index = bits.bits(4);
  if (index == kExplicit) return bits.bits(24);
  return index < kRates.size() ? kRates[index] : 0;
}

}  // namespace

Result<CodecConfig> aac_config(ByteSpan audio_specific_config) {
  constexpr unsigned kSbr = 5, kParametricStereo = 29;
  constexpr std::array kChannels = {0U, 1U, 2U, 3U, 4U, 5U, 6U, 8U};
  if (audio_specific_config.size() > kConfigBytesMax)
    return fail("an AudioSpecificConfig of more than 256 bytes");
  BitReader bits(audio_specific_config);
  const unsigned type = read_object_type(bits);
  CodecConfig config;
  config.sample_rate = read_rate(bits);
  const unsigned channels = bits.bits(4);
  if (type == kSbr || type == kParametricStereo) config.sample_rate = read_rate(bits);
  if (!bits.ok()) return fail("an AudioSpecificConfig that ends too early");
  if (type == 0 || config.sample_rate == 0 || channels >= kChannels.size()) {
    return fail("an AudioSpecificConfig with values out of their range");
  }
  config.channels = type == kParametricStereo ? 2 : kChannels[channels];
  config.codecs = "mp4a.40." + std::to_string(type);
  config.record.assign(audio_specific_config.begin(), audio_specific_config.end());
  return config;
}

}  // namespace ott
