// Pictures into a container: what the writers of the formats have in common (matroska_writer.h, avi_writer.h,
// clip_writer.h). A writer does no I/O. It says what is to be written, and whoever performs it
// (recording.h) does so in this order: the bytes for the end of the file, then the replacements.
//
// A file is playable while it is written, and when its writer is killed between any two writes: what has been
// appended is valid as it stands, and a number that counts it is replaced after that.
#pragma once

#include <cstdint>
#include <vector>

#include "ott/time.h"
#include "ott/types.h"

namespace ott {

/// One picture of a recording.
struct Picture {
  ByteSpan jpeg;
  Duration time{};  // since the file's first picture; rises from each to the next
  unsigned width = 0;
  unsigned height = 0;
};

struct FileEdits {
  struct Replacement {
    std::uint64_t offset;
    std::vector<std::uint8_t> bytes;
  };

  std::vector<std::uint8_t> before;  // for the end of the file
  ByteSpan picture{};                // behind that
  std::vector<std::uint8_t> after{};
  std::vector<Replacement> replacements{};  // of bytes that are in the file

  [[nodiscard]] std::size_t appended() const { return before.size() + picture.size() + after.size(); }
};

class ContainerWriter {
 public:
  virtual ~ContainerWriter() = default;

  /// False if this picture has to begin another file, since it is not what the header says of all.
  [[nodiscard]] virtual bool fits(const Picture& picture) const = 0;
  /// The first call's edits contain the file's head. The picture's bytes are borrowed.
  /// REQUIRES: fits(picture), not finished.
  virtual FileEdits add(const Picture& picture) = 0;
  /// What makes the file complete. REQUIRES: add() was called.
  virtual FileEdits finish() = 0;
};

}  // namespace ott
