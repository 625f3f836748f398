#include "media/clip_writer.h"

#include <fmt/format.h>

#include "ott/assert.h"

namespace ott {

FileEdits ClassicClipWriter::add(const Picture& picture) {
  OTT_ASSERT(picture.jpeg.size() <= kPictureBytesMax);
  const std::string digits = fmt::format("{:05}", picture.jpeg.size());
  return {{digits.begin(), digits.end()}, picture.jpeg};
}

}  // namespace ott
