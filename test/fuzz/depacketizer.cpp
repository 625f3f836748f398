// Any packets into any depacketizer: it reads nothing past them, its samples are no larger than what came
// with the heads that samples have, and each sample is the same after it was cut into packets and taken
// again. The first byte says which encoding, the second how large packets are. Then packets, each preceded by
// its length in two bytes, whose first bit says that a frame ends with it.
#include <algorithm>
#include <array>

#include "media/media_sample.h"
#include "ott/assert.h"

namespace {

using namespace ott;

const std::array kFormats = {
    MediaFormat{.encoding = "H264"},
    MediaFormat{.encoding = "H265"},
    MediaFormat{.encoding = "AV1"},
    MediaFormat{.encoding = "VP8"},
    MediaFormat{.encoding = "VP9"},
    MediaFormat{.media = MediaKind::Audio, .encoding = "opus", .clock_rate = 48'000, .channels = 2},
    MediaFormat{.media = MediaKind::Audio,
                .encoding = "MPEG4-GENERIC",
                .clock_rate = 48'000,
                .channels = 2,
                .parameters = "sizelength=13;indexlength=3;indexdeltalength=3;config=1190"},
    MediaFormat{.media = MediaKind::Audio, .encoding = "L16", .clock_rate = 44'100, .channels = 2},
    MediaFormat{.encoding = "MP2T"},
    MediaFormat{.media = MediaKind::Text, .encoding = "t140", .clock_rate = 1'000},
    MediaFormat{.media = MediaKind::Text, .encoding = "red", .clock_rate = 1'000},
};

std::vector<std::uint8_t> joined(const std::vector<MediaSample>& samples) {
  std::vector<std::uint8_t> bytes;
  for (const MediaSample& sample : samples)
    bytes.insert(bytes.end(), sample.bytes.begin(), sample.bytes.end());
  return bytes;
}

void check_round_trip(const MediaFormat& format, const MediaSample& sample, std::size_t packet_bytes_max) {
  const auto packetizer = make_packetizer(format, 1, 1, packet_bytes_max);
  if (packetizer == nullptr) return;
  PacketList packets;
  if (!packetizer->cut(sample, packets)) {
    OTT_ASSERT(packets.bytes.empty());
    return;
  }
  const auto depacketizer = make_depacketizer(format);
  std::vector<std::uint8_t> again;
  const bool is_video = format.media == MediaKind::Video && !format.is("MP2T");
  for (const ByteSpan packet : packets.spans()) OTT_ASSERT(packet.size() <= packet_bytes_max);
  if (is_video) {
    Frame frame;
    frame.bytes = packets.bytes;
    frame.packet_ends = packets.ends;
    const auto samples = depacketizer->take(frame);
    OTT_ASSERT(samples && samples->size() == 1);
    again = joined(*samples);
  } else {
    for (const ByteSpan packet : packets.spans()) {
      Frame frame;
      frame.bytes.assign(packet.begin(), packet.end());
      frame.packet_ends = {static_cast<std::uint32_t>(packet.size())};
      const auto samples = depacketizer->take(frame);
      OTT_ASSERT(samples);
      const auto bytes = joined(*samples);
      again.insert(again.end(), bytes.begin(), bytes.end());
    }
  }
  // A byte order mark at the beginning of a packet is none of the text.
  if (format.media == MediaKind::Text) return;
  OTT_ASSERT(std::ranges::equal(again, sample.bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const MediaFormat& format = kFormats[data[0] % kFormats.size()];
  const std::size_t packet_bytes_max = std::size_t{200} + data[1] * 8U;
  ByteSpan rest = ByteSpan(data, size).subspan(2);
  const auto depacketizer = make_depacketizer(format);
  Frame frame;
  std::size_t bytes_in = 0, bytes_out = 0;
  while (rest.size() >= 2) {
    const bool ends = (rest[0] & 0x80U) != 0;
    const std::size_t bytes =
        std::min(static_cast<std::size_t>((rest[0] & 0x7FU) << 8U | rest[1]), rest.size() - 2);
    frame.bytes.insert(frame.bytes.end(), rest.begin() + 2,
                       rest.begin() + 2 + static_cast<std::ptrdiff_t>(bytes));
    frame.packet_ends.push_back(static_cast<std::uint32_t>(frame.bytes.size()));
    rest = rest.subspan(2 + bytes);
    if (!ends && rest.size() >= 2) continue;
    bytes_in += frame.bytes.size();
    const auto samples = depacketizer->take(frame);
    frame = Frame{};
    if (!samples) {
      OTT_ASSERT(!samples.error().message.empty());
      continue;
    }
    for (const MediaSample& sample : *samples) {
      OTT_ASSERT(!sample.bytes.empty());
      bytes_out += sample.bytes.size();
      check_round_trip(format, sample, packet_bytes_max);
    }
    OTT_ASSERT(bytes_out <= 4 * bytes_in);
  }
  if (const CodecConfig* config = depacketizer->config())
    OTT_ASSERT(config->width <= 65'536 && config->height <= 65'536);
  return 0;
}
