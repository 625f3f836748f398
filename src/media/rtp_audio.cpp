#include "media/rtp_audio.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {
namespace {

constexpr std::size_t kTransportPacketBytes = 188;
constexpr std::uint8_t kTransportSync = 0x47;

Result<void> check_transport(ByteSpan bytes) {
  if (bytes.empty() || bytes.size() % kTransportPacketBytes != 0) {
    return fail(fmt::format("{} bytes are no packets of a transport stream", bytes.size()));
  }
  for (std::size_t at = 0; at < bytes.size(); at += kTransportPacketBytes) {
    if (bytes[at] != kTransportSync) return fail("a packet of a transport stream without its sync byte");
  }
  return {};
}

}  // namespace

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

CodecConfig pcm_config(unsigned sample_rate, unsigned channels) {
  CodecConfig config;
  config.sample_rate = sample_rate;
  config.channels = channels;
  return config;
}

std::size_t pcm_instant_bytes(const MediaFormat& format) {
  return std::max<std::size_t>(format.channels, 1) * (format.is("L16") ? 2 : 1);
}

Result<void> WholePayloadDepacketizer::unpack(const RtpPacket& packet) {
  if (packet.payload.size() % multiple_ != 0) {
    return fail(fmt::format("{} bytes of payload are no multiple of {}", packet.payload.size(), multiple_));
  }
  append(packet.payload);
  end_sample(packet.header.timestamp);
  return {};
}

TransportDepacketizer::TransportDepacketizer() : WholePayloadDepacketizer({}, kTransportPacketBytes) {}

Result<void> TransportDepacketizer::unpack(const RtpPacket& packet) {
  if (auto whole = check_transport(packet.payload); !whole) return whole;
  return WholePayloadDepacketizer::unpack(packet);
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

Result<void> PcmPacketizer::cut(const MediaSample& sample, PacketList& packets) {
  if (sample.bytes.empty() || sample.bytes.size() % instant_bytes_ != 0) {
    return fail(fmt::format("{} bytes of audio are no multiple of {}", sample.bytes.size(), instant_bytes_));
  }
  const std::size_t most = payload_bytes_max() / instant_bytes_ * instant_bytes_;
  std::uint32_t media_time = sample.media_time;
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    const ByteSpan part = rest.first(std::min(rest.size(), most));
    rest = rest.subspan(part.size());
    put(packets, media_time, false, {part});
    media_time += static_cast<std::uint32_t>(part.size() / instant_bytes_);
  }
  return {};
}

Result<void> TransportPacketizer::cut(const MediaSample& sample, PacketList& packets) {
  if (auto whole = check_transport(sample.bytes); !whole) return whole;
  const std::size_t most = payload_bytes_max() / kTransportPacketBytes * kTransportPacketBytes;
  if (most == 0) return fail("a packet has no room for one of a transport stream");
  for (ByteSpan rest = sample.bytes; !rest.empty();) {
    const ByteSpan part = rest.first(std::min(rest.size(), most));
    rest = rest.subspan(part.size());
    put(packets, sample.media_time, false, {part});
  }
  return {};
}

}  // namespace ott
