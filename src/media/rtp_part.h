// One RTP flow of a source as a session description says it: what an m= line offers that can be taken.
#pragma once

#include <optional>

#include "media/input.h"
#include "media/sdp.h"
#include "ott/rtp_jpeg.h"

namespace ott {

struct RtpPart {
  MediaFormat
      format{};  // of the stream; for JPEG as it crosses the overlay, whatever the source's packets are
  std::uint8_t payload_type = kRtpPayloadTypeJpeg;  // of its packets
  std::optional<PictureSize> size{};                // of video, where it is said
  double fps = 0;                                   // likewise; else 0

  bool operator==(const RtpPart&) const = default;
};

/// The first format of the media that can be taken. The error says why there is none.
Result<RtpPart> rtp_part(const SdpMedia& media);

MediaPart media_part(const RtpPart& part);

/// For errors and the log: "SDP line 4, audio opus: " and why. A flaw of the media names a line itself.
std::string unusable(const SdpMedia& media, std::string_view why);

}  // namespace ott
