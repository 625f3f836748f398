#include "media/h265_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/bit_reader.h"
#include "media/fmtp.h"
#include "media/nal_units.h"
#include "media/text.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr unsigned kSpsIdMax = 15, kPpsIdMax = 63;  // H.265, section 7.4.3
constexpr std::size_t kHvccHeadBytes = 22;
constexpr std::size_t kHvccLengthAt = 21, kHvccProfileAt = 1;

/// What profile_tier_level() says of layers below the highest (section 7.3.3).
void skip_sub_layers(BitReader& bits, unsigned layers) {
  if (layers <= 1) return;
  std::array<bool, 8> profile{}, level{};
  for (unsigned i = 0; i < layers - 1; ++i) {
    profile[i] = bits.flag();
    level[i] = bits.flag();
  }
  bits.skip(std::size_t{2} * (8 - (layers - 1)));
  for (unsigned i = 0; i < layers - 1; ++i) bits.skip((profile[i] ? 88U : 0U) + (level[i] ? 8U : 0U));
}

void read_size(BitReader& bits, H265Sps& sps) {
  sps.chroma_format = bits.unsigned_golomb();
  const bool separate_planes = sps.chroma_format == 3 && bits.flag();
  const std::uint64_t width = bits.unsigned_golomb(), height = bits.unsigned_golomb();
  const CodedSize size = cropped(bits, {width, height}, separate_planes ? 0 : sps.chroma_format);
  sps.width = static_cast<unsigned>(size.width);
  sps.height = static_cast<unsigned>(size.height);
}

std::optional<unsigned> pps_id(ByteSpan nal) {
  const auto plain = unescaped_nal(nal.first(std::min<std::size_t>(nal.size(), 8)));
  BitReader bits(plain);
  bits.skip(8 * h265::kHeadBytes);
  const unsigned id = bits.unsigned_golomb();
  return bits.ok() && id <= kPpsIdMax ? std::optional(id) : std::nullopt;
}

/// "hvc1.1.6.L93.B0": profile, the compatibility flags backwards, tier and level, and the constraints up to
/// the last that is not 0.
std::string name_of(const H265Sps& sps) {
  const auto& told = sps.profile_level;
  const unsigned space = told[0] >> 6U;
  std::uint32_t flags = 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    const unsigned flag = static_cast<unsigned>(told[1 + bit / 8]) >> (7 - bit % 8) & 1U;
    flags |= flag << bit;
  }
  std::string name =
      fmt::format("hvc1.{}{}.{:X}.{}{}", space == 0 ? "" : std::string(1, static_cast<char>('A' + space - 1)),
                  told[0] & 0x1FU, flags, (told[0] & 0x20U) != 0 ? 'H' : 'L', told[11]);
  std::size_t end = 11;
  while (end > 5 && told[end - 1] == 0) --end;
  for (std::size_t i = 5; i < end; ++i) name += fmt::format(".{:X}", told[i]);
  return name;
}

/// The NAL units of an hvcC, in their order.
Result<std::vector<ByteSpan>> hvcc_nal_units(ByteSpan record) {
  constexpr std::size_t kArrayHeadBytes = 3;
  if (record.size() <= kHvccHeadBytes || record[0] != 1) return fail("an hvcC that is none");
  std::vector<ByteSpan> units;
  std::size_t at = kHvccHeadBytes + 1;
  for (unsigned arrays = record[kHvccHeadBytes]; arrays > 0; --arrays) {
    if (record.size() - at < kArrayHeadBytes) return fail("an hvcC that is not whole");
    const unsigned count = load_be<std::uint16_t>(record.data() + at + 1);
    at += kArrayHeadBytes;
    for (unsigned i = 0; i < count; ++i) {
      const std::size_t left = record.size() - at;
      const std::size_t bytes = left < 2 ? 0 : load_be<std::uint16_t>(record.data() + at);
      if (bytes == 0 || bytes > left - 2) return fail("an hvcC that is not whole");
      units.push_back(record.subspan(at + 2, bytes));
      at += 2 + bytes;
    }
  }
  return units;
}

}  // namespace

Result<H265Sps> parse_h265_sps(ByteSpan nal) {
  const auto plain = unescaped_nal(nal);
  constexpr std::size_t kProfileAt = h265::kHeadBytes + 1;
  H265Sps sps;
  if (plain.size() < kProfileAt + sps.profile_level.size()) {
    return fail("an SPS of " + std::to_string(nal.size()) + " bytes");
  }
  std::copy_n(plain.begin() + kProfileAt, sps.profile_level.size(), sps.profile_level.begin());
  BitReader bits(ByteSpan(plain).subspan(h265::kHeadBytes));
  bits.skip(4);  // sps_video_parameter_set_id
  sps.temporal_layers = bits.bits(3) + 1;
  sps.temporal_nesting = bits.flag();
  bits.skip(8 * sps.profile_level.size());
  skip_sub_layers(bits, sps.temporal_layers);
  sps.id = bits.unsigned_golomb();
  read_size(bits, sps);
  sps.luma_bits = 8 + std::min(bits.unsigned_golomb(), 7U);
  sps.chroma_bits = 8 + std::min(bits.unsigned_golomb(), 7U);
  if (!bits.ok()) return fail("an SPS that ends too early");
  if (sps.id > kSpsIdMax || sps.chroma_format > 3) return fail("an SPS with values out of their range");
  if (sps.width == 0 || sps.height == 0) return fail("an SPS without a possible size");
  return sps;
}

