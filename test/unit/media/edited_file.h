// A file in memory that a container's writer fills.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "media/container_writer.h"

namespace ott::test {

struct EditedFile {
  std::vector<std::uint8_t> bytes;

  void perform(const FileEdits& edits) {
    for (const ByteSpan part : {ByteSpan(edits.before), edits.picture, ByteSpan(edits.after)})
      bytes.insert(bytes.end(), part.begin(), part.end());
    for (const FileEdits::Replacement& replacement : edits.replacements) {
      REQUIRE(replacement.offset + replacement.bytes.size() <= bytes.size());
      std::ranges::copy(replacement.bytes, bytes.begin() + static_cast<std::ptrdiff_t>(replacement.offset));
    }
  }
};

/// Bytes that tell which picture it is.
inline std::vector<std::uint8_t> picture_bytes(std::size_t number, std::size_t size) {
  std::vector<std::uint8_t> bytes(size, static_cast<std::uint8_t>(number));
  bytes[0] = 0xFF;
  bytes[1] = 0xD8;
  return bytes;
}

}  // namespace ott::test
