// Where a viewer's frames go on disk: DIR/00000001.jpg and so on, numbered by arrival. A file is complete
// when it appears, since it is written under another name beside it and then renamed.
#pragma once

#include <cstdint>
#include <string>

#include "ott/result.h"
#include "ott/types.h"

namespace ott {

/// Takes whole JPEGs, one after the other.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// The error is final: no more frames can be taken. Its message is empty if whoever read them has enough.
  virtual Result<void> write(ByteSpan jpeg) = 0;
};

class DirectorySink : public FrameSink {
 public:
  /// Makes the directory, and those above it, if need be.
  static Result<DirectorySink> open(const std::string& path);

  /// Writes the next frame. The error names the file and the reason; nothing half-written stays, and the next
  /// frame takes the number.
  Result<void> write(ByteSpan jpeg) override;

  [[nodiscard]] std::uint64_t frames_written() const { return written_; }

 private:
  explicit DirectorySink(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::uint64_t written_ = 0;
};

}  // namespace ott
