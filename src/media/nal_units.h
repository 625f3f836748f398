// NAL units of H.264 and H.265: as samples hold them, each behind its length in 4 bytes (ISO/IEC 14496-15),
// and as byte streams do, each behind a start code (annex B of both). All spans point into what was given.
#pragma once

#include <vector>

#include "media/bit_reader.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

inline constexpr std::size_t kNalLengthBytes = 4;
/// Of one that is kept: a parameter set.
inline constexpr std::size_t kParameterSetBytesMax = 4'096;

/// Those of a sample. The error names the one that is empty or not whole. `length_bytes`: 1, 2 or 4.
Result<std::vector<ByteSpan>> nal_units_of_sample(ByteSpan sample,
                                                  std::size_t length_bytes = kNalLengthBytes);
/// Those of a byte stream that begins with a start code and ends with a NAL unit; without empty ones.
std::vector<ByteSpan> nal_units_of_byte_stream(ByteSpan stream);

/// REQUIRES: a NAL unit of less than 4 GiB.
void append_nal_to_sample(ByteSpan nal, std::vector<std::uint8_t>& sample);
void append_nal_to_byte_stream(ByteSpan nal, std::vector<std::uint8_t>& stream);

/// A picture's, in samples of luma.
struct CodedSize {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
};
inline constexpr std::uint64_t kCodedSideMax = 16'384;
/// Reads what a sequence parameter set cuts off at the edges, from its flag on (H.264, section 7.4.2.1.1;
/// H.265, section 7.4.3.2.1). `chroma_format` is 0 where the planes are separate; `fields`: 2 where a frame
/// may be two fields. 0x0 if a side is longer than kCodedSideMax.
CodedSize cropped(BitReader& bits, CodedSize size, unsigned chroma_format, unsigned fields = 1);

/// What a NAL unit says, without its emulation prevention bytes (H.264, section 7.3.1).
std::vector<std::uint8_t> unescaped_nal(ByteSpan nal);

}  // namespace ott
