// Fragmented MP4 (ISO/IEC 14496-12), as browsers take it by Media Source and players as a stream: one
// initialization segment, and then a fragment for each access unit. No state, no I/O.
//
//     ftyp, moov              what the tracks are; mvex says that their samples come in fragments
//     moof, mdat              one sample of one track, with its own decode time (tfdt)
//     …
//
// A track's timescale is its stream's clock rate. Sample entries: avc1 and avc3, hvc1 and hev1 (ISO/IEC
// 14496-15), av01 (AV1-ISOBMFF), vp09 (VP Codec ISO Media File Format Binding), Opus (Encapsulation of Opus
// in ISO Base Media File Format), mp4a (ISO/IEC 14496-14).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "media/media_sample.h"
#include "ott/media_format.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

/// True of the encodings above. Browsers have VP8 in WebM only, and PCM in no MP4.
[[nodiscard]] bool mp4_can_hold(const MediaFormat& format);

struct Mp4Track {
  MediaFormat format;
  CodecConfig config;

  bool operator==(const Mp4Track&) const = default;
};

/// The tracks are numbered from 1. The error says what a configuration lacks. REQUIRES: mp4_can_hold() each.
Result<std::vector<std::uint8_t>> mp4_init_segment(std::span<const Mp4Track> tracks);

struct Mp4Sample {
  unsigned track = 1;
  std::uint32_t fragment = 1;            // rises from each to the next, of all tracks
  std::uint64_t decode_time = 0;         // in units of the track's clock rate
  std::int32_t presentation_offset = 0;  // from the decode time; may be negative
  std::uint32_t duration = 0;
  bool sync_point = true;
};

/// A fragment of one sample, whose bytes the caller has in pieces or not at all yet: what comes before them.
std::vector<std::uint8_t> mp4_fragment_head(const Mp4Sample& sample, std::uint32_t sample_bytes);

/// What a media type says of the content (RFC 6381): `video/mp4; codecs="avc1.64001f, opus"`.
std::string mp4_content_type(std::span<const Mp4Track> tracks);

}  // namespace ott
