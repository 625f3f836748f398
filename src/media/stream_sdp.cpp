#include "media/stream_sdp.h"

#include <algorithm>
#include <utility>

#include "ott/assert.h"

namespace ott {
namespace {

/// What the names of the parts have in common: their own, of one that is alone.
std::string session_name(const std::vector<DescribedPart>& parts) {
  const std::string& first = parts.front().stream.name;
  const std::string name = parts.size() == 1 ? first : first.substr(0, first.rfind('/'));
  return name.empty() ? "ottd" : name;
}

}  // namespace

SdpSize size_of(const JpegImage& image) { return {image.width, image.height}; }

SdpMedia stream_media(const StreamInfo& stream, const std::optional<SdpSize>& size) {
  const MediaFormat& format = stream.format;
  SdpMedia media;
  media.kind = to_string(format.media);
  media.formats = {SdpFormat{format.payload_type, format.encoding, format.clock_rate,
                             std::max(1U, unsigned{format.channels}), format.parameters, ""}};
  media.size = size;
  if (!size && stream.width > 0 && stream.height > 0) media.size = SdpSize{stream.width, stream.height};
  if (format.media == MediaKind::Video && stream.fps_milli > 0) media.fps = stream.fps_milli / 1'000.0;
  media.direction = SdpDirection::SendOnly;
  return media;
}

Sdp stream_sdp(std::vector<DescribedPart> parts) {
  OTT_ASSERT(!parts.empty());
  Sdp sdp;
  sdp.origin.session = parts.front().stream.id.value;
  sdp.name = session_name(parts);
  std::ranges::stable_sort(parts, {}, [](const DescribedPart& part) { return part.stream.format.media; });
  for (DescribedPart& part : parts) sdp.media.push_back(std::move(part.media));
  return sdp;
}

}  // namespace ott
