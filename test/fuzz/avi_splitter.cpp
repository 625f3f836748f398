// Any bytes as an AVI file: the pictures are the same however the file is cut into pieces, each is in the
// file, it ends, and each call makes progress. The first byte says how large the pieces are.
#include "media/avi_splitter.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

#include "ott/assert.h"

namespace {

using namespace ott;
using Bytes = std::vector<std::uint8_t>;
using Seen = std::vector<std::tuple<std::uint64_t, Bytes>>;  // offset, and the picture; empty: an error

void take_all(FrameSplitter& splitter, ByteSpan stream, Seen& seen) {
  for (std::size_t calls = 0;; ++calls) {
    OTT_ASSERT(calls <= 2 * stream.size() + 2);
    const auto frame = splitter.next();
    if (frame && !*frame) return;
    if (!frame) {
      seen.emplace_back(0, Bytes{});
      continue;
    }
    OTT_ASSERT(!(*frame)->empty());
    OTT_ASSERT(std::search(stream.begin(), stream.end(), (*frame)->begin(), (*frame)->end()) != stream.end());
    seen.emplace_back(splitter.frame_offset(), Bytes((*frame)->begin(), (*frame)->end()));
  }
}

Seen split(ByteSpan stream, std::size_t piece_bytes) {
  AviSplitter splitter(0);
  Seen seen;
  for (std::size_t at = 0; at < stream.size();) {
    const MutableByteSpan space = splitter.space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), stream.size() - at});
    std::memcpy(space.data(), stream.data() + at, bytes);
    splitter.advance(bytes);
    at += bytes;
    take_all(splitter, stream, seen);
  }
  splitter.finish();
  take_all(splitter, stream, seen);
  OTT_ASSERT(splitter.at_end());
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan stream(data + 1, size - 1);
  if (const auto head = read_avi_head(stream)) OTT_ASSERT(head->stream < 100 && head->fps >= 0);
  OTT_ASSERT(split(stream, stream.size() + 1) == split(stream, std::size_t{data[0]} + 1));
  return 0;
}
