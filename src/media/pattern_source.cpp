#include "media/pattern_source.h"

#include "ott/assert.h"

namespace ott {

PatternSource::PatternSource(unsigned width, unsigned height, double fps)
    : Source({"pattern", width, height, fps}),
      picture_(width, height, fps),
      encoder_(picture_, width, height) {
  OTT_ASSERT(width >= kSideMin && width <= kSideMax && height >= kSideMin && height <= kSideMax);
}

Result<SourceFrame> PatternSource::next(FrameNumber number, WallTime wall) {
  picture_.draw(number, wall);
  const auto jpeg = encoder_.encode();
  if (!jpeg) return tl::unexpected<Error>(jpeg.error());
  const auto image = parse_jpeg(*jpeg);
  if (!image) return tl::unexpected<Error>(image.error());
  return SourceFrame{*jpeg, *image};
}

}  // namespace ott
