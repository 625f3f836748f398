// NAL units of H.264 and H.265: as samples hold them, each behind its length in 4 bytes (ISO/IEC 14496-15),
// and as byte streams do, each behind a start code (annex B of both). All spans point into what was given.
#pragma once

#include <vector>

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

/// What a NAL unit says, without its emulation prevention bytes (H.264, section 7.3.1).
std::vector<std::uint8_t> unescaped_nal(ByteSpan nal);

}  // namespace ott
