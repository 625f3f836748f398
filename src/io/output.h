// Where a process's output goes: text to a file or a terminal, frames to standard output. Nothing here waits.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/fd.h"
#include "io/watcher.h"
#include "ott/result.h"
#include "ott/types.h"
#include "ott/worker.h"

namespace ott {

/// Text for a file, a pipe or a terminal, written by a worker, so that a slow disk or reader delays nobody.
/// Text that waits to be written has a limit; beyond it the oldest is left out, and counted.
class TextWriter {
 public:
  struct Limits {
    std::size_t texts = 1;
    std::size_t bytes = SIZE_MAX;
  };
  /// The text to write in place of `count` texts that were left out. A worker calls it.
  using LeftOut = std::function<std::string(std::uint64_t count)>;

  /// Makes the file, or empties it.
  static Result<std::unique_ptr<TextWriter>> open(const std::string& path, Limits limits, Workers& workers);
  /// Standard error.
  static std::unique_ptr<TextWriter> to_standard_error(Limits limits, Workers& workers);
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;
  ~TextWriter();

  /// From now on; null (as at first): none is written.
  void set_left_out(LeftOut left_out);
  /// Gives a text to the worker. The error is that of an earlier text, names the file, and is final.
  Result<void> write(std::string text);
  /// True if all of it is written.
  [[nodiscard]] bool idle() const;
  [[nodiscard]] std::uint64_t left_out() const;
  /// Waits until all is written, at most this long. Safe in a signal handler.
  void wait_until_idle(Duration at_most) const;

 private:
  struct Shared;
  class Writing;

  TextWriter(std::shared_ptr<Shared> shared, Workers& workers);

  std::shared_ptr<Shared> shared_;
  std::unique_ptr<WorkQueue> queue_;
};

/// Concatenated JPEGs on standard output. A slow reader gets the newest frames, each whole; the others are
/// left out. Only a frame that is given up after its beginning was written is cut short. The loop never waits
/// for the reader.
class FramePipe {
 public:
  explicit FramePipe(struct ev_loop* loop);
  FramePipe(const FramePipe&) = delete;
  FramePipe& operator=(const FramePipe&) = delete;
  ~FramePipe();

  /// The error is empty when the reader has closed its end.
  Result<void> write(ByteSpan jpeg);
  /// The error, once there is one.
  [[nodiscard]] Result<void> failure() const { return failure_; }
  /// True if no frame waits to be written.
  [[nodiscard]] bool idle() const { return current_.empty(); }
  /// Leaves out what waits.
  void give_up();
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
