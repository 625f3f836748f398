#include "media/media_sample.h"

#include <array>
#include <string_view>

#include "media/rtp_audio.h"
#include "media/rtp_h264.h"
#include "ott/assert.h"

namespace ott {
namespace {

using Depacketizer = std::unique_ptr<MediaDepacketizer>;
using Packetizer = std::unique_ptr<MediaPacketizer>;
using Flow = PayloadPacketizer::Flow;

template <class Made>
Depacketizer depacketizer(const MediaFormat& format) {
  return std::make_unique<Made>(format);
}
template <class Made>
Packetizer packetizer(const Flow& flow) {
  return std::make_unique<Made>(flow);
}

/// Opus is always announced with two channels, and decoders make as many of what comes (RFC 7587, section 7).
Depacketizer opus_depacketizer(const MediaFormat&) {
  return std::make_unique<WholePayloadDepacketizer>(opus_config(2));
}

constexpr std::uint32_t kVideoClockRate = 90'000;
// Dynamic payload types (RFC 3551, section 6), one for each kind, so that parts in one description differ.
constexpr std::uint8_t kVideoType = 96, kAudioType = 97;

void describe_h264(const CodecConfig& config, MediaFormat& format) {
  format.payload_type = kVideoType;
  format.parameters = h264_parameters(config);
}
void describe_opus(const CodecConfig&, MediaFormat& format) {
  format.payload_type = kAudioType;
  format.clock_rate = 48'000;
  format.channels = 2;
}

struct SampleFormat {
  std::string_view encoding;
  Depacketizer (*depacketizer)(const MediaFormat&);
  Packetizer (*packetizer)(const Flow&);
  void (*describe)(const CodecConfig&, MediaFormat&);  // fills in what is its own
};
constexpr std::array kSampleFormats = {
    SampleFormat{"H264", depacketizer<H264Depacketizer>, packetizer<H264Packetizer>, describe_h264},
    SampleFormat{"opus", opus_depacketizer, packetizer<WholePayloadPacketizer>, describe_opus},
};

const SampleFormat* sample_format(const MediaFormat& format) {
  for (const SampleFormat& row : kSampleFormats) {
    if (format.is(row.encoding)) return &row;
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<MediaDepacketizer> make_depacketizer(const MediaFormat& format) {
  const SampleFormat* row = sample_format(format);
  return row != nullptr ? row->depacketizer(format) : nullptr;
}

std::vector<ByteSpan> PacketList::spans() const {
  std::vector<ByteSpan> packets;
  packets.reserve(ends.size());
  for (std::size_t begin = 0; const std::uint32_t end : ends) {
    packets.push_back(ByteSpan(bytes).subspan(begin, end - begin));
    begin = end;
  }
  return packets;
}

std::unique_ptr<MediaPacketizer> make_packetizer(const MediaFormat& format, std::uint32_t ssrc,
                                                 std::uint16_t first_sequence, std::size_t packet_bytes_max) {
  const SampleFormat* row = sample_format(format);
  if (row == nullptr || row->packetizer == nullptr) return nullptr;
  return row->packetizer({format.payload_type, ssrc, first_sequence, packet_bytes_max});
}

MediaFormat format_of(MediaKind media, const std::string& encoding, const CodecConfig& config) {
  MediaFormat format;
  format.media = media;
  format.encoding = encoding;
  format.clock_rate = media == MediaKind::Audio ? config.sample_rate : kVideoClockRate;
  format.channels = static_cast<std::uint8_t>(config.channels);
  const SampleFormat* row = sample_format(format);
  OTT_ASSERT(row != nullptr);
  row->describe(config, format);
  return format;
}

}  // namespace ott
