#include "media/wav_writer.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

namespace ott {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr unsigned kPcm = 1, kALaw = 6, kMuLaw = 7;
constexpr std::uint32_t kSizeUnknown = 0xFFFF'FFFF;
constexpr std::uint8_t kALawSilence = 0xD5, kMuLawSilence = 0xFF;
constexpr std::uint64_t kRiffHeadBytes = 8;

void put(Bytes& out, std::uint32_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void put(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

/// Files may be larger than their head can say; then players go on to the end.
Bytes size_field(std::uint64_t size) {
  Bytes bytes;
  put(bytes, static_cast<std::uint32_t>(std::min<std::uint64_t>(size, kSizeUnknown)), 4);
  return bytes;
}

}  // namespace

WavWriter::WavWriter(const MediaFormat& format)
    : is_l16_(format.is("L16")),
      is_a_law_(format.is("PCMA")),
      rate_(format.clock_rate),
      channels_(std::max<std::uint32_t>(format.channels, 1)),
      instant_bytes_(channels_ * (is_l16_ ? 2 : 1)) {}

void WavWriter::write_head(FileEdits& edits) {
  const unsigned format = is_l16_ ? kPcm : (is_a_law_ ? kALaw : kMuLaw);
  Bytes& out = edits.before;
  put(out, "RIFF");
  put(out, kSizeUnknown, 4);
  put(out, "WAVEfmt ");
  put(out, is_l16_ ? 16 : 18, 4);
  put(out, format, 2);
  put(out, channels_, 2);
  put(out, rate_, 4);
  put(out,
      static_cast<std::uint32_t>(
          std::min<std::uint64_t>(std::uint64_t{rate_} * instant_bytes_, kSizeUnknown)),
      4);
  put(out, instant_bytes_, 2);
  put(out, is_l16_ ? 16 : 8, 2);
  if (!is_l16_) put(out, 0, 2);  // no extension
  put(out, "data");
  put(out, kSizeUnknown, 4);
  size_ = out.size();
}

void WavWriter::replace_sizes(FileEdits& edits) {
  const std::uint64_t data_at = size_ - data_bytes_;
  edits.replacements.push_back({data_at - 4, size_field(data_bytes_)});
  edits.replacements.push_back({4, size_field(size_ + data_bytes_ % 2 - kRiffHeadBytes)});
  said_bytes_ = data_bytes_;
}

void WavWriter::add(ByteSpan samples, std::uint32_t media_time, FileEdits& edits) {
  if (size_ == 0) write_head(edits);
  Bytes& out = edits.before;
  const std::size_t before = out.size();
  const std::uint32_t gap = next_ ? media_time - *next_ : 0;
  if (gap <= std::uint64_t{rate_} * kSilenceSecondsMax) {
    const std::uint8_t silence = is_l16_ ? 0 : (is_a_law_ ? kALawSilence : kMuLawSilence);
    out.insert(out.end(), std::size_t{gap} * instant_bytes_, silence);
  }
  if (is_l16_) {
    for (std::size_t at = 0; at + 1 < samples.size(); at += 2)
      out.insert(out.end(), {samples[at + 1], samples[at]});
  } else {
    out.insert(out.end(), samples.begin(), samples.end());
  }
  next_ = media_time + static_cast<std::uint32_t>(samples.size() / instant_bytes_);
  data_bytes_ += out.size() - before;
  size_ += out.size() - before;
  if (data_bytes_ - said_bytes_ >= std::uint64_t{rate_} * instant_bytes_) replace_sizes(edits);
}

FileEdits WavWriter::finish() {
  FileEdits edits;
  if (size_ == 0) return edits;
  if (data_bytes_ % 2 != 0) edits.before.push_back(0);  // chunks have even lengths
  replace_sizes(edits);
  return edits;
}

}  // namespace ott
