// The Tracks of a Matroska file that is written, by encoding (RFC 9559, section 5.1.4, and its codec
// registry); matroska_tracks.h reads them. No I/O.
#pragma once

#include <vector>

#include "media/ebml_writer.h"
#include "media/media_sample.h"
#include "ott/media_format.h"

namespace ott {

/// One part of a recording, as a file's head says it.
struct RecordedTrack {
  MediaFormat format;
  CodecConfig config;  // of JPEG: width and height alone

  bool operator==(const RecordedTrack&) const = default;
};

/// True of JPEG, H264, H265, VP8, VP9, AV1, opus, MPEG4-GENERIC, L16, PCMU, PCMA, and text of T.140.
[[nodiscard]] bool matroska_can_hold(const MediaFormat& format);

/// A TrackEntry. REQUIRES: matroska_can_hold(track.format), `number` from 1.
void put_matroska_entry(EbmlBytes& out, const RecordedTrack& track, unsigned number);

}  // namespace ott
