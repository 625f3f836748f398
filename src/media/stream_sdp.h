// What SDP says of a stream of this program: JPEG over RTP, with the size and rate that are known.
#pragma once

#include <string>

#include "media/sdp.h"
#include "ott/message.h"
#include "ott/rtp_jpeg.h"

namespace ott {

/// `image` is one of the stream's frames. The session's id and version (RFC 8866, section 5.2), where it
/// comes and its control URL are the caller's.
Sdp stream_sdp(const StreamInfo& stream, const JpegImage& image);

}  // namespace ott
