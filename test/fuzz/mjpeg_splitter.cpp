// Any bytes as concatenated JPEGs.
#include "media/mjpeg_splitter.h"

#include "splitter_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ott::fuzz::check<ott::MjpegSplitter>(data, size);
  return 0;
}
