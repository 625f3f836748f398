// What a TrackEntry of Matroska (RFC 9559, section 5.1.4.1) says, and how its blocks become samples.
#pragma once

#include <string>
#include <vector>

#include "media/media_sample.h"
#include "ott/time.h"

namespace ott {

/// A part that can be carried, as format_of() describes it: also V_MJPEG, which is JPEG.
struct MediaTrack {
  MediaFormat format;
  CodecConfig config;
  double fps = 0;  // of video, where its head says it; else 0
};

/// What a block's bytes are beside the sample.
enum class BlockForm : std::uint8_t {
  Same,
  ShortNalLengths,  // NAL units with lengths of 1 or 2 bytes
  LittleEndian,     // samples of 16 bits
  Line,             // a text that stands by itself
};

struct MatroskaTrack {
  std::uint64_t number = 0;  // by which blocks name it
  MediaTrack track;
  BlockForm form = BlockForm::Same;
  std::size_t nal_length_bytes = 4;
  Duration codec_delay{};  // by how much blocks are later than what they hold
  Duration block_time{};   // from one frame to the next, where that is always the same; else 0
};

/// The error says which track it is, and why it is not carried. REQUIRES: the body of a TrackEntry.
Result<MatroskaTrack> parse_matroska_track(ByteSpan entry);

/// The sample of a frame, appended to `out`. The error says why it is none. REQUIRES: a form that is not
/// Same.
Result<void> append_sample(const MatroskaTrack& track, ByteSpan frame, std::vector<std::uint8_t>& out);

}  // namespace ott
