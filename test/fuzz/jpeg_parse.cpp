// Any bytes as a JPEG. What is carriable comes back from packets with the same scan, size, tables and
// metadata; what is not becomes so or is refused, and what it becomes is carriable.
#include <algorithm>
#include <vector>

#include "media/jpeg_convert.h"
#include "ott/assert.h"
#include "ott/rtp_jpeg.h"

namespace {

constexpr std::uint64_t kPixelsMax = 256 * 256;  // beyond, a conversion is only slow

void round_trip(const ott::JpegImage& image, std::size_t packet_bytes_max) {
  ott::RtpJpegPacketizer packetizer(image, packet_bytes_max);
  ott::RtpJpegDepacketizer depacketizer;
  std::vector<std::uint8_t> packet(packet_bytes_max);
  const std::size_t count = packetizer.packet_count();
  for (std::size_t i = 1;; ++i) {
    const std::size_t bytes = packetizer.next(packet, {static_cast<std::uint16_t>(i), 1, 2});
    OTT_ASSERT(bytes <= packet_bytes_max);
    OTT_ASSERT(packetizer.done() == (i == count));
    const auto pushed = depacketizer.push(ott::ByteSpan(packet).first(bytes));
    OTT_ASSERT(pushed && pushed->has_value() == packetizer.done());
    if (!*pushed) continue;
    const auto again = ott::parse_jpeg(**pushed);
    OTT_ASSERT(again && again->carriable());
    OTT_ASSERT(again->width == image.width && again->height == image.height && again->type == image.type);
    OTT_ASSERT(again->restart_interval == image.restart_interval);
    OTT_ASSERT(std::ranges::equal(again->scan, image.scan));
    if (packet_bytes_max == ott::kRtpPacketBytesMax) {
      OTT_ASSERT(again->metadata.count == image.metadata.count &&
                 again->metadata.bytes == image.metadata.bytes);
    }
    for (std::size_t t = 0; t < 2; ++t) {
      OTT_ASSERT(std::ranges::equal(again->quant_tables[t], image.quant_tables[t]));
    }
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ott::ByteSpan jpeg(data, size);
  const auto image = ott::parse_jpeg(jpeg);
  if (!image) return 0;
  if (image->carriable()) {
    round_trip(*image, ott::kRtpPacketBytesMin);
    round_trip(*image, ott::kRtpPacketBytesMax);
    return 0;
  }
  if (std::uint64_t{image->width} * image->height > kPixelsMax) return 0;
  ott::JpegConverter converter;
  const auto converted = converter.make_carriable(jpeg);
  if (!converted) return 0;
  OTT_ASSERT(converted->how != ott::JpegConverter::How::AsIs);
  OTT_ASSERT(converted->image.width == image->width && converted->image.height == image->height);
  round_trip(converted->image, ott::kRtpPacketBytesMin);
  return 0;
}
