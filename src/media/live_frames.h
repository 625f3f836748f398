// Makes frames that come at their own pace ones that RFC 2435 carries. A frame that is so already passes at
// once; one that has to be converted waits for a worker, and those behind it wait as well, in order. When
// conversions are slower than the frames, the one that has waited longest is left out and counted, so that
// viewers get the newest.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/input.h"
#include "media/jpeg_convert.h"
#include "ott/worker.h"

namespace ott {

struct LiveFrame {
  SourceFrame frame;
  Now arrived;
  std::optional<std::uint32_t> media_time;
  std::optional<WallTime> instant{};  // AccessUnit::instant
};

class LiveFrames {
 public:
  static constexpr std::size_t kFramesMax = 256;
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;
  /// A frame that has waited this long is left out if there is a newer one.
  static constexpr Duration kAgeMax = std::chrono::milliseconds(500);
  /// Frames larger than this are parsed by the worker, not by the loop.
  static constexpr std::size_t kSmallBytesMax = std::size_t{256} << 10;

  explicit LiveFrames(Workers& workers);
  ~LiveFrames();

  /// Returns the frame if it can be published now, valid for as long as the unit; nullopt: it waits. The
  /// error is about this frame, and names its place.
  Result<std::optional<LiveFrame>> push(const AccessUnit& unit);
  /// The next frame that has been converted, in order, valid until the next call; nullopt: none is ready. An
  /// error is about one frame.
  Result<std::optional<LiveFrame>> next(Now now);
  /// True while a frame waits or is converted.
  [[nodiscard]] bool busy() const { return job_ == nullptr || !waiting_.empty(); }
  [[nodiscard]] std::uint64_t frames_left_out() const { return left_out_; }

 private:
  class Converting;
  struct Waiting {
    std::vector<std::uint8_t> jpeg;
    Now arrived;
    std::optional<std::uint32_t> media_time;
    std::optional<WallTime> instant;
    std::string place;
  };

  void leave_out_oldest();
  void convert_next(Now now);

  std::unique_ptr<WorkQueue> queue_;
  std::unique_ptr<Converting> job_;  // null while it is away
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace ott
