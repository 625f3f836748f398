// What SDP says of streams of this program: one RTP flow each, with the format that its origin has named, and
// the size and rate that are known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/sdp.h"
#include "ott/message.h"
#include "ott/rtp_jpeg.h"

namespace ott {

/// `size`: of the stream's frames as they are, where that is known better than the origin says it.
SdpMedia stream_media(const StreamInfo& stream, const std::optional<SdpSize>& size = std::nullopt);
SdpSize size_of(const JpegImage& image);

/// Streams that belong together, or one that is alone: one of the media each. Video comes first, then audio,
/// then text, whatever the order of `parts`. Senders of one process have one CNAME, by which receivers know
/// that the parts can be aligned. The session's version (RFC 8866, section 5.2) and where it comes are the
/// caller's; ports and control URLs are in `media`.
struct DescribedPart {
  StreamInfo stream;
  SdpMedia media;
};
Sdp stream_sdp(std::vector<DescribedPart> parts);

}  // namespace ott
