// Any bytes as the classic clip.
#include "media/classic_clip.h"

#include "splitter_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ott::fuzz::check<ott::ClassicClipSplitter>(data, size);
  return 0;
}
