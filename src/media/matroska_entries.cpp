#include "media/matroska_entries.h"

#include <array>
#include <string_view>

#include "ott/assert.h"

namespace ott {
namespace {

// Elements of RFC 9559, section 5.1.4.1.
constexpr std::uint32_t kTrackEntry = 0xAE, kTrackNumber = 0xD7, kTrackUid = 0x73C5, kTrackType = 0x83;
constexpr std::uint32_t kFlagLacing = 0x9C, kLanguage = 0x22B59C, kCodecId = 0x86, kCodecPrivate = 0x63A2;
constexpr std::uint32_t kSeekPreRoll = 0x56BB;
constexpr std::uint32_t kVideo = 0xE0, kPixelWidth = 0xB0, kPixelHeight = 0xBA;
constexpr std::uint32_t kAudio = 0xE1, kSamplingFrequency = 0xB5, kChannels = 0x9F, kBitDepth = 0x6264;

constexpr std::uint64_t kVideoType = 1, kAudioType = 2, kSubtitleType = 17;
/// Opus needs as much before a place to be right there (RFC 7845, section 4.6).
constexpr std::uint64_t kOpusPreRollNs = 80'000'000;

constexpr unsigned kWaveALaw = 6, kWaveMuLaw = 7;

/// WAVEFORMATEX of audio of 8 bits, little endian.
EbmlBytes wave_format(unsigned format, const CodecConfig& config) {
  EbmlBytes bytes;
  const auto put = [&bytes](std::uint32_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  put(format, 2);
  put(config.channels, 2);
  put(config.sample_rate, 4);
  put(config.sample_rate * config.channels, 4);  // bytes a second
  put(config.channels, 2);                       // bytes of an instant
  put(8, 2);
  put(0, 2);  // nothing follows
  return bytes;
}

enum class Private : std::uint8_t { None, Record, ALaw, MuLaw };

struct MatroskaEncoding {
  std::string_view encoding;
  MediaKind media;
  std::string_view codec;
  Private codec_private = Private::None;
  unsigned bits = 0;  // of a sample of audio, where it is said
  std::uint64_t pre_roll_ns = 0;
};
constexpr std::array kEncodings = {
    MatroskaEncoding{"JPEG", MediaKind::Video, "V_MJPEG"},
    MatroskaEncoding{"H264", MediaKind::Video, "V_MPEG4/ISO/AVC", Private::Record},
    MatroskaEncoding{"H265", MediaKind::Video, "V_MPEGH/ISO/HEVC", Private::Record},
    MatroskaEncoding{"AV1", MediaKind::Video, "V_AV1", Private::Record},
    MatroskaEncoding{"VP8", MediaKind::Video, "V_VP8"},
    // CodecPrivate of VP9 has another form than vpcC, and decoders need none.
    MatroskaEncoding{"VP9", MediaKind::Video, "V_VP9"},
    MatroskaEncoding{"opus", MediaKind::Audio, "A_OPUS", Private::Record, 0, kOpusPreRollNs},
    MatroskaEncoding{"MPEG4-GENERIC", MediaKind::Audio, "A_AAC", Private::Record},
    MatroskaEncoding{"L16", MediaKind::Audio, "A_PCM/INT/BIG", Private::None, 16},
    MatroskaEncoding{"PCMU", MediaKind::Audio, "A_MS/ACM", Private::MuLaw, 8},
    MatroskaEncoding{"PCMA", MediaKind::Audio, "A_MS/ACM", Private::ALaw, 8},
    MatroskaEncoding{"t140", MediaKind::Text, "S_TEXT/UTF8"},
    MatroskaEncoding{"red", MediaKind::Text, "S_TEXT/UTF8"},
};

const MatroskaEncoding* row_of(const MediaFormat& format) {
  for (const MatroskaEncoding& row : kEncodings) {
    if (format.media == row.media && format.is(row.encoding)) return &row;
  }
  return nullptr;
}

std::uint64_t type_of(MediaKind media) {
  if (media == MediaKind::Video) return kVideoType;
  return media == MediaKind::Audio ? kAudioType : kSubtitleType;
}

EbmlBytes private_of(const MatroskaEncoding& row, const CodecConfig& config) {
  switch (row.codec_private) {
    case Private::Record:
      return config.record;
    case Private::ALaw:
      return wave_format(kWaveALaw, config);
    case Private::MuLaw:
      return wave_format(kWaveMuLaw, config);
    case Private::None:
      break;
  }
  return {};
}

}  // namespace

bool matroska_can_hold(const MediaFormat& format) { return row_of(format) != nullptr; }

void put_matroska_entry(EbmlBytes& out, const RecordedTrack& track, unsigned number) {
  const MatroskaEncoding* row = row_of(track.format);
  OTT_ASSERT(row != nullptr);
  EbmlBytes entry, media;
  put_ebml_number(entry, kTrackNumber, number);
  put_ebml_number(entry, kTrackUid, number);
  put_ebml_number(entry, kTrackType, type_of(row->media));
  put_ebml_number(entry, kFlagLacing, 0);
  put_ebml_text(entry, kLanguage, "und");
  put_ebml_text(entry, kCodecId, row->codec);
  if (const EbmlBytes bytes = private_of(*row, track.config); !bytes.empty())
    put_ebml(entry, kCodecPrivate, bytes);
  if (row->pre_roll_ns > 0) put_ebml_number(entry, kSeekPreRoll, row->pre_roll_ns);
  if (row->media == MediaKind::Video) {
    put_ebml_number(media, kPixelWidth, track.config.width);
    put_ebml_number(media, kPixelHeight, track.config.height);
    put_ebml(entry, kVideo, media);
  } else if (row->media == MediaKind::Audio) {
    put_ebml_float(media, kSamplingFrequency, track.config.sample_rate);
    put_ebml_number(media, kChannels, track.config.channels);
    if (row->bits > 0) put_ebml_number(media, kBitDepth, row->bits);
    put_ebml(entry, kAudio, media);
  }
  put_ebml(out, kTrackEntry, entry);
}

}  // namespace ott
