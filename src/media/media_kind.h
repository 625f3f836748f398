// Which container some bytes begin, by their content: what is not concatenated JPEGs or one of the clips of
// clip_format.h, and has sound, text or video of other codecs.
#pragma once

#include <memory>
#include <string>

#include "media/media_splitter.h"

namespace ott {

/// Of the first bytes, that are looked at.
inline constexpr std::size_t kMediaStartBytes = 256;

struct MediaKindFound {
  enum class Verdict : std::uint8_t { NeedBytes, None, Found };
  Verdict verdict = Verdict::None;
  std::string kind{};      // for lists: "matroska", "wav"
  bool has_times = false;  // else they come at a rate
  std::unique_ptr<MediaSplitter> splitter{};
};

/// `is_all`: nothing follows these bytes. `fps`: of what has no times; 0: unknown.
MediaKindFound recognise_media(ByteSpan start, bool is_all, double fps);

}  // namespace ott
