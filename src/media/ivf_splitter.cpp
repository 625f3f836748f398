#include "media/ivf_splitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "media/text.h"

namespace ott {
namespace {

constexpr std::size_t kFileHeaderBytes = 32;
constexpr std::size_t kUnitHeaderBytes = 12;
constexpr std::string_view kSignature = "DKIF";
constexpr unsigned kRateMax = 1'000'000'000;
// Types of OBUs (AV1, section 6.2.2).
constexpr unsigned kSequenceHeader = 1, kTemporalDelimiter = 2;

template <class Number>
Number load_le(ByteSpan bytes, std::size_t at) {
  Number value{};
  for (std::size_t i = sizeof(Number); i-- > 0;) value = static_cast<Number>((value << 8U) | bytes[at + i]);
  return value;
}

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

unsigned obu_type(std::uint8_t header) { return (header >> 3U) & 0xFU; }

/// Without the temporal delimiter that begins each temporal unit, and is always empty.
ByteSpan without_delimiter(ByteSpan unit) {
  const bool has_one = unit.size() >= 2 && obu_type(unit[0]) == kTemporalDelimiter && unit[1] == 0;
  return has_one ? unit.subspan(2) : unit;
}

/// VP9's uncompressed header (section 6.2 of its specification) up to frame_type; false of one that shows a
/// frame again.
bool is_vp9_key_frame(std::uint8_t first) {
  const bool is_profile_3 = (first & 0x30U) == 0x30U;
  const unsigned shift = is_profile_3 ? 1 : 0;  // a reserved bit
  const bool shows_existing = ((first << shift) & 0x08U) != 0;
  return !shows_existing && ((first << shift) & 0x04U) == 0;
}

}  // namespace

bool is_ivf(ByteSpan start) { return as_text(start).starts_with(kSignature); }

void IvfSplitter::on_reset() { begun_ = broken_ = false; }

Result<std::optional<ByteSpan>> IvfSplitter::next() {
  for (;;) {
    drop_taken();
    if (broken_) drop(window().size());
    if (window().empty()) return std::nullopt;
    if (!begun_) {
      const auto read = read_head();
      if (!read) {
        broken_ = true;
        return tl::unexpected<Error>(read.error());
      }
      if (!*read) return std::nullopt;
    }
    if (window().size() >= kUnitHeaderBytes) {
      const std::size_t bytes = load_le<std::uint32_t>(window(), 0);
      if (bytes > kFrameBytesMax) {
        broken_ = true;
        return bad(0, fmt::format("a frame of {} bytes; nothing of what follows can be read", bytes));
      }
      if (window().size() >= kUnitHeaderBytes + bytes) {
        const double ticks = static_cast<double>(load_le<std::uint64_t>(window(), 4));
        const double seconds = std::min(ticks * scale_ / rate_, 1e9);
        ByteSpan unit = take(kUnitHeaderBytes, bytes);
        if (codec_ == Codec::Av1) unit = without_delimiter(unit);
        if (unit.empty() || !describe(unit)) continue;
        const bool is_key = codec_ == Codec::Vp8   ? (unit[0] & 1U) == 0
                            : codec_ == Codec::Vp9 ? is_vp9_key_frame(unit[0])
                                                   : obu_type(unit[0]) == kSequenceHeader;
        stamp_ = {.time = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)),
                  .sync_point = is_key};
        return unit;
      }
    }
    if (!finished()) return std::nullopt;
    broken_ = true;
    return bad(0, fmt::format("the last frame is cut off after {} bytes", window().size()));
  }
}

Result<bool> IvfSplitter::read_head() {
  if (window().size() < kFileHeaderBytes)
    return finished() ? bad(0, "it ends within its header") : Result<bool>(false);
  const std::string_view fourcc = as_text(window()).substr(8, 4);
  const std::size_t header_bytes = load_le<std::uint16_t>(window(), 6);
  if (!is_ivf(window()) || header_bytes != kFileHeaderBytes) return bad(0, "it has no header of IVF");
  rate_ = load_le<std::uint32_t>(window(), 16);
  scale_ = load_le<std::uint32_t>(window(), 20);
  if (rate_ == 0 || rate_ > kRateMax || scale_ == 0 || scale_ > kRateMax)
    return bad(16, fmt::format("its times are in {}/{} s", scale_, rate_));
  const char* encoding = fourcc == "VP80" ? "VP8" : fourcc == "VP90" ? "VP9" : fourcc == "AV01" ? "AV1" : "";
  if (*encoding == '\0') return bad(8, fmt::format("'{}' is none of VP80, VP90, AV01", printable(fourcc)));
  codec_ = fourcc == "VP80" ? Codec::Vp8 : fourcc == "VP90" ? Codec::Vp9 : Codec::Av1;
  width_ = load_le<std::uint16_t>(window(), 12);
  height_ = load_le<std::uint16_t>(window(), 14);
  config_.emplace(encoding);
  (void)take(0, kFileHeaderBytes);
  drop_taken();
  begun_ = true;
  return true;
}

/// False while it is not known what a decoder needs, which the first key frame says.
bool IvfSplitter::describe(ByteSpan sample) {
  if (!parts_.empty()) return true;
  const auto& config = config_->take(sample);
  if (!config) return false;
  const char* encoding = codec_ == Codec::Vp8 ? "VP8" : codec_ == Codec::Vp9 ? "VP9" : "AV1";
  parts_ = {MediaPart{.format = format_of(MediaKind::Video, encoding, *config),
                      .width = config->width != 0 ? config->width : width_,
                      .height = config->height != 0 ? config->height : height_}};
  return true;
}

}  // namespace ott
