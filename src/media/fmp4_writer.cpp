#include "media/fmp4_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "ott/assert.h"
#include "ott/bytes.h"

namespace ott {
namespace {

constexpr std::uint32_t kMovieTimescale = 1000;
constexpr std::uint32_t kUnityFixed = 0x0001'0000;  // 1.0 as 16.16
constexpr std::uint16_t kFullVolume = 0x0100;       // 1.0 as 8.8
constexpr std::uint16_t kUndetermined = 0x55C4;     // ISO 639-2 "und", five bits a letter
constexpr std::uint32_t kResolution = 0x0048'0000;  // 72 dots per inch as 16.16

/// Boxes within each other; a box's size is filled in where it ends.
class Boxes {
 public:
  Writer& begin(std::string_view type) {
    open_.push_back(bytes_.size());
    out_.u32(0);
    text(type);
    return out_;
  }
  Writer& begin_full(std::string_view type, std::uint8_t version, std::uint32_t flags) {
    begin(type);
    out_.u32(std::uint32_t{version} << 24U | flags);
    return out_;
  }
  void end() {
    store_be(bytes_.data() + open_.back(), static_cast<std::uint32_t>(bytes_.size() - open_.back()));
    open_.pop_back();
  }
  void text(std::string_view text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
  void bytes(ByteSpan more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }
  void zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  std::vector<std::uint8_t> take() {
    OTT_ASSERT(open_.empty());
    return std::move(bytes_);
  }

 private:
  std::vector<std::uint8_t> bytes_;
  Writer out_{bytes_};
  std::vector<std::size_t> open_;
};

void write_matrix(Writer& out) {
  for (const std::uint32_t value : {kUnityFixed, 0U, 0U, 0U, kUnityFixed, 0U, 0U, 0U, 0x4000'0000U})
    out.u32(value);
}

// ---- sample entries -------------------------------------------------------------------------------------

/// The parameter sets of an avc3 or hev1 track may be in its samples as well, those of the others may not.
std::string_view entry_by_codecs(const CodecConfig& config, std::string_view usual) {
  constexpr std::array<std::string_view, 4> kKnown = {"avc1", "avc3", "hvc1", "hev1"};
  const std::string_view said = std::string_view(config.codecs).substr(0, 4);
  return std::ranges::find(kKnown, said) != kKnown.end() ? said : usual;
}

void write_visual_entry(Boxes& boxes, const CodecConfig& config, std::string_view type,
                        std::string_view config_type) {
  Writer& out = boxes.begin(type);
  boxes.zeros(6);
  out.u16(1);  // the data are in this file
  boxes.zeros(16);
  out.u16(static_cast<std::uint16_t>(config.width));
  out.u16(static_cast<std::uint16_t>(config.height));
  out.u32(kResolution);
  out.u32(kResolution);
  out.u32(0);
  out.u16(1);  // frame in each sample
  boxes.zeros(32);
  out.u16(24);      // bits of a pixel
  out.u16(0xFFFF);  // no colour table
  boxes.begin(config_type);
  boxes.bytes(config.record);
  boxes.end();
  boxes.end();
}

Result<void> write_h264(Boxes& boxes, const CodecConfig& config) {
  write_visual_entry(boxes, config, entry_by_codecs(config, "avc1"), "avcC");
  return {};
}

Result<void> write_h265(Boxes& boxes, const CodecConfig& config) {
  write_visual_entry(boxes, config, entry_by_codecs(config, "hvc1"), "hvcC");
  return {};
}

Result<void> write_av1(Boxes& boxes, const CodecConfig& config) {
  write_visual_entry(boxes, config, "av01", "av1C");
  return {};
}

/// vpcC is a full box; its version, and flags, are no part of the record.
Result<void> write_vp9(Boxes& boxes, const CodecConfig& config) {
  CodecConfig full = config;
  full.record.insert(full.record.begin(), {1, 0, 0, 0});
  write_visual_entry(boxes, full, "vp09", "vpcC");
  return {};
}

void begin_audio_entry(Boxes& boxes, const CodecConfig& config, std::string_view type) {
  Writer& out = boxes.begin(type);
  boxes.zeros(6);
  out.u16(1);
  boxes.zeros(8);
  out.u16(static_cast<std::uint16_t>(config.channels));
  out.u16(16);  // bits of a sample
  boxes.zeros(4);
  // Rates that 16 bits do not hold are in the configuration alone.
  out.u32(config.sample_rate <= 0xFFFF ? config.sample_rate << 16U : 0);
}

/// dOps has the fields of an OpusHead, but most significant byte first.
Result<void> write_opus(Boxes& boxes, const CodecConfig& config) {
  constexpr std::size_t kHeadBytes = 19;
  constexpr std::string_view kMagic = "OpusHead";
  const ByteSpan head = config.record;
  if (head.size() < kHeadBytes || !std::equal(kMagic.begin(), kMagic.end(), head.begin()))
    return fail(fmt::format("an OpusHead of {} bytes that is none", head.size()));
  const std::uint8_t channels = head[9];
  const std::uint8_t family = head[18];
  const std::size_t mapping = family == 0 ? 0 : std::size_t{2} + channels;
  if (channels == 0 || head.size() < kHeadBytes + mapping)
    return fail("an OpusHead whose channel mapping is not whole");
  begin_audio_entry(boxes, config, "Opus");
  Writer& out = boxes.begin("dOps");
  out.u8(0);
  out.u8(channels);
  out.u8(head[11]);
  out.u8(head[10]);
  for (const std::size_t at : {15U, 14U, 13U, 12U}) out.u8(head[at]);
  out.u8(head[17]);
  out.u8(head[16]);
  out.u8(family);
  boxes.bytes(head.subspan(kHeadBytes, mapping));
  boxes.end();
  boxes.end();
  return {};
}

/// MPEG-4's descriptors (ISO/IEC 14496-1, section 7.2.6): a decoder's, and in it what is specific to it.
Result<void> write_aac(Boxes& boxes, const CodecConfig& config) {
  constexpr std::size_t kSpecificMax = 64;
  constexpr std::uint8_t kEsTag = 3, kDecoderTag = 4, kSpecificTag = 5, kSyncTag = 6;
  constexpr std::uint8_t kMpeg4Audio = 0x40;
  constexpr std::uint8_t kAudioStream = 0x15;
  if (config.record.size() > kSpecificMax)
    return fail(fmt::format("an AudioSpecificConfig of {} bytes", config.record.size()));
  const auto specific = static_cast<std::uint8_t>(config.record.size());
  const auto decoder = static_cast<std::uint8_t>(13 + 2 + specific);
  begin_audio_entry(boxes, config, "mp4a");
  Writer& out = boxes.begin_full("esds", 0, 0);
  out.u8(kEsTag);
  out.u8(static_cast<std::uint8_t>(3 + 2 + decoder + 3));
  out.u16(0);
  out.u8(0);
  out.u8(kDecoderTag);
  out.u8(decoder);
  out.u8(kMpeg4Audio);
  out.u8(kAudioStream);
  boxes.zeros(3 + 4 + 4);  // sizes and rates that are not known
  out.u8(kSpecificTag);
  out.u8(specific);
  boxes.bytes(config.record);
  out.u8(kSyncTag);
  out.u8(1);
  out.u8(2);
  boxes.end();
  boxes.end();
  return {};
}

struct Mp4Encoding {
  std::string_view encoding;
  Result<void> (*write)(Boxes&, const CodecConfig&);
};
constexpr std::array kEncodings = {
    Mp4Encoding{"H264", write_h264}, Mp4Encoding{"H265", write_h265}, Mp4Encoding{"AV1", write_av1},
    Mp4Encoding{"VP9", write_vp9},   Mp4Encoding{"opus", write_opus}, Mp4Encoding{"MPEG4-GENERIC", write_aac},
};

const Mp4Encoding* encoding_of(const MediaFormat& format) {
  const auto found =
      std::ranges::find_if(kEncodings, [&](const Mp4Encoding& each) { return format.is(each.encoding); });
  return found == kEncodings.end() ? nullptr : found;
}

bool is_video(const Mp4Track& track) { return track.format.media == MediaKind::Video; }

// ---- the head -------------------------------------------------------------------------------------------

Result<void> check(const Mp4Track& track) {
  const CodecConfig& config = track.config;
  constexpr unsigned kSideMax = std::numeric_limits<std::uint16_t>::max();
  constexpr std::size_t kRecordBytesMax = 1U << 20U;
  if (config.record.empty()) return fail("nothing says how it is to be decoded");
  if (config.record.size() > kRecordBytesMax) return fail("a configuration of more than 1 MiB");
  if (is_video(track) &&
      (config.width == 0 || config.height == 0 || std::max(config.width, config.height) > kSideMax))
    return fail(fmt::format("pictures of {}×{}", config.width, config.height));
  return {};
}

void write_movie_header(Boxes& boxes, std::size_t tracks) {
  Writer& out = boxes.begin_full("mvhd", 0, 0);
  boxes.zeros(8);
  out.u32(kMovieTimescale);
  out.u32(0);  // its duration is that of its fragments
  out.u32(kUnityFixed);
  out.u16(kFullVolume);
  boxes.zeros(10);
  write_matrix(out);
  boxes.zeros(24);
  out.u32(static_cast<std::uint32_t>(tracks + 1));
  boxes.end();
}

void write_track_header(Boxes& boxes, const Mp4Track& track, std::uint32_t id) {
  constexpr std::uint32_t kEnabledInMovie = 3;
  Writer& out = boxes.begin_full("tkhd", 0, kEnabledInMovie);
  boxes.zeros(8);
  out.u32(id);
  boxes.zeros(4 + 4 + 8 + 4);
  out.u16(is_video(track) ? 0 : kFullVolume);
  out.u16(0);
  write_matrix(out);
  out.u32(is_video(track) ? track.config.width << 16U : 0);
  out.u32(is_video(track) ? track.config.height << 16U : 0);
  boxes.end();
}

/// Sample tables that say that there are no samples here.
void write_empty_tables(Boxes& boxes) {
  for (const std::string_view table : {"stts", "stsc", "stco"}) {
    boxes.begin_full(table, 0, 0).u32(0);
    boxes.end();
  }
  Writer& out = boxes.begin_full("stsz", 0, 0);
  out.u32(0);
  out.u32(0);
  boxes.end();
}

Result<void> write_track(Boxes& boxes, const Mp4Track& track, std::uint32_t id) {
  boxes.begin("trak");
  write_track_header(boxes, track, id);
  boxes.begin("mdia");
  Writer& header = boxes.begin_full("mdhd", 0, 0);
  boxes.zeros(8);
  header.u32(track.format.clock_rate);
  header.u32(0);
  header.u16(kUndetermined);
  header.u16(0);
  boxes.end();
  Writer& handler = boxes.begin_full("hdlr", 0, 0);
  handler.u32(0);
  boxes.text(is_video(track) ? "vide" : "soun");
  boxes.zeros(12 + 1);
  boxes.end();
  boxes.begin("minf");
  boxes.begin_full(is_video(track) ? "vmhd" : "smhd", 0, is_video(track) ? 1 : 0);
  boxes.zeros(is_video(track) ? 8 : 4);
  boxes.end();
  boxes.begin("dinf");
  boxes.begin_full("dref", 0, 0).u32(1);
  boxes.begin_full("url ", 0, 1);  // this file
  boxes.end();
  boxes.end();
  boxes.end();
  boxes.begin("stbl");
  boxes.begin_full("stsd", 0, 0).u32(1);
  const Mp4Encoding* encoding = encoding_of(track.format);
  OTT_ASSERT(encoding != nullptr);
  if (auto written = encoding->write(boxes, track.config); !written) return written;
  boxes.end();
  write_empty_tables(boxes);
  for (int i = 0; i < 4; ++i) boxes.end();  // stbl, minf, mdia, trak
  return {};
}

}  // namespace

bool mp4_can_hold(const MediaFormat& format) { return encoding_of(format) != nullptr; }

Result<std::vector<std::uint8_t>> mp4_init_segment(std::span<const Mp4Track> tracks) {
  Boxes boxes;
  boxes.begin("ftyp");
  boxes.text("iso5");
  boxes.zeros(4);
  boxes.text("iso5iso6mp41");
  boxes.end();
  boxes.begin("moov");
  write_movie_header(boxes, tracks.size());
  for (std::uint32_t id = 0; const Mp4Track& track : tracks) {
    ++id;
    auto written = check(track);
    if (written) written = write_track(boxes, track, id);
    if (!written) return fail(fmt::format("{}: {}", describe(track.format), written.error().message));
  }
  boxes.begin("mvex");
  for (std::uint32_t id = 1; id <= tracks.size(); ++id) {
    Writer& out = boxes.begin_full("trex", 0, 0);
    out.u32(id);
    out.u32(1);  // its samples are of the first entry
    boxes.zeros(12);
    boxes.end();
  }
  boxes.end();
  boxes.end();
  return boxes.take();
}

std::vector<std::uint8_t> mp4_fragment_head(const Mp4Sample& sample, std::uint32_t sample_bytes) {
  constexpr std::uint32_t kBaseIsMoof = 0x02'0000;
  constexpr std::uint32_t kHasOffset = 0x1, kHasDuration = 0x100, kHasSize = 0x200, kHasFlags = 0x400,
                          kHasPresentation = 0x800;
  constexpr std::uint32_t kDependsOnNone = 0x0200'0000;
  constexpr std::uint32_t kDependsAndNoSync = 0x0101'0000;
  constexpr std::uint32_t kBoxHeaderBytes = 8;
  Boxes boxes;
  boxes.begin("moof");
  boxes.begin_full("mfhd", 0, 0).u32(sample.fragment);
  boxes.end();
  boxes.begin("traf");
  boxes.begin_full("tfhd", 0, kBaseIsMoof).u32(sample.track);
  boxes.end();
  boxes.begin_full("tfdt", 1, 0).u64(sample.decode_time);
  boxes.end();
  Writer& out =
      boxes.begin_full("trun", 1, kHasOffset | kHasDuration | kHasSize | kHasFlags | kHasPresentation);
  out.u32(1);
  const std::size_t offset_at = boxes.size();
  out.u32(0);
  out.u32(sample.duration);
  out.u32(sample_bytes);
  out.u32(sample.sync_point ? kDependsOnNone : kDependsAndNoSync);
  out.u32(static_cast<std::uint32_t>(sample.presentation_offset));
  boxes.end();
  boxes.end();
  boxes.end();
  std::vector<std::uint8_t> head = boxes.take();
  store_be(head.data() + offset_at, static_cast<std::uint32_t>(head.size()) + kBoxHeaderBytes);
  Writer mdat(head);
  mdat.u32(sample_bytes + kBoxHeaderBytes);
  head.insert(head.end(), {'m', 'd', 'a', 't'});
  return head;
}

std::string mp4_content_type(std::span<const Mp4Track> tracks) {
  std::string codecs;
  for (const Mp4Track& track : tracks) codecs += (codecs.empty() ? "" : ", ") + track.config.codecs;
  const bool any_video = std::ranges::any_of(tracks, is_video);
  return fmt::format("{}/mp4; codecs=\"{}\"", any_video ? "video" : "audio", codecs);
}

}  // namespace ott
