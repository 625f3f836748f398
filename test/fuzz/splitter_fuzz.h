// What holds for both splitters, whatever the bytes: the frames lie in the stream, in order, unaltered, and
// are the same however the stream is cut into pieces; it ends; each call makes progress.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "media/frame_splitter.h"
#include "ott/assert.h"

namespace ott::fuzz {

using Frames = std::vector<std::pair<std::uint64_t, std::size_t>>;  // offset and bytes

inline void take_all(FrameSplitter& splitter, ByteSpan stream, Frames& frames) {
  const std::size_t calls_max = 2 * stream.size() + 2;
  for (std::size_t calls = 0;; ++calls) {
    OTT_ASSERT(calls <= calls_max);
    const auto frame = splitter.next();
    if (!frame) continue;
    if (!*frame) return;
    const std::uint64_t offset = splitter.frame_offset();
    OTT_ASSERT(offset + (*frame)->size() <= stream.size());
    OTT_ASSERT(std::ranges::equal(**frame, stream.subspan(offset, (*frame)->size())));
    OTT_ASSERT(frames.empty() || offset >= frames.back().first + frames.back().second);
    frames.emplace_back(offset, (*frame)->size());
  }
}

/// `splitter` is a new one.
inline Frames split(FrameSplitter&& splitter, ByteSpan stream, std::size_t piece_bytes) {
  Frames frames;
  for (std::size_t at = 0; at < stream.size();) {
    const MutableByteSpan space = splitter.space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), stream.size() - at});
    std::memcpy(space.data(), stream.data() + at, bytes);
    splitter.advance(bytes);
    at += bytes;
    take_all(splitter, stream, frames);
  }
  splitter.finish();
  take_all(splitter, stream, frames);
  OTT_ASSERT(splitter.at_end());
  return frames;
}

/// The first byte says how large the pieces are.
template <class Splitter>
void check(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const ByteSpan stream(data + 1, size - 1);
  OTT_ASSERT(split(Splitter(), stream, stream.size() + 1) ==
             split(Splitter(), stream, std::size_t{data[0]} + 1));
}

}  // namespace ott::fuzz
