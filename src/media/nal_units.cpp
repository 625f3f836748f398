#include "media/nal_units.h"

#include <algorithm>
#include <array>

#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::array<std::uint8_t, 3> kStartCode = {0, 0, 1};

/// Where the next start code is, from `from` on; the stream's end if there is none.
std::size_t find_start_code(ByteSpan stream, std::size_t from) {
  const auto found = std::search(stream.begin() + static_cast<std::ptrdiff_t>(from), stream.end(),
                                 kStartCode.begin(), kStartCode.end());
  return static_cast<std::size_t>(found - stream.begin());
}

}  // namespace

Result<std::vector<ByteSpan>> nal_units_of_sample(ByteSpan sample, std::size_t length_bytes) {
  std::vector<ByteSpan> units;
  for (std::size_t at = 0; at < sample.size();) {
    std::size_t length = 0;
    if (sample.size() - at < length_bytes) return fail("the length of a NAL unit is not whole");
    for (std::size_t i = 0; i < length_bytes; ++i) length = length << 8U | sample[at++];
    if (length == 0) return fail("a NAL unit is empty");
    if (length > sample.size() - at) {
      return fail("a NAL unit of " + std::to_string(length) +
                  " bytes is not whole: " + std::to_string(sample.size() - at) + " are there");
    }
    units.push_back(sample.subspan(at, length));
    at += length;
  }
  return units;
}

std::vector<ByteSpan> nal_units_of_byte_stream(ByteSpan stream) {
  std::vector<ByteSpan> units;
  std::size_t at = find_start_code(stream, 0);
  while (at < stream.size()) {
    const std::size_t begin = at + kStartCode.size();
    at = find_start_code(stream, begin);
    std::size_t end = at;
    while (end > begin && stream[end - 1] == 0) --end;  // zero_byte and trailing_zero_8bits
    if (end > begin) units.push_back(stream.subspan(begin, end - begin));
  }
  return units;
}

void append_nal_to_sample(ByteSpan nal, std::vector<std::uint8_t>& sample) {
  Writer(sample).u32(static_cast<std::uint32_t>(nal.size()));
  sample.insert(sample.end(), nal.begin(), nal.end());
}

void append_nal_to_byte_stream(ByteSpan nal, std::vector<std::uint8_t>& stream) {
  stream.push_back(0);
  stream.insert(stream.end(), kStartCode.begin(), kStartCode.end());
  stream.insert(stream.end(), nal.begin(), nal.end());
}

CodedSize cropped(BitReader& bits, CodedSize size, unsigned chroma_format, unsigned fields) {
  if (bits.flag()) {
    const std::uint64_t unit_x = chroma_format == 1 || chroma_format == 2 ? 2 : 1;
    const std::uint64_t unit_y = std::uint64_t{chroma_format == 1 ? 2U : 1U} * fields;
    const std::uint64_t left = bits.unsigned_golomb(), right = bits.unsigned_golomb();
    const std::uint64_t top = bits.unsigned_golomb(), bottom = bits.unsigned_golomb();
    size.width -= std::min(size.width, (left + right) * unit_x);
    size.height -= std::min(size.height, (top + bottom) * unit_y);
  }
  return size.width > kCodedSideMax || size.height > kCodedSideMax ? CodedSize{} : size;
}

std::vector<std::uint8_t> unescaped_nal(ByteSpan nal) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(nal.size());
  unsigned zeros = 0;
  for (const std::uint8_t byte : nal) {
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    zeros = byte == 0 ? zeros + 1 : 0;
    bytes.push_back(byte);
  }
  return bytes;
}

}  // namespace ott
