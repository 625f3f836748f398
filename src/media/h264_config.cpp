#include "media/h264_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/bit_reader.h"
#include "media/fmtp.h"
#include "media/nal_units.h"
#include "media/text.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr unsigned kSpsIdMax = 31, kPpsIdMax = 255;           // H.264, section 7.4.2
constexpr std::size_t kSpsCountMax = 31, kPpsCountMax = 255;  // of an avcC

/// Profiles whose SPS says more of chroma (section 7.3.2.1.1).
bool has_chroma_fields(unsigned profile) {
  constexpr std::array kProfiles = {100U, 110U, 122U, 244U, 44U,  83U, 86U,
                                    118U, 128U, 138U, 139U, 134U, 135U};
  return std::ranges::find(kProfiles, profile) != kProfiles.end();
}

void skip_scaling_list(BitReader& bits, unsigned size) {
  int last = 8, next = 8;
  for (unsigned i = 0; i < size && bits.ok(); ++i) {
    if (next != 0) next = (last + bits.signed_golomb() % 256 + 256) % 256;
    if (next != 0) last = next;
  }
}

void read_chroma(BitReader& bits, H264Sps& sps, bool& separate_planes) {
  sps.chroma_format = bits.unsigned_golomb();
  if (sps.chroma_format == 3) separate_planes = bits.flag();
  sps.luma_bits = 8 + std::min(bits.unsigned_golomb(), 7U);
  sps.chroma_bits = 8 + std::min(bits.unsigned_golomb(), 7U);
  bits.skip(1);              // qpprime_y_zero_transform_bypass_flag
  if (!bits.flag()) return;  // seq_scaling_matrix_present_flag
  const unsigned lists = sps.chroma_format == 3 ? 12 : 8;
  for (unsigned i = 0; i < lists; ++i) {
    if (bits.flag()) skip_scaling_list(bits, i < 6 ? 16 : 64);
  }
}

void skip_picture_order(BitReader& bits) {
  const unsigned type = bits.unsigned_golomb();
  if (type == 0) bits.unsigned_golomb();  // log2_max_pic_order_cnt_lsb_minus4
  if (type != 1) return;
  bits.skip(1);  // delta_pic_order_always_zero_flag
  bits.signed_golomb();
  bits.signed_golomb();
  const unsigned cycle = bits.unsigned_golomb();
  for (unsigned i = 0; i < cycle && bits.ok(); ++i) bits.signed_golomb();
}

/// The size in luma samples, with what cropping leaves of it; 0 for one that cannot be.
void read_size(BitReader& bits, H264Sps& sps, bool separate_planes) {
  const std::uint64_t columns = std::uint64_t{bits.unsigned_golomb()} + 1;
  const std::uint64_t rows = std::uint64_t{bits.unsigned_golomb()} + 1;
  const bool frames_only = bits.flag();
  if (!frames_only) bits.skip(1);
  bits.skip(1);  // direct_8x8_inference_flag
  const unsigned fields = frames_only ? 1 : 2;
  const std::uint64_t width = columns * 16, height = rows * 16 * fields;
  const CodedSize size = cropped(bits, {width, height}, separate_planes ? 0 : sps.chroma_format, fields);
  sps.width = static_cast<unsigned>(size.width);
  sps.height = static_cast<unsigned>(size.height);
}

std::optional<unsigned> pps_id(ByteSpan nal) {
  const auto plain = unescaped_nal(nal.first(std::min<std::size_t>(nal.size(), 8)));
  BitReader bits(plain);
  bits.skip(8);
  const unsigned id = bits.unsigned_golomb();
  return bits.ok() && id <= kPpsIdMax ? std::optional(id) : std::nullopt;
}

/// Reads lists of NAL units, each with a length of 16 bits before it, as avcC holds them.
struct AvccLists {
  std::vector<ByteSpan> sps, pps;
};
Result<AvccLists> avcc_lists(ByteSpan record) {
  constexpr std::size_t kHeadBytes = 5;
  if (record.size() < kHeadBytes + 2 || record[0] != 1) return fail("an avcC that is none");
  AvccLists lists;
  std::size_t at = kHeadBytes;
  for (auto* list : {&lists.sps, &lists.pps}) {
    if (at >= record.size()) return fail("an avcC that is not whole");
    const unsigned count = list == &lists.sps ? record[at] & 0x1FU : record[at];
    ++at;
    for (unsigned i = 0; i < count; ++i) {
      const std::size_t left = record.size() - at;
      const std::size_t bytes = left < 2 ? 0 : load_be<std::uint16_t>(record.data() + at);
      if (bytes == 0 || bytes > left - 2) return fail("an avcC that is not whole");
      list->push_back(record.subspan(at + 2, bytes));
      at += 2 + bytes;
    }
  }
  return lists;
}

}  // namespace

