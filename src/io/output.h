// Where a process's output goes: lines to a file or a terminal, frames to standard output.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "io/fd.h"
#include "io/watcher.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

/// Appends whole lines to a file; each is there for readers when write returns.
class LineFile {
 public:
  static Result<LineFile> open(const std::string& path);
  /// The error names the file; the line may be cut off.
  Result<void> write(const std::string& line);

 private:
  LineFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;
};

/// Concatenated JPEGs on standard output. A reader that is slow gets the newest frames, each whole; what it
/// does not keep up with is left out, and the loop never waits for it.
class FramePipe {
 public:
  explicit FramePipe(struct ev_loop* loop);
  FramePipe(const FramePipe&) = delete;
  FramePipe& operator=(const FramePipe&) = delete;
  ~FramePipe();

  /// The error is empty when the reader has closed its end.
  Result<void> write(ByteSpan jpeg);
  [[nodiscard]] std::uint64_t frames_left_out() const { return left_out_; }

 private:
  void writable(int events);
  Result<void> flush();

  IoWatcher watcher_;
  std::vector<std::uint8_t> current_;
  std::size_t current_sent_ = 0;
  std::vector<std::uint8_t> next_;
  int flags_before_;
  std::uint64_t left_out_ = 0;
  Result<void> failure_;
};

}  // namespace ott
