#include "media/pattern_source.h"

#include "ott/assert.h"

namespace ott {
namespace {

/// 0: not a side of a picture.
unsigned parse_side(std::string_view text) {
  const unsigned side = parse_number<unsigned>(text).value_or(0);
  return side >= PatternSource::kSideMin && side <= PatternSource::kSideMax ? side : 0;
}

}  // namespace

Result<PatternForm> parse_pattern(std::string_view text, const SourceOptions& options,
                                  std::string_view spec) {
  if (options.at_end) return fail("source '" + std::string(spec) + "': a test picture has no end");
  PatternForm form;
  if (options.fps != 0) form.fps = options.fps;
  const auto at = text.find('@');
  const std::string_view size = text.substr(0, at);
  if (!size.empty()) {
    const auto x = size.find('x');
    form.width = parse_side(size.substr(0, x));
    form.height = x == std::string_view::npos ? 0 : parse_side(size.substr(x + 1));
    if (form.width == 0 || form.height == 0) {
      return fail("source '" + std::string(spec) + "': '" + std::string(size) +
                  "' is not a size from 16x16 to 8192x8192; the form is pattern:WIDTHxHEIGHT@FPS, and +tone "
                  "behind it");
    }
  }
  if (at != std::string_view::npos) {
    const auto rate = parse_fps(text.substr(at + 1), spec);
    if (!rate) return tl::unexpected<Error>(rate.error());
    form.fps = *rate;
  }
  return form;
}

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