Result<H264Sps> parse_h264_sps(ByteSpan nal) {
  const auto plain = unescaped_nal(nal);
  if (plain.size() < 4) return fail("an SPS of " + std::to_string(nal.size()) + " bytes");
  H264Sps sps;
  std::copy_n(plain.begin() + 1, 3, sps.profile_level.begin());
  BitReader bits(ByteSpan(plain).subspan(4));
  sps.id = bits.unsigned_golomb();
  bool separate_planes = false;
  if (has_chroma_fields(sps.profile_level[0])) read_chroma(bits, sps, separate_planes);
  bits.unsigned_golomb();  // log2_max_frame_num_minus4
  skip_picture_order(bits);
  bits.unsigned_golomb();  // max_num_ref_frames
  bits.skip(1);            // gaps_in_frame_num_value_allowed_flag
  read_size(bits, sps, separate_planes);
  if (!bits.ok()) return fail("an SPS that ends too early");
  if (sps.id > kSpsIdMax || sps.chroma_format > 3) return fail("an SPS with values out of their range");
  if (sps.width == 0 || sps.height == 0) return fail("an SPS without a possible size");
  return sps;
}

void H264ParameterSets::take(ByteSpan nal) {
  if (nal.size() < 2 || nal.size() > kParameterSetBytesMax) return;
  const unsigned type = h264::nal_type(nal[0]);
  if (type == h264::kSps) {
    const auto parsed = parse_h264_sps(nal);
    if (!parsed || (sps_.size() == kSpsCountMax && !sps_.contains(parsed->id))) return;
    Sps& kept = sps_[parsed->id];
    if (std::ranges::equal(kept.nal, nal)) return;
    kept = {{nal.begin(), nal.end()}, *parsed};
    configure();
  } else if (type == h264::kPps) {
    const auto id = pps_id(nal);
    if (!id || (pps_.size() == kPpsCountMax && !pps_.contains(*id))) return;
    auto& kept = pps_[*id];
    if (std::ranges::equal(kept, nal)) return;
    kept.assign(nal.begin(), nal.end());
    configure();
  }
}

void H264ParameterSets::take_parameters(std::string_view parameters) {
  std::string_view sets = format_parameter(parameters, "sprop-parameter-sets").value_or("");
  while (!sets.empty()) {
    if (const auto nal = from_base64(trimmed(take_until(sets, ',')))) take(*nal);
  }
}

Result<void> H264ParameterSets::take_record(ByteSpan record) {
  const auto lists = avcc_lists(record);
  if (!lists) return tl::unexpected(lists.error());
  for (const ByteSpan nal : lists->sps) take(nal);
  for (const ByteSpan nal : lists->pps) take(nal);
  return {};
}

void H264ParameterSets::configure() {
  if (sps_.empty() || pps_.empty()) return;
  const H264Sps& sps = sps_.begin()->second.parsed;
  CodecConfig config;
  config.codecs = fmt::format("avc1.{:02x}{:02x}{:02x}", sps.profile_level[0], sps.profile_level[1],
                              sps.profile_level[2]);
  config.width = sps.width;
  config.height = sps.height;
  Writer out(config.record);
  out.u8(1);
  for (const std::uint8_t byte : sps.profile_level) out.u8(byte);
  out.u8(0xFC | (kNalLengthBytes - 1));
  const auto put = [&](const std::vector<std::uint8_t>& nal) {
    out.u16(static_cast<std::uint16_t>(nal.size()));
    config.record.insert(config.record.end(), nal.begin(), nal.end());
  };
  out.u8(static_cast<std::uint8_t>(0xE0U | sps_.size()));
  for (const auto& [id, kept] : sps_) put(kept.nal);
  out.u8(static_cast<std::uint8_t>(pps_.size()));
  for (const auto& [id, nal] : pps_) put(nal);
  if (has_chroma_fields(sps.profile_level[0])) {
    out.u8(static_cast<std::uint8_t>(0xFC | sps.chroma_format));
    out.u8(static_cast<std::uint8_t>(0xF8 | (sps.luma_bits - 8)));
    out.u8(static_cast<std::uint8_t>(0xF8 | (sps.chroma_bits - 8)));
    out.u8(0);  // extensions of the SPS
  }
  config_ = std::move(config);
}

std::string h264_parameters(const CodecConfig& config) {
  std::string parameters = "packetization-mode=1";
  const auto lists = avcc_lists(config.record);
  if (!lists || lists->sps.empty() || lists->sps[0].size() < 4) return parameters;
  parameters += ";profile-level-id=" + to_hex(lists->sps[0].subspan(1, 3)) + ";sprop-parameter-sets=";
  const std::size_t names_bytes = parameters.size();
  for (const auto* list : {&lists->sps, &lists->pps}) {
    for (const ByteSpan nal : *list) {
      if (parameters.size() > names_bytes) parameters += ',';
      parameters += to_base64(nal);
    }
  }
  if (parameters.size() > kFormatParametersBytesMax) parameters.resize(parameters.find(";sprop"));
  return parameters;
}

Result<std::size_t> avcc_length_bytes(ByteSpan record) {
  if (record.size() < 5) return fail("an avcC of " + std::to_string(record.size()) + " bytes");
  const std::size_t bytes = (record[4] & 3U) + 1U;
  if (bytes == 3) return fail("an avcC with lengths of 3 bytes");
  return bytes;
}

}  // namespace ott
