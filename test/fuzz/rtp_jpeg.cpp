// Any packets into the depacketizer: what it hands out is a whole JPEG that RFC 2435 carries, and its memory
// stays within one frame. The input is packets, each preceded by its length in two bytes.
#include "ott/rtp_jpeg.h"

#include <algorithm>

#include "ott/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::size_t kHeadersBytesMax = 1'024 + ott::kRtpPacketBytesMax;  // with metadata
  ott::ByteSpan rest(data, size);
  ott::RtpJpegDepacketizer depacketizer;
  depacketizer.set_size({3'840, 2'160});
  while (rest.size() >= 2) {
    const std::size_t bytes = std::min(static_cast<std::size_t>(rest[0] << 8 | rest[1]), rest.size() - 2);
    const auto pushed = depacketizer.push(rest.subspan(2, bytes));
    rest = rest.subspan(2 + bytes);
    if (!pushed) {
      OTT_ASSERT(!pushed.error().message.empty());
      continue;
    }
    if (!*pushed) continue;
    OTT_ASSERT((*pushed)->size() <= ott::kJpegScanBytesMax + kHeadersBytesMax);
    const auto image = ott::parse_jpeg(**pushed);
    OTT_ASSERT(image && image->carriable() && image->bytes == (*pushed)->size());
  }
  return 0;
}
