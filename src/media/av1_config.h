// OBUs of AV1 (AV1 Bitstream & Decoding Process Specification, section 5.3) and what its sequence header
// says: the configuration that MP4 and Matroska hold (av1C; AV1-ISOBMFF, section 2.3), its name and the size
// of the pictures. Nothing is read past its end. No I/O.
#pragma once

#include <optional>
#include <vector>

#include "media/media_sample.h"

namespace ott {

namespace obu {
// Types (section 6.2.2).
inline constexpr unsigned kSequenceHeader = 1, kTemporalDelimiter = 2, kTileList = 8;
inline constexpr std::uint8_t kExtensionFlag = 0x04, kSizeFlag = 0x02;

[[nodiscard]] constexpr unsigned type(std::uint8_t first_byte) { return first_byte >> 3U & 0x0FU; }
}  // namespace obu

/// A view of one OBU.
struct ObuView {
  ByteSpan head;  // 1 or 2 bytes, as they are
  ByteSpan payload;
  [[nodiscard]] unsigned type() const { return obu::type(head[0]); }
};
/// Takes the OBU at the front of `bytes`; one without a size is all of it. The error says what is not whole.
Result<ObuView> take_obu(ByteSpan& bytes);
/// With its size.
void append_obu(const ObuView& view, std::vector<std::uint8_t>& out);

/// leb128() of section 4.10.5, taken off the front; nothing if it is not whole or of more than 32 bits.
std::optional<std::uint32_t> take_leb128(ByteSpan& bytes);
void append_leb128(std::uint32_t value, std::vector<std::uint8_t>& out);

/// The configuration of a stream with such a sequence header.
Result<CodecConfig> av1_config(const ObuView& sequence_header);
/// Of an av1C that has one.
Result<CodecConfig> av1_config_of_record(ByteSpan record);

/// The parameters of a=fmtp (RTP Payload Format For AV1, section 7.1).
std::string av1_parameters(const CodecConfig& config);

}  // namespace ott
