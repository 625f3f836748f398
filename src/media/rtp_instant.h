// The instant at which an access unit was taken, inside the first RTP packet of its frame while it crosses
// the overlay: so far away, parts of one source can be aligned as its RTCP sender reports align them (RFC
// 3550, section 6.4.1), without RTCP on the way. The origin adds it to each frame at which decoding can
// begin, and to some of the others; the far end takes it out, and the packet is again what it was.
//
// It is a header extension (RFC 3550, section 5.3.1) of profile kRtpInstantProfile: NTP's 64-bit time, and
// behind it the extension that the packet had before, profile and length first, if it had one.
#pragma once

#include <optional>
#include <vector>

#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

inline constexpr std::uint16_t kRtpInstantProfile = 0x4F54;
/// By how much a packet is longer with it.
inline constexpr std::size_t kRtpInstantBytes = 12;

/// Writes `packet` with `instant` in it. Returns the bytes written: kRtpInstantBytes more than the packet
/// has. REQUIRES: a packet that parse_rtp() takes; as much room, which may overlap the packet only if the
/// packet begins at least kRtpInstantBytes behind it.
std::size_t add_rtp_instant(ByteSpan packet, WallTime instant, MutableByteSpan out);

/// Takes it out again. Nothing if the packet has none; the error is that of an extension that is not whole.
/// `packet` then holds what it was before.
Result<std::optional<WallTime>> take_rtp_instant(std::vector<std::uint8_t>& packet);

}  // namespace ott