void H265ParameterSets::take(ByteSpan nal) {
  if (nal.size() <= h265::kHeadBytes || nal.size() > kParameterSetBytesMax) return;
  const unsigned type = h265::nal_type(nal[0]);
  const auto keep = [&](Sets& sets, unsigned id) {
    auto& kept = sets[id];
    if (std::ranges::equal(kept, nal)) return;
    kept.assign(nal.begin(), nal.end());
    configure();
  };
  if (type == h265::kVps) {
    keep(vps_, nal[h265::kHeadBytes] >> 4U);
  } else if (type == h265::kSps) {
    const auto parsed = parse_h265_sps(nal);
    if (!parsed) return;
    parsed_[parsed->id] = *parsed;
    keep(sps_, parsed->id);
  } else if (type == h265::kPps) {
    if (const auto id = pps_id(nal)) keep(pps_, *id);
  }
}

void H265ParameterSets::take_parameters(std::string_view parameters) {
  for (const char* name : {"sprop-vps", "sprop-sps", "sprop-pps"}) {
    std::string_view sets = format_parameter(parameters, name).value_or("");
    while (!sets.empty()) {
      if (const auto nal = from_base64(trimmed(take_until(sets, ',')))) take(*nal);
    }
  }
}

Result<void> H265ParameterSets::take_record(ByteSpan record) {
  const auto units = hvcc_nal_units(record);
  if (!units) return tl::unexpected(units.error());
  for (const ByteSpan nal : *units) take(nal);
  return {};
}

void H265ParameterSets::configure() {
  if (vps_.empty() || sps_.empty() || pps_.empty()) return;
  const H265Sps& sps = parsed_.begin()->second;
  CodecConfig config;
  config.codecs = name_of(sps);
  config.width = sps.width;
  config.height = sps.height;
  Writer out(config.record);
  out.u8(1);
  for (const std::uint8_t byte : sps.profile_level) out.u8(byte);
  out.u16(0xF000);  // min_spatial_segmentation_idc: not said
  out.u8(0xFC);     // parallelismType: not said
  out.u8(static_cast<std::uint8_t>(0xFC | sps.chroma_format));
  out.u8(static_cast<std::uint8_t>(0xF8 | (sps.luma_bits - 8)));
  out.u8(static_cast<std::uint8_t>(0xF8 | (sps.chroma_bits - 8)));
  out.u16(0);  // avgFrameRate: not said
  out.u8(static_cast<std::uint8_t>(sps.temporal_layers << 3U | (sps.temporal_nesting ? 4U : 0U) |
                                   (kNalLengthBytes - 1)));
  constexpr std::uint8_t kComplete = 0x80;  // all sets of this type are here
  out.u8(3);
  for (const auto& [type, sets] : {std::pair(h265::kVps, &vps_), {h265::kSps, &sps_}, {h265::kPps, &pps_}}) {
    out.u8(static_cast<std::uint8_t>(kComplete | type));
    out.u16(static_cast<std::uint16_t>(sets->size()));
    for (const auto& [id, nal] : *sets) {
      out.u16(static_cast<std::uint16_t>(nal.size()));
      config.record.insert(config.record.end(), nal.begin(), nal.end());
    }
  }
  config_ = std::move(config);
}

std::string h265_parameters(const CodecConfig& config) {
  const auto units = hvcc_nal_units(config.record);
  if (!units) return {};
  const std::uint8_t profile = config.record[kHvccProfileAt];
  std::string parameters =
      fmt::format("profile-space={};profile-id={};tier-flag={};level-id={}", profile >> 6U, profile & 0x1FU,
                  profile >> 5U & 1U, config.record[kHvccProfileAt + 11]);
  const std::size_t plain_bytes = parameters.size();
  for (const auto& [type, name] :
       {std::pair(h265::kVps, "sprop-vps"), {h265::kSps, "sprop-sps"}, {h265::kPps, "sprop-pps"}}) {
    std::string sets;
    for (const ByteSpan nal : *units) {
      if (h265::nal_type(nal[0]) == type) sets += (sets.empty() ? "" : ",") + to_base64(nal);
    }
    if (!sets.empty()) parameters += fmt::format(";{}={}", name, sets);
  }
  if (parameters.size() > kFormatParametersBytesMax) parameters.resize(plain_bytes);
  return parameters;
}

Result<std::size_t> hvcc_length_bytes(ByteSpan record) {
  if (record.size() <= kHvccHeadBytes) return fail("an hvcC of " + std::to_string(record.size()) + " bytes");
  const std::size_t bytes = (record[kHvccLengthAt] & 3U) + 1U;
  if (bytes == 3) return fail("an hvcC with lengths of 3 bytes");
  return bytes;
}

}  // namespace ott
