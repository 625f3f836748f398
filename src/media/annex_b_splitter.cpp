#include "media/annex_b_splitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "media/nal_units.h"

namespace ott {
namespace {

constexpr std::array<std::uint8_t, 3> kStartCode = {0, 0, 1};
/// Behind a start code: a NAL unit's header, and the first byte of a slice, which says whether it is the
/// first of its picture.
constexpr std::size_t kNalLookBytes = 3;

namespace h264_nal {
constexpr unsigned kSliceFirst = 1, kIdr = 5, kSei = 6, kSps = 7, kDelimiter = 9, kPrefix = 14,
                   kReservedLast = 18;
unsigned type(std::uint8_t header) { return header & 0x1FU; }
}  // namespace h264_nal

namespace h265_nal {
constexpr unsigned kSliceLast = 31, kIrapFirst = 16, kIrapLast = 23, kVps = 32, kDelimiter = 35,
                   kPrefixSei = 39, kReservedFirst = 41, kReservedLast = 44, kUnspecifiedFirst = 48,
                   kUnspecifiedLast = 55;
unsigned type(std::uint8_t header) { return (header >> 1U) & 0x3FU; }
}  // namespace h265_nal

bool is_between(unsigned value, unsigned first, unsigned last) { return value >= first && value <= last; }

const char* encoding_of(ByteStreamCodec codec) { return codec == ByteStreamCodec::H264 ? "H264" : "H265"; }

}  // namespace

std::optional<ByteStreamCodec> recognise_byte_stream(ByteSpan start) {
  const std::size_t zeros = start.size() > 3 && start[2] == 0 ? 1 : 0;
  if (start.size() < zeros + kStartCode.size() + 2) return std::nullopt;
  if (zeros == 1 && start[0] != 0) return std::nullopt;
  start = start.subspan(zeros);
  if (!std::ranges::equal(start.first(kStartCode.size()), kStartCode)) return std::nullopt;
  const std::uint8_t first = start[3], second = start[4];
  const unsigned h265 = h265_nal::type(first);
  // An H.265 header has a layer and a temporal id that are 0 and 1 at the start of a stream.
  if (second == 1 && (first & 0x81U) == 0 &&
      (is_between(h265, h265_nal::kVps, h265_nal::kDelimiter) || h265 == h265_nal::kPrefixSei))
    return ByteStreamCodec::H265;
  const unsigned h264 = h264_nal::type(first);
  const bool may_begin = is_between(h264, h264_nal::kSei, h264_nal::kDelimiter) || h264 == h264_nal::kIdr ||
                         h264 == h264_nal::kSliceFirst;
  if ((first & 0x80U) == 0 && may_begin) return ByteStreamCodec::H264;
  return std::nullopt;
}

AnnexBSplitter::AnnexBSplitter(ByteStreamCodec codec, double fps)
    : codec_(codec), fps_(fps), config_(encoding_of(codec)) {}

void AnnexBSplitter::on_reset() { begin_unit(); }

void AnnexBSplitter::begin_unit() {
  looked_at_ = 0;
  has_picture_ = false;
}

Result<std::optional<ByteSpan>> AnnexBSplitter::next() {
  for (;;) {
    drop_taken();
    const auto end = find_end();
    if (!end && window().size() > kFrameBytesMax) {
      const auto error = bad(0, fmt::format("an access unit of more than {} bytes", kFrameBytesMax));
      drop(window().size());
      begin_unit();
      return error;
    }
    if (!end && (!finished() || window().empty())) return std::nullopt;
    const bool is_usable = make_sample(take(0, end.value_or(window().size())));
    begin_unit();
    if (!is_usable) continue;
    stamp_ = {.sync_point = is_sync_};
    return sample_;
  }
}

/// Where the access unit at the beginning of the window ends; nothing if that is not there yet.
std::optional<std::size_t> AnnexBSplitter::find_end() {
  const ByteSpan bytes = window();
  while (true) {
    const auto found = std::search(bytes.begin() + static_cast<std::ptrdiff_t>(looked_at_), bytes.end(),
                                   kStartCode.begin(), kStartCode.end());
    const auto at = static_cast<std::size_t>(found - bytes.begin());
    const std::size_t nal = at + kStartCode.size();
    if (found == bytes.end() || bytes.size() < nal + kNalLookBytes) {
      // The last bytes may be the beginning of a start code, and are looked at again.
      looked_at_ = found == bytes.end()
                       ? std::max(looked_at_, bytes.size() - std::min<std::size_t>(bytes.size(), 2))
                       : at;
      return std::nullopt;
    }
    if (has_picture_ && begins_unit(bytes.subspan(nal))) {
      const bool has_long_code = at > 0 && bytes[at - 1] == 0;
      return has_long_code ? at - 1 : at;
    }
    has_picture_ = has_picture_ || is_picture(bytes[nal]);
    looked_at_ = nal;
  }
}

bool AnnexBSplitter::is_picture(std::uint8_t header) const {
  return codec_ == ByteStreamCodec::H264
             ? is_between(h264_nal::type(header), h264_nal::kSliceFirst, h264_nal::kIdr)
             : h265_nal::type(header) <= h265_nal::kSliceLast;
}

/// True if such a NAL unit, behind a picture, is the first of another access unit.
bool AnnexBSplitter::begins_unit(ByteSpan nal) const {
  if (codec_ == ByteStreamCodec::H264) {
    const unsigned type = h264_nal::type(nal[0]);
    // The first field of a slice is the number of its first macroblock: a picture's first has 0, one bit.
    if (is_picture(nal[0])) return (nal[1] & 0x80U) != 0;
    return is_between(type, h264_nal::kSei, h264_nal::kDelimiter) ||
           is_between(type, h264_nal::kPrefix, h264_nal::kReservedLast);
  }
  const unsigned type = h265_nal::type(nal[0]);
  if (is_picture(nal[0])) return (nal[2] & 0x80U) != 0;
  return is_between(type, h265_nal::kVps, h265_nal::kDelimiter) || type == h265_nal::kPrefixSei ||
         is_between(type, h265_nal::kReservedFirst, h265_nal::kReservedLast) ||
         is_between(type, h265_nal::kUnspecifiedFirst, h265_nal::kUnspecifiedLast);
}

/// False if nobody can decode it.
bool AnnexBSplitter::make_sample(ByteSpan unit) {
  sample_.clear();
  is_sync_ = false;
  bool has_picture = false;
  for (const ByteSpan nal : nal_units_of_byte_stream(unit)) {
    has_picture = has_picture || is_picture(nal[0]);
    // Encoders put parameter sets before each picture that others can be decoded from, also where it is a
    // recovery point and no IDR.
    if (codec_ == ByteStreamCodec::H264) {
      const unsigned type = h264_nal::type(nal[0]);
      is_sync_ = is_sync_ || type == h264_nal::kIdr || type == h264_nal::kSps;
    } else {
      is_sync_ = is_sync_ || is_between(h265_nal::type(nal[0]), h265_nal::kIrapFirst, h265_nal::kIrapLast);
    }
    append_nal_to_sample(nal, sample_);
  }
  if (!has_picture) return false;
  if (!parts_.empty()) return true;
  const auto& config = config_.take(sample_);
  if (!config) return false;
  parts_ = {MediaPart{.format = format_of(MediaKind::Video, encoding_of(codec_), *config),
                      .width = config->width,
                      .height = config->height,
                      .fps = fps_}};
  return true;
}

}  // namespace ott
