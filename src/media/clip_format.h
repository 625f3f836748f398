// What a file of pictures is, found by its first bytes and not by its name: which splitter finds its frames,
// and at which rate they are shown. For what only other programs play there is the SOURCE that has them do
// it.
#pragma once

#include <memory>
#include <string>

#include "media/frame_splitter.h"
#include "ott/result.h"

namespace ott {

/// Of a file's bytes, that recognise_clip() looks at.
inline constexpr std::size_t kClipStartBytes = std::size_t{64} << 10U;

struct ClipFormat {
  std::string kind;  // for lists
  double fps;
  std::unique_ptr<FrameSplitter> splitter;
};

/// `start`: the first kClipStartBytes of the file, or all of it. The error names the file, what it is where
/// that is known, and how it is played.
Result<ClipFormat> recognise_clip(ByteSpan start, const std::string& path);

}  // namespace ott
