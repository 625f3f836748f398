// The frames of a source that comes at its own pace. A frame that RFC 2435 carries as it is passes at once;
// one that has to be converted waits for a worker, in order. When conversions are slower than the source, the
// frame that has waited longest is left out and counted, so that viewers get the newest frames. Of a source
// with a rate (info().fps) no frame is left out: its input is read when there is need of it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "media/jpeg_convert.h"
#include "media/source.h"
#include "ott/worker.h"

namespace ott {

struct LiveFrame {
  SourceFrame frame;
  Now arrived;  // the time of the bytes that completed it
};

class LiveFrames {
 public:
  static constexpr std::size_t kFramesMax = 256;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;
  /// A frame that has waited this long is left out if there is a newer one.
  static constexpr Duration kAgeMax = std::chrono::milliseconds(500);
  /// Frames larger than this are parsed by the worker, not by the loop.
  static constexpr std::size_t kSmallBytesMax = std::size_t{256} << 10;

  /// REQUIRES: source->live().
  LiveFrames(std::unique_ptr<Source> source, Workers& workers);
  ~LiveFrames();
  LiveFrames(LiveFrames&&) noexcept;
  LiveFrames& operator=(LiveFrames&&) noexcept;

  [[nodiscard]] const SourceInfo& info() const { return source_->info(); }
  /// Bytes of the input; empty: its end. Then call next() until it returns nullopt.
  void feed(ByteSpan bytes, Now now);
  /// The next frame, in order, valid until the next call; nullopt: none is ready. An error is about one
  /// frame.
  Result<std::optional<LiveFrame>> next(Now now);
  /// True if more bytes are needed for the next frame.
  [[nodiscard]] bool hungry() const { return hungry_ && job_ != nullptr && waiting_.empty(); }
  /// True while a worker converts a frame.
  [[nodiscard]] bool converting() const { return job_ == nullptr; }
  /// The input is over, and so are its frames.
  [[nodiscard]] bool ended() const { return source_->ended() && waiting_.empty() && job_ != nullptr; }
  [[nodiscard]] std::uint64_t frames_left_out() const { return left_out_; }

 private:
  class Converting;
  struct Waiting {
    std::vector<std::uint8_t> jpeg;
    RawFrame raw;  // its span is not used
    Now arrived;
  };

  Result<std::optional<LiveFrame>> converted();
  void enqueue(const RawFrame& raw);
  void leave_out_oldest();
  void convert_next(Now now);

  std::unique_ptr<Source> source_;
  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<Converting> job_;  // null while it is away
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  Now fed_{};
  bool hungry_ = true;  // all whole frames of what was fed have been taken
  std::uint64_t left_out_ = 0;
};

}  // namespace ott
