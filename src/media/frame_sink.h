// Where a viewer's frames go: files in a directory, written by the caller or by a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "media/outlet.h"
#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"
#include "ott/worker.h"

namespace ott {

/// Which frames are taken where one is wanted at most so often. They keep the pace of the first, so that what
/// comes a little late once does not delay the rest.
class FrameInterval {
 public:
  /// 0: each frame is taken.
  explicit FrameInterval(Duration every) : every_(every) {}

  /// Whether the frame that arrives now is taken.
  bool is_due(MonoTime now) {
    if (now < due_) return false;
    due_ = due_ == MonoTime::min() || now - due_ >= every_ ? now + every_ : due_ + every_;
    return true;
  }

 private:
  Duration every_;
  MonoTime due_ = MonoTime::min();
};

/// Takes the frames of a stream, one after the other: whole JPEGs, or frames of another format.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// Takes a frame, which may be written later, or left out when there is no room for it. An error is final:
  /// no more frames can be taken. Its message is empty if the reader has closed its end.
  virtual Result<void> write(ByteSpan jpeg) = 0;
  /// The same of a frame that is not JPEG. A sink of pictures passes it over.
  virtual Result<void> write_packets(const StreamInfo& /*stream*/, const FramePtr& /*frame*/) { return {}; }
  /// The error of a frame that was taken before, as soon as it is known.
  virtual Result<void> failure() { return {}; }
  /// True if no frame waits to be written.
  [[nodiscard]] virtual bool idle() const { return true; }
  /// Frames that wait are not to be written any more: they are left out. The last call but for the others'
  /// results.
  virtual void give_up() {}
  /// Frames that were given to write() and will never be written whole.
  [[nodiscard]] virtual std::uint64_t frames_left_out() const { return 0; }
};

/// DIR/00000001.jpg and so on, numbered by arrival. A file is complete when it appears, since it is written
/// under another name beside it and then renamed. write() blocks until the disk has it: see QueuedSink.
class DirectorySink : public FrameSink {
 public:
  /// Makes the directory, and those above it, if need be. Refuses one that holds frames of an earlier run: a
  /// player would show both as one film.
  static Result<DirectorySink> open(const std::string& path);

  /// Writes the next frame. The error names the file and the reason; nothing half-written stays, and the next
  /// frame takes the number.
  Result<void> write(ByteSpan jpeg) override;

 private:
  explicit DirectorySink(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::uint64_t written_ = 0;
};

/// Gives frames to a sink that blocks, on a worker. Frames that wait are bounded; beyond that the newest is
/// left out. After an error no more frames are written. Of frames that are given up, the one that hangs with
/// the disk may still be written.
class QueuedSink : public FrameSink {
 public:
  static constexpr std::size_t kFramesMax = 256;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;

  QueuedSink(std::unique_ptr<FrameSink> sink, Workers& workers);

  Result<void> write(ByteSpan jpeg) override;
  Result<void> failure() override;
  [[nodiscard]] bool idle() const override { return queue_->unfinished() == 0; }
  void give_up() override;
  [[nodiscard]] std::uint64_t frames_left_out() const override { return left_out_; }

 private:
  struct Shared;
  class Writing;

  std::shared_ptr<Shared> shared_;
  std::unique_ptr<WorkQueue> queue_;
  Result<void> failure_;
  std::uint64_t waiting_ = 0;  // submitted, and not collected yet
  std::uint64_t left_out_ = 0;
  bool given_up_ = false;
};

}  // namespace ott
