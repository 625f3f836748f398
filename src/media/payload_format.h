// What an origin must know of RTP payload formats: where in a stream decoding can begin, and what cannot be
// right. A table by encoding; relays know none of it. No state, no I/O; nothing is read past a packet's end,
// and what is malformed is no sync point.
#pragma once

#include <span>

#include "ott/media_format.h"
#include "ott/types.h"

namespace ott {

/// The RTP packets of an access unit, in order.
using RtpPackets = std::span<const ByteSpan>;

struct PayloadFormat {
  std::string_view encoding;
  /// True if decoding can begin at this access unit.
  bool (*is_sync_point)(RtpPackets packets);
  /// True if a packet is an access unit by itself, whatever its marker and its timestamp (audio, text,
  /// MPEG-TS).
  bool packet_is_unit = false;
  /// True if what follows a loss shows it until the next sync point.
  bool inter_coded = false;
  /// True if the unit has nothing but what decoders need of the one behind it, such as parameter sets that a
  /// sender gives a time of their own. Null: there is no such unit.
  bool (*is_preamble)(RtpPackets packets) = nullptr;
  /// What in a packet cannot be of this format; empty: nothing that is known here. Null: not looked at.
  std::string_view (*flaw_of)(ByteSpan packet) = nullptr;
  /// True if viewers mend a packet with a flaw: it is taken as it is, and the flaw is told.
  bool viewers_mend = false;
};

/// The row of a format. Of an encoding that is in no row each packet is an access unit, and decoding can
/// begin at each: is_known_payload() is false, and the origin says so once.
[[nodiscard]] const PayloadFormat& payload_format(const MediaFormat& format);
[[nodiscard]] bool is_known_payload(const MediaFormat& format);

}  // namespace ott
