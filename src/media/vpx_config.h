// What key frames of VP8 (RFC 6386, section 9.1) and VP9 (VP9 Bitstream & Decoding Process Specification,
// section 6.2) say: the configuration that MP4 holds, its name (VP Codec ISO Media File Format Binding) and
// the size of the pictures. Nothing is read past a frame's end. No I/O.
#pragma once

#include <optional>

#include "media/media_sample.h"

namespace ott {

struct VpxPicture {
  unsigned profile = 0;
  unsigned depth = 8;
  unsigned subsampling = 1;  // as vpcC counts them: 1: 4:2:0, 2: 4:2:2, 3: 4:4:4
  bool full_range = false;
  unsigned width = 0, height = 0;
};

/// Nothing if the frame is no key frame.
std::optional<VpxPicture> vp8_key_frame(ByteSpan frame);
std::optional<VpxPicture> vp9_key_frame(ByteSpan frame);

/// The record is the fields of vpcC behind its version and flags. The level is the least for such a size
/// at 60 pictures a second.
CodecConfig vp8_config(const VpxPicture& picture);
CodecConfig vp9_config(const VpxPicture& picture);

}  // namespace ott
