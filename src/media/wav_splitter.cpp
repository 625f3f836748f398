#include "media/wav_splitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "media/media_sample.h"

namespace ott {
namespace {

constexpr std::size_t kRiffHeaderBytes = 12;
constexpr std::size_t kChunkHeaderBytes = 8;
constexpr std::size_t kFormatBytesMin = 16;
constexpr std::size_t kFormatBytesMax = 1'024;
constexpr std::size_t kExtensibleBytes = 26;  // up to the first two bytes of its GUID, which are the format
constexpr unsigned kPcm = 1, kFloat = 3, kALaw = 6, kMuLaw = 7, kExtensible = 0xFFFE;
constexpr unsigned kRateMin = 1'000, kRateMax = 384'000;
/// Of a unit's samples: they fit an RTP packet of 1,400 bytes.
constexpr std::size_t kUnitBytesMax = 1'388;
constexpr unsigned kUnitsPerSecond = 100;
/// What is said of the length by who does not know it.
constexpr std::uint32_t kUnknownBytes = 0xFFFFFFFF;

template <class Number>
Number load_le(ByteSpan bytes, std::size_t at) {
  Number value{};
  for (std::size_t i = sizeof(Number); i-- > 0;) value = static_cast<Number>((value << 8U) | bytes[at + i]);
  return value;
}

bool begins_with(ByteSpan bytes, std::string_view text, std::size_t at = 0) {
  return bytes.size() >= at + text.size() &&
         std::ranges::equal(bytes.subspan(at, text.size()), text,
                            [](std::uint8_t byte, char c) { return byte == static_cast<std::uint8_t>(c); });
}

/// A sample of so many bytes, little endian, as 16 bits.
std::uint16_t as_16_bits(ByteSpan sample, bool is_float) {
  if (is_float) {
    const auto value = std::bit_cast<float>(load_le<std::uint32_t>(sample, 0));
    const float scaled = std::isnan(value) ? 0 : std::clamp(value * 32'768.0F, -32'768.0F, 32'767.0F);
    return static_cast<std::uint16_t>(static_cast<std::int16_t>(std::lround(scaled)));
  }
  // 8 bits are unsigned, more are signed.
  if (sample.size() == 1) return static_cast<std::uint16_t>((sample[0] ^ 0x80U) << 8U);
  return load_le<std::uint16_t>(sample, sample.size() - 2);
}

}  // namespace

bool is_wav(ByteSpan start) { return begins_with(start, "RIFF") && begins_with(start, "WAVE", 8); }

void WavSplitter::on_reset() {
  skip_ = data_left_ = frames_ = 0;
  begun_ = broken_ = in_data_ = false;
}

Result<std::optional<ByteSpan>> WavSplitter::next() {
  drop_taken();
  if (!in_data_) {
    const auto ready = read_head();
    if (!ready) {
      broken_ = true;
      return tl::unexpected<Error>(ready.error());
    }
    if (!*ready) return std::nullopt;
  }
  const std::size_t wanted = frames_each_ * frame_bytes();
  std::size_t bytes = std::min<std::uint64_t>({wanted, window().size(), data_left_});
  if (bytes < std::min<std::uint64_t>(wanted, data_left_) && !finished()) return std::nullopt;
  bytes -= bytes % frame_bytes();
  if (bytes == 0) {  // what is behind the data, or less than one sample of each channel
    drop(window().size());
    return std::nullopt;
  }
  convert(take(0, bytes));
  data_left_ -= bytes;
  stamp_ = {.time = std::chrono::duration_cast<Duration>(
                std::chrono::duration<double>(static_cast<double>(frames_) / rate_))};
  frames_ += bytes / frame_bytes();
  return unit_;
}

/// True once the data begin; false while more bytes are needed, or none will help.
Result<bool> WavSplitter::read_head() {
  for (;;) {
    if (broken_) drop(window().size());
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, window().size()));
    drop(skipped);
    skip_ -= skipped;
    if (skip_ > 0 || window().empty()) return false;
    const std::size_t header = begun_ ? kChunkHeaderBytes : kRiffHeaderBytes;
    if (window().size() < header)
      return finished() ? bad(0, "it ends before its sound begins") : Result<bool>(false);
    if (!begun_) {
      if (!is_wav(window())) return bad(0, "it is no WAV");
      begun_ = true;
      drop(header);
      continue;
    }
    const auto bytes = load_le<std::uint32_t>(window(), 4);
    if (begins_with(window(), "data")) {
      if (rate_ == 0) return bad(0, "its sound comes before its format");
      data_left_ = bytes == 0 || bytes == kUnknownBytes ? UINT64_MAX : bytes;
      drop(header);
      in_data_ = true;
      return true;
    }
    if (begins_with(window(), "fmt ")) {
      if (bytes < kFormatBytesMin || bytes > kFormatBytesMax)
        return bad(4, fmt::format("a format of {} bytes", bytes));
      if (window().size() < header + bytes)
        return finished() ? bad(0, "it ends within its format") : Result<bool>(false);
      if (const auto read = read_format(window().subspan(header, bytes)); !read)
        return bad(0, read.error().message);
    }
    drop(header);
    skip_ = std::uint64_t{bytes} + bytes % 2;
  }
}

