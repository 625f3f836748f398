#include "media/rtp_audio.h"

#include <fmt/format.h>

namespace ott {

CodecConfig opus_config(unsigned channels) {
  constexpr unsigned kRate = 48'000;
  CodecConfig config;
  config.codecs = "opus";
  config.sample_rate = kRate;
  config.channels = channels;
  const auto count = static_cast<std::uint8_t>(channels);
  // Version, channels, no pre-skip (of a live stream no beginning is cut off), the rate, no gain, family 0.
  config.record = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, count, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0};
  return config;
}

Result<void> WholePayloadDepacketizer::unpack(const RtpPacket& packet) {
  append(packet.payload);
  end_sample(packet.header.timestamp);
  return {};
}

Result<void> WholePayloadPacketizer::cut(const MediaSample& sample, PacketList& packets) {
  if (sample.bytes.empty()) return fail("an empty sample");
  if (sample.bytes.size() > payload_bytes_max()) {
    return fail(fmt::format("a sample of {} bytes does not fit into a packet of {}", sample.bytes.size(),
                            payload_bytes_max()));
  }
  put(packets, sample.media_time, false, {sample.bytes});
  return {};
}

}  // namespace ott
