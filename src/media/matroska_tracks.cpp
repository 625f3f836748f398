#include "media/matroska_tracks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "media/aac_config.h"
#include "media/av1_config.h"
#include "media/ebml.h"
#include "media/h264_config.h"
#include "media/h265_config.h"
#include "media/nal_units.h"
#include "media/rtp_audio.h"
#include "media/text.h"
#include "media/vpx_config.h"
#include "ott/bytes.h"

namespace ott {
namespace {

// Elements of RFC 9559, section 5.1.4.1.
constexpr std::uint32_t kTrackNumber = 0xD7, kCodecId = 0x86, kCodecPrivate = 0x63A2, kCodecDelay = 0x56AA;
constexpr std::uint32_t kDefaultDuration = 0x23E383, kContentEncodings = 0x6D80;
constexpr std::uint32_t kVideo = 0xE0, kPixelWidth = 0xB0, kPixelHeight = 0xBA;
constexpr std::uint32_t kAudio = 0xE1, kSamplingFrequency = 0xB5, kChannels = 0x9F, kBitDepth = 0x6264;

/// What is said of a codec's name; those of the registry are shorter.
constexpr std::size_t kCodecIdBytesMax = 64;
constexpr std::uint64_t kDelayMaxNs = 10'000'000'000;
constexpr std::uint64_t kSideMax = 65'535;
constexpr unsigned kRateMax = 768'000;

struct TrackEntry {
  std::uint64_t number = 0;
  std::string codec;
  ByteSpan record;  // CodecPrivate
  std::uint64_t delay_ns = 0, frame_ns = 0;
  bool encoded = false;
  unsigned width = 0, height = 0;
  unsigned sample_rate = 8'000, channels = 1, bits = 0;
};

Result<void> read_video(ByteSpan body, TrackEntry& entry) {
  while (!body.empty()) {
    const auto element = take_ebml_element(body);
    if (!element) return tl::unexpected(element.error());
    const auto side = static_cast<unsigned>(std::min(ebml_unsigned(element->body), kSideMax));
    if (element->id == kPixelWidth) entry.width = side;
    if (element->id == kPixelHeight) entry.height = side;
  }
  return {};
}

Result<void> read_audio(ByteSpan body, TrackEntry& entry) {
  while (!body.empty()) {
    const auto element = take_ebml_element(body);
    if (!element) return tl::unexpected(element.error());
    if (element->id == kSamplingFrequency) {
      const double rate = ebml_float(element->body);
      entry.sample_rate = rate >= 1 && rate <= kRateMax ? static_cast<unsigned>(std::lround(rate)) : 0;
    }
    if (element->id == kChannels) {
      entry.channels =
          static_cast<unsigned>(std::min<std::uint64_t>(ebml_unsigned(element->body), kChannelsMax));
    }
    if (element->id == kBitDepth) entry.bits = static_cast<unsigned>(ebml_unsigned(element->body));
  }
  return {};
}

Result<TrackEntry> read_entry(ByteSpan body) {
  TrackEntry entry;
  while (!body.empty()) {
    const auto element = take_ebml_element(body);
    if (!element) return tl::unexpected(element.error());
    Result<void> read;
    switch (element->id) {
      case kTrackNumber:
        entry.number = ebml_unsigned(element->body);
        break;
      case kCodecId:
        entry.codec = printable({reinterpret_cast<const char*>(element->body.data()),
                                 std::min(element->body.size(), kCodecIdBytesMax)});
        break;
      case kCodecPrivate:
        entry.record = element->body;
        break;
      case kCodecDelay:
        entry.delay_ns = ebml_unsigned(element->body);
        break;
      case kDefaultDuration:
        entry.frame_ns = ebml_unsigned(element->body);
        break;
      case kContentEncodings:
        entry.encoded = true;
        break;
      case kVideo:
        read = read_video(element->body, entry);
        break;
      case kAudio:
        read = read_audio(element->body, entry);
        break;
      default:
        break;
    }
    if (!read) return tl::unexpected(read.error());
  }
  return entry;
}

/// Fills in a track by its codec; the error says why it is not carried.
using Fill = Result<void> (*)(const TrackEntry& entry, MatroskaTrack& track);

template <class ParameterSets>
Result<void> fill_nal(const TrackEntry& entry, const Result<std::size_t>& length_bytes,
                      MatroskaTrack& track) {
  if (!length_bytes) return tl::unexpected(length_bytes.error());
  ParameterSets sets;
  if (const auto taken = sets.take_record(entry.record); !taken) return taken;
  if (!sets.config()) return fail("its parameter sets cannot be read");
  track.track.config = *sets.config();
  track.nal_length_bytes = *length_bytes;
  if (*length_bytes != kNalLengthBytes) track.form = BlockForm::ShortNalLengths;
  return {};
}
Result<void> fill_h264(const TrackEntry& entry, MatroskaTrack& track) {
  return fill_nal<H264ParameterSets>(entry, avcc_length_bytes(entry.record), track);
}
Result<void> fill_h265(const TrackEntry& entry, MatroskaTrack& track) {
  return fill_nal<H265ParameterSets>(entry, hvcc_length_bytes(entry.record), track);
}
/// An av1C may lack the sequence header, which then comes with the first sample.
Result<void> fill_av1(const TrackEntry& entry, MatroskaTrack& track) {
  CodecConfig& config = track.track.config;
  config.width = entry.width;
  config.height = entry.height;
  if (auto told = av1_config_of_record(entry.record)) config = std::move(*told);
  return {};
}
Result<void> fill_vp8(const TrackEntry& entry, MatroskaTrack& track) {
  track.track.config = vp8_config({.width = entry.width, .height = entry.height});
  return {};
}
/// The features of CodecPrivate: an id, a length and a value each (WebM's VP9 CodecPrivate).
Result<void> fill_vp9(const TrackEntry& entry, MatroskaTrack& track) {
  VpxPicture picture{.width = entry.width, .height = entry.height};
  for (ByteSpan rest = entry.record; rest.size() >= 3 && rest[1] == 1; rest = rest.subspan(3)) {
    const unsigned value = rest[2];
    if (rest[0] == 1 && value <= 3) picture.profile = value;
    if (rest[0] == 3 && (value == 8 || value == 10 || value == 12)) picture.depth = value;
    if (rest[0] == 4 && value <= 3) picture.subsampling = value;
  }
  track.track.config = vp9_config(picture);
  return {};
}
Result<void> fill_jpeg(const TrackEntry& entry, MatroskaTrack& track) {
  track.track.config.width = entry.width;
  track.track.config.height = entry.height;
  return {};
}
Result<void> fill_opus(const TrackEntry& entry, MatroskaTrack& track) {
  constexpr std::size_t kHeadBytes = 19, kChannelsAt = 9, kFamilyAt = 18;
  if (entry.record.size() < kHeadBytes) return fail("its OpusHead is not whole");
  const unsigned channels = entry.record[kChannelsAt];
  if (entry.record[kFamilyAt] != 0 || channels == 0 || channels > 2)
    return fail("Opus of more than two channels");
  track.track.config = opus_config(channels);
  return {};
}
Result<void> fill_aac(const TrackEntry& entry, MatroskaTrack& track) {
  auto config = aac_config(entry.record);
  if (!config) return tl::unexpected(config.error());
  if (config->channels == 0) config->channels = entry.channels;
  track.track.config = std::move(*config);
  return {};
}
Result<void> fill_l16(const TrackEntry& entry, MatroskaTrack& track) {
  if (entry.bits != 16) return fail(fmt::format("PCM of {} bits", entry.bits));
  if (entry.sample_rate == 0 || entry.channels == 0)
    return fail("audio without a possible rate and channels");
  track.track.config = pcm_config(entry.sample_rate, entry.channels);
  return {};
}
Result<void> fill_l16_little(const TrackEntry& entry, MatroskaTrack& track) {
  track.form = BlockForm::LittleEndian;
  return fill_l16(entry, track);
}
/// CodecPrivate is a WAVEFORMATEX; of it the format is looked at.
Result<void> fill_acm(const TrackEntry& entry, MatroskaTrack& track) {
  constexpr unsigned kALaw = 6, kMuLaw = 7;
  if (entry.record.size() < 2) return fail("its WAVEFORMATEX is not whole");
  const unsigned format = entry.record[0] | static_cast<unsigned>(entry.record[1]) << 8U;
  if (format != kALaw && format != kMuLaw) return fail(fmt::format("audio of WAVE format {}", format));
  if (entry.sample_rate == 0 || entry.channels == 0)
    return fail("audio without a possible rate and channels");
  track.track.format.encoding = format == kALaw ? "PCMA" : "PCMU";
  track.track.config = pcm_config(entry.sample_rate, entry.channels);
  return {};
}
Result<void> fill_text(const TrackEntry&, MatroskaTrack& track) {
  track.form = BlockForm::Line;
  return {};
}

struct MatroskaCodec {
  std::string_view id;  // RFC 9559's codec registry
  MediaKind media;
  std::string_view encoding;
  Fill fill;
};
constexpr std::array kCodecs = {
    MatroskaCodec{"V_MPEG4/ISO/AVC", MediaKind::Video, "H264", fill_h264},
    MatroskaCodec{"V_MPEGH/ISO/HEVC", MediaKind::Video, "H265", fill_h265},
    MatroskaCodec{"V_AV1", MediaKind::Video, "AV1", fill_av1},
    MatroskaCodec{"V_VP8", MediaKind::Video, "VP8", fill_vp8},
    MatroskaCodec{"V_VP9", MediaKind::Video, "VP9", fill_vp9},
    MatroskaCodec{"V_MJPEG", MediaKind::Video, "JPEG", fill_jpeg},
    MatroskaCodec{"A_OPUS", MediaKind::Audio, "opus", fill_opus},
    MatroskaCodec{"A_AAC", MediaKind::Audio, "MPEG4-GENERIC", fill_aac},
    MatroskaCodec{"A_PCM/INT/LIT", MediaKind::Audio, "L16", fill_l16_little},
    MatroskaCodec{"A_PCM/INT/BIG", MediaKind::Audio, "L16", fill_l16},
    MatroskaCodec{"A_MS/ACM", MediaKind::Audio, "", fill_acm},
    MatroskaCodec{"S_TEXT/UTF8", MediaKind::Text, "t140", fill_text},
};

}  // namespace

Result<MatroskaTrack> parse_matroska_track(ByteSpan body) {
  const auto entry = read_entry(body);
  if (!entry) return fail("a track: " + entry.error().message);
  const auto refuse = [&](const std::string& why) {
    return fail(fmt::format("track {} ({}): {}", entry->number, entry->codec, why));
  };
  const auto* codec = std::ranges::find(kCodecs, entry->codec, &MatroskaCodec::id);
  if (codec == kCodecs.end()) return refuse("such a codec is not carried");
  if (entry->encoded) return refuse("compressed or encrypted blocks are not taken");
  MatroskaTrack made;
  made.number = entry->number;
  made.track.format.media = codec->media;
  made.track.format.encoding = codec->encoding;
  if (const auto filled = codec->fill(*entry, made); !filled) return refuse(filled.error().message);
  if (!made.track.format.is_jpeg()) {
    made.track.format = format_of(codec->media, std::string(made.track.format.encoding), made.track.config);
  }
  made.codec_delay = Duration(std::min(entry->delay_ns, kDelayMaxNs));
  made.block_time = Duration(std::min(entry->frame_ns, kDelayMaxNs));
  if (codec->media == MediaKind::Video && entry->frame_ns > 0) {
    made.track.fps = 1e9 / static_cast<double>(entry->frame_ns);
  }
  return made;
}

Result<void> append_sample(const MatroskaTrack& track, ByteSpan frame, std::vector<std::uint8_t>& out) {
  if (track.form == BlockForm::LittleEndian) {
    if (frame.size() % 2 != 0) return fail("samples of 16 bits in an odd number of bytes");
    for (std::size_t at = 0; at < frame.size(); at += 2) out.insert(out.end(), {frame[at + 1], frame[at]});
  } else if (track.form == BlockForm::ShortNalLengths) {
    const auto units = nal_units_of_sample(frame, track.nal_length_bytes);
    if (!units) return tl::unexpected(units.error());
    for (const ByteSpan nal : *units) append_nal_to_sample(nal, out);
  } else {
    constexpr std::string_view kLineEnd = "\r\n";  // ITU-T T.140, section 7.3
    out.insert(out.end(), frame.begin(), frame.end());
    out.insert(out.end(), kLineEnd.begin(), kLineEnd.end());
  }
  return {};
}

}  // namespace ott