Result<void> WavSplitter::read_format(ByteSpan chunk) {
  auto format = load_le<std::uint16_t>(chunk, 0);
  const auto channels = load_le<std::uint16_t>(chunk, 2);
  const auto rate = load_le<std::uint32_t>(chunk, 4);
  const auto bits = load_le<std::uint16_t>(chunk, 14);
  if (format == kExtensible && chunk.size() >= kExtensibleBytes) format = load_le<std::uint16_t>(chunk, 24);
  if (channels < 1 || channels > kChannelsMax) return fail(fmt::format("it has {} channels", channels));
  if (rate < kRateMin || rate > kRateMax) return fail(fmt::format("it has a rate of {} Hz", rate));
  const bool is_integers = format == kPcm && (bits == 8 || bits == 16 || bits == 24 || bits == 32);
  const bool is_floats = format == kFloat && bits == 32;
  const bool is_logarithmic = (format == kALaw || format == kMuLaw) && bits == 8;
  if (!is_integers && !is_floats && !is_logarithmic) {
    return fail(
        fmt::format("its coding {:#x} with {} bits is none of PCM with 8, 16, 24 or 32 bits, floats, "
                    "A-law and mu-law",
                    format, bits));
  }
  coding_ = is_integers ? Coding::Integers : is_floats ? Coding::Floats : Coding::Logarithmic;
  rate_ = rate;
  channels_ = channels;
  sample_bytes_ = bits / 8U;
  const std::size_t sent_bytes = channels * std::size_t{is_logarithmic ? 1U : 2U};
  frames_each_ = std::max(1U, rate / kUnitsPerSecond);
  while (frames_each_ > 1 && frames_each_ * sent_bytes > kUnitBytesMax) frames_each_ /= 2;
  CodecConfig config;
  config.sample_rate = rate;
  config.channels = channels;
  const char* encoding = format == kALaw ? "PCMA" : format == kMuLaw ? "PCMU" : "L16";
  parts_ = {MediaPart{.format = format_of(MediaKind::Audio, encoding, config)}};
  return {};
}

void WavSplitter::convert(ByteSpan samples) {
  unit_.clear();
  if (coding_ == Coding::Logarithmic) {
    unit_.assign(samples.begin(), samples.end());
    return;
  }
  for (std::size_t at = 0; at < samples.size(); at += sample_bytes_) {
    const std::uint16_t value = as_16_bits(samples.subspan(at, sample_bytes_), coding_ == Coding::Floats);
    unit_.push_back(static_cast<std::uint8_t>(value >> 8U));
    unit_.push_back(static_cast<std::uint8_t>(value & 0xFFU));
  }
}

}  // namespace ott
