// Bytes for a frame splitter in pieces of any size, and what it finds in them.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "jpeg_helpers.h"
#include "media/frame_splitter.h"

namespace ott::test {

using Bytes = std::vector<std::uint8_t>;

struct Split {
  std::vector<Bytes> frames;
  std::vector<std::uint64_t> offsets;
  std::vector<std::string> errors;
};

inline void take_all(FrameSplitter& splitter, Split& split) {
  for (;;) {
    const auto frame = splitter.next();
    if (!frame) {
      split.errors.push_back(frame.error().message);
    } else if (*frame) {
      split.frames.emplace_back((*frame)->begin(), (*frame)->end());
      split.offsets.push_back(splitter.frame_offset());
    } else {
      return;
    }
  }
}

inline void feed_in_pieces(FrameSplitter& splitter, ByteSpan stream, std::size_t piece_bytes, Split& split) {
  while (!stream.empty()) {
    const MutableByteSpan space = splitter.space();
    const std::size_t bytes = std::min({piece_bytes, space.size(), stream.size()});
    std::memcpy(space.data(), stream.data(), bytes);
    splitter.advance(bytes);
    stream = stream.subspan(bytes);
    take_all(splitter, split);
  }
}

/// And nothing follows.
inline Split split_in_pieces(FrameSplitter& splitter, ByteSpan stream, std::size_t piece_bytes) {
  Split split;
  feed_in_pieces(splitter, stream, piece_bytes, split);
  splitter.finish();
  take_all(splitter, split);
  CHECK(splitter.at_end());
  return split;
}

inline Bytes join(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) append(all, part);
  return all;
}

inline Bytes text(const std::string& words) { return {words.begin(), words.end()}; }

inline Bytes first_bytes(const Bytes& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace ott::test
