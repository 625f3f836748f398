#include "media/av1_config.h"

#include <fmt/format.h>

#include "media/bit_reader.h"

namespace ott {
namespace {

constexpr std::size_t kRecordHeadBytes = 4;

struct SequenceHeader {
  unsigned profile = 0, level = 0, tier = 0;
  unsigned width = 0, height = 0;
  unsigned depth = 8;
  bool mono = false, subsampling_x = true, subsampling_y = true;
  unsigned sample_position = 0;
};

/// timing_info() and decoder_model_info() (section 5.5.3 and 5.5.4). Returns the bits of a buffer's delay; 0
/// if there is no model.
unsigned skip_timing(BitReader& bits) {
  if (!bits.flag()) return 0;
  bits.skip(64);
  if (bits.flag()) bits.unsigned_golomb();
  if (!bits.flag()) return 0;
  const unsigned delay_bits = bits.bits(5) + 1;
  bits.skip(32 + 5 + 5);
  return delay_bits;
}

/// The level and tier of the first operating point, which is all of the stream.
void read_operating_points(BitReader& bits, SequenceHeader& header) {
  const unsigned delay_bits = skip_timing(bits);
  const bool has_display_delay = bits.flag();
  const unsigned count = bits.bits(5) + 1;
  for (unsigned i = 0; i < count && bits.ok(); ++i) {
    bits.skip(12);
    const unsigned level = bits.bits(5);
    const unsigned tier = level > 7 ? bits.bits(1) : 0;
    if (delay_bits > 0 && bits.flag()) bits.skip(std::size_t{2} * delay_bits + 1);
    if (has_display_delay && bits.flag()) bits.skip(4);
    if (i > 0) continue;
    header.level = level;
    header.tier = tier;
  }
}

void skip_tools(BitReader& bits) {
  bits.skip(4);  // interintra, masked compound, warped motion, dual filter
  const bool order_hint = bits.flag();
  if (order_hint) bits.skip(2);
  const bool chooses_screen_content = bits.flag();
  const bool screen_content = chooses_screen_content || bits.flag();
  if (screen_content && !bits.flag()) bits.skip(1);
  if (order_hint) bits.skip(3);
}

void read_color(BitReader& bits, SequenceHeader& header) {
  const bool high = bits.flag();
  header.depth = high ? 10 : 8;
  if (header.profile == 2 && high && bits.flag()) header.depth = 12;
  header.mono = header.profile != 1 && bits.flag();
  constexpr std::uint32_t kSrgb = 0x010D00;  // BT.709 primaries, sRGB transfer, identity matrix
  const bool srgb = bits.flag() && bits.bits(24) == kSrgb;
  if (header.mono) return;
  if (srgb) {
    header.subsampling_x = header.subsampling_y = false;
    return;
  }
  bits.skip(1);  // color_range
  if (header.profile == 1) {
    header.subsampling_x = header.subsampling_y = false;
  } else if (header.profile == 2) {
    header.subsampling_x = header.depth != 12 || bits.flag();
    header.subsampling_y = header.depth == 12 && header.subsampling_x && bits.flag();
  }
  if (header.subsampling_x && header.subsampling_y) header.sample_position = bits.bits(2);
}

/// sequence_header_obu() (section 5.5.1).
Result<SequenceHeader> parse_sequence_header(ByteSpan payload) {
  BitReader bits(payload);
  SequenceHeader header;
  header.profile = bits.bits(3);
  bits.skip(1);  // still_picture
  const bool reduced = bits.flag();
  if (reduced) {
    header.level = bits.bits(5);
  } else {
    read_operating_points(bits, header);
  }
  const unsigned width_bits = bits.bits(4) + 1, height_bits = bits.bits(4) + 1;
  header.width = bits.bits(width_bits) + 1;
  header.height = bits.bits(height_bits) + 1;
  if (!reduced && bits.flag()) bits.skip(4 + 3);  // frame_id_numbers_present_flag
  bits.skip(3);                                   // 128x128 superblocks, filter intra, intra edge filter
  if (!reduced) skip_tools(bits);
  bits.skip(3);  // superres, cdef, restoration
  read_color(bits, header);
  if (!bits.ok()) return fail("an AV1 sequence header that ends too early");
  if (header.profile > 2) return fail("an AV1 sequence header of profile " + std::to_string(header.profile));
  return header;
}

}  // namespace

std::optional<std::uint32_t> take_leb128(ByteSpan& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8 && i < bytes.size(); ++i) {
    value |= std::uint64_t{bytes[i] & 0x7FU} << (7 * i);
    if ((bytes[i] & 0x80U) != 0) continue;
    bytes = bytes.subspan(i + 1);
    return value <= 0xFFFFFFFF ? std::optional(static_cast<std::uint32_t>(value)) : std::nullopt;
  }
  return std::nullopt;
}

