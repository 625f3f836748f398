#include "media/stream_sdp.h"

namespace ott {

Sdp stream_sdp(const StreamInfo& stream, const JpegImage& image) {
  Sdp sdp;
  sdp.origin.session = stream.id.value;
  sdp.name = stream.name.empty() ? "ottd" : stream.name;
  SdpMedia video;
  video.kind = "video";
  video.formats = {SdpFormat{kRtpPayloadTypeJpeg, "JPEG", 90'000, 1, {}}};
  video.size = SdpSize{image.width, image.height};
  if (stream.fps_milli > 0) video.fps = stream.fps_milli / 1'000.0;
  video.direction = SdpDirection::SendOnly;
  sdp.media.push_back(std::move(video));
  return sdp;
}

}  // namespace ott
