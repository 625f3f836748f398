#include "media/media_sample.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "media/av1_config.h"
#include "media/rtp_aac.h"
#include "media/rtp_audio.h"
#include "media/rtp_av1.h"
#include "media/rtp_h264.h"
#include "media/rtp_h265.h"
#include "media/rtp_text.h"
#include "media/rtp_vpx.h"
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
Packetizer packetizer(const MediaFormat&, const Flow& flow) {
  return std::make_unique<Made>(flow);
}

/// Opus is always announced with two channels, and decoders make as many of what comes (RFC 7587, section 7).
Depacketizer opus_depacketizer(const MediaFormat&) {
  return std::make_unique<WholePayloadDepacketizer>(opus_config(2), 1);
}
Depacketizer pcm_depacketizer(const MediaFormat& format) {
  return std::make_unique<WholePayloadDepacketizer>(
      pcm_config(format.clock_rate, std::max<unsigned>(format.channels, 1)), pcm_instant_bytes(format));
}
Packetizer pcm_packetizer(const MediaFormat& format, const Flow& flow) {
  return std::make_unique<PcmPacketizer>(flow, pcm_instant_bytes(format));
}
/// Redundancy (RFC 2198) is known of text alone.
Depacketizer redundant_depacketizer(const MediaFormat& format) {
  return format.media == MediaKind::Text ? depacketizer<TextDepacketizer>(format) : nullptr;
}
Depacketizer transport_depacketizer(const MediaFormat&) { return std::make_unique<TransportDepacketizer>(); }

// Static payload types, and dynamic ones (RFC 3551, section 6): one for each kind of media, so that the parts
// in one description differ.
constexpr std::uint8_t kPcmu = 0, kPcma = 8, kL16Stereo = 10, kL16Mono = 11, kMp2t = 33;
constexpr std::uint8_t kVideoType = 96, kAudioType = 97, kTextType = 98;
constexpr std::uint32_t kVideoClockRate = 90'000, kOpusClockRate = 48'000, kTextClockRate = 1'000;

void describe_h264(const CodecConfig& config, MediaFormat& format) {
  format.parameters = h264_parameters(config);
}
void describe_h265(const CodecConfig& config, MediaFormat& format) {
  format.parameters = h265_parameters(config);
}
void describe_av1(const CodecConfig& config, MediaFormat& format) {
  format.parameters = av1_parameters(config);
}
void describe_vp8(const CodecConfig&, MediaFormat&) {}
void describe_vp9(const CodecConfig& config, MediaFormat& format) {
  if (!config.record.empty()) format.parameters = "profile-id=" + std::to_string(config.record[0]);
}
void describe_opus(const CodecConfig& config, MediaFormat& format) {
  format.clock_rate = kOpusClockRate;
  format.channels = 2;
  if (config.channels == 2) format.parameters = "sprop-stereo=1";
}
void describe_aac(const CodecConfig& config, MediaFormat& format) {
  format.parameters = aac_parameters(config);
}
void describe_pcmu(const CodecConfig& config, MediaFormat& format) {
  if (config.sample_rate == 8'000 && config.channels == 1) format.payload_type = kPcmu;
}
void describe_pcma(const CodecConfig& config, MediaFormat& format) {
  if (config.sample_rate == 8'000 && config.channels == 1) format.payload_type = kPcma;
}
void describe_l16(const CodecConfig& config, MediaFormat& format) {
  if (config.sample_rate != 44'100 || config.channels > 2) return;
  format.payload_type = config.channels == 2 ? kL16Stereo : kL16Mono;
}
void describe_mp2t(const CodecConfig&, MediaFormat& format) {
  format.clock_rate = kVideoClockRate;
  format.payload_type = kMp2t;
}
void describe_text(const CodecConfig&, MediaFormat&) {}

struct SampleFormat {
  std::string_view encoding;
  Depacketizer (*depacketizer)(const MediaFormat&);
  Packetizer (*packetizer)(const MediaFormat&, const Flow&);  // null: such packets are only taken
  void (*describe)(const CodecConfig&, MediaFormat&);         // what format_of() does not know by the media
};
constexpr std::array kSampleFormats = {
    SampleFormat{"H264", depacketizer<H264Depacketizer>, packetizer<H264Packetizer>, describe_h264},
    SampleFormat{"H265", depacketizer<H265Depacketizer>, packetizer<H265Packetizer>, describe_h265},
    SampleFormat{"AV1", depacketizer<Av1Depacketizer>, packetizer<Av1Packetizer>, describe_av1},
    SampleFormat{"VP8", depacketizer<Vp8Depacketizer>, packetizer<Vp8Packetizer>, describe_vp8},
    SampleFormat{"VP9", depacketizer<Vp9Depacketizer>, packetizer<Vp9Packetizer>, describe_vp9},
    SampleFormat{"opus", opus_depacketizer, packetizer<WholePayloadPacketizer>, describe_opus},
    SampleFormat{"MPEG4-GENERIC", depacketizer<AacDepacketizer>, packetizer<AacPacketizer>, describe_aac},
    SampleFormat{"PCMU", pcm_depacketizer, pcm_packetizer, describe_pcmu},
    SampleFormat{"PCMA", pcm_depacketizer, pcm_packetizer, describe_pcma},
    SampleFormat{"L16", pcm_depacketizer, pcm_packetizer, describe_l16},
    SampleFormat{"MP2T", transport_depacketizer, packetizer<TransportPacketizer>, describe_mp2t},
    SampleFormat{"t140", depacketizer<TextDepacketizer>, packetizer<TextPacketizer>, describe_text},
    SampleFormat{"red", redundant_depacketizer, nullptr, describe_text},
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
  return row->packetizer(format, {format.payload_type, ssrc, first_sequence, packet_bytes_max});
}

MediaFormat format_of(MediaKind media, const std::string& encoding, const CodecConfig& config) {
  MediaFormat format;
  format.media = media;
  format.encoding = encoding;
  format.payload_type = kVideoType;
  format.clock_rate = kVideoClockRate;
  if (media == MediaKind::Audio) {
    format.payload_type = kAudioType;
    format.clock_rate = config.sample_rate;
    format.channels = static_cast<std::uint8_t>(std::min<unsigned>(config.channels, kChannelsMax));
  } else if (media == MediaKind::Text) {
    format.payload_type = kTextType;
    format.clock_rate = kTextClockRate;
  }
  const SampleFormat* row = sample_format(format);
  OTT_ASSERT(row != nullptr && row->packetizer != nullptr);
  row->describe(config, format);
  return format;
}

}  // namespace ott