void append_leb128(std::uint32_t value, std::vector<std::uint8_t>& out) {
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
  out.push_back(static_cast<std::uint8_t>(value));
}

Result<ObuView> take_obu(ByteSpan& bytes) {
  const std::size_t head_bytes = !bytes.empty() && (bytes[0] & obu::kExtensionFlag) != 0 ? 2 : 1;
  if (bytes.size() < head_bytes) return fail("an OBU without a whole head");
  ObuView view{bytes.first(head_bytes), {}};
  bytes = bytes.subspan(head_bytes);
  std::size_t size = bytes.size();
  if ((view.head[0] & obu::kSizeFlag) != 0) {
    const auto said = take_leb128(bytes);
    if (!said || *said > bytes.size()) return fail("an OBU that is not whole");
    size = *said;
  }
  view.payload = bytes.first(size);
  bytes = bytes.subspan(size);
  return view;
}

void append_obu(const ObuView& view, std::vector<std::uint8_t>& out) {
  out.push_back(view.head[0] | obu::kSizeFlag);
  out.insert(out.end(), view.head.begin() + 1, view.head.end());
  append_leb128(static_cast<std::uint32_t>(view.payload.size()), out);
  out.insert(out.end(), view.payload.begin(), view.payload.end());
}

Result<CodecConfig> av1_config(const ObuView& sequence_header) {
  const auto header = parse_sequence_header(sequence_header.payload);
  if (!header) return tl::unexpected(header.error());
  CodecConfig config;
  config.width = header->width;
  config.height = header->height;
  config.codecs = fmt::format("av01.{}.{:02}{}.{:02}", header->profile, header->level,
                              header->tier != 0 ? 'H' : 'M', header->depth);
  const auto flag = [](bool set, unsigned bit) { return set ? 1U << bit : 0U; };
  config.record = {0x81, static_cast<std::uint8_t>(header->profile << 5U | header->level),
                   static_cast<std::uint8_t>(flag(header->tier != 0, 7) | flag(header->depth > 8, 6) |
                                             flag(header->depth == 12, 5) | flag(header->mono, 4) |
                                             flag(header->subsampling_x, 3) | flag(header->subsampling_y, 2) |
                                             header->sample_position),
                   0};
  append_obu(sequence_header, config.record);
  return config;
}

Result<CodecConfig> av1_config_of_record(ByteSpan record) {
  if (record.size() < kRecordHeadBytes || record[0] != 0x81) return fail("an av1C that is none");
  for (ByteSpan rest = record.subspan(kRecordHeadBytes); !rest.empty();) {
    const auto view = take_obu(rest);
    if (!view) return tl::unexpected(view.error());
    if (view->type() == obu::kSequenceHeader) return av1_config(*view);
  }
  return fail("an av1C without a sequence header");
}

std::string av1_parameters(const CodecConfig& config) {
  if (config.record.size() < kRecordHeadBytes) return {};
  return fmt::format("profile={};level-idx={};tier={}", config.record[1] >> 5U, config.record[1] & 0x1FU,
                     config.record[2] >> 7U);
}

}  // namespace ott
