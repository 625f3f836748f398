// What an origin must know of RTP payload formats: where in a stream decoding can begin. A table by encoding;
// relays know none of it. No state, no I/O; nothing is read past a packet's end, and what is malformed is no
// sync point.
#pragma once

#include <span>

#include "ott/media_format.h"
#include "ott/types.h"

namespace ott {

struct PayloadFormat {
  std::string_view encoding;
  /// True if decoding can begin at this access unit: its RTP packets, in order.
  bool (*is_sync_point)(std::span<const ByteSpan> packets);
  /// True if a packet is an access unit by itself, whatever its marker and its timestamp (audio, text,
  /// MPEG-TS).
  bool packet_is_unit = false;
};

/// The row of a format. Of an encoding that is in no row each packet is an access unit, and decoding can
/// begin at each: is_known_payload() is false, and the origin says so once.
[[nodiscard]] const PayloadFormat& payload_format(const MediaFormat& format);
[[nodiscard]] bool is_known_payload(const MediaFormat& format);

}  // namespace ott
