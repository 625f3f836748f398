// What is counted of the frames that viewers get, and the synthetic frames of the floor's protocol and of
// HTTP, which carry their number and time themselves.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "ott/bytes.h"
#include "ott/framer.h"
#include "ott/time.h"
#include "role/latency_histogram.h"

namespace ott::load {

/// Numbers that add up over viewers.
struct FrameCounts {
  std::uint64_t frames = 0;    // whole
  std::uint64_t bytes = 0;     // received, with all headers
  std::uint64_t lost = 0;      // missing, and not named by SKIP
  std::uint64_t skipped = 0;   // missing, and named by SKIP
  std::uint64_t repeated = 0;  // here before, or out of order
  std::uint64_t broken = 0;    // begun and never finished, or put together wrongly

  FrameCounts& operator+=(const FrameCounts& other);
};

/// How old a group's frames were when they came.
struct Ages {
  LatencyHistogram whole_window;
  LatencyHistogram this_second;
};

/// Counts one viewer's frames, each of which should be the next.
class FrameTally {
 public:
  /// Counts from now on; frames before that only say which one is next.
  void begin(Ages* group) {
    counts_ = {};
    group_ = group;
    latency_ = {};
  }
  /// The viewer begins again: whatever frame comes is its first.
  void restart() {
    last_ = skipped_since_ = 0;
    seen_any_ = false;
  }

  void bytes(std::size_t count) { counts_.bytes += count; }
  /// A whole frame, complete at `wall`.
  void frame(std::uint64_t number, std::int64_t source_time_ns, WallTime wall);
  void skip(std::uint64_t first, std::uint64_t last);
  void broken() { ++counts_.broken; }

  [[nodiscard]] bool seen_any() const { return seen_any_; }
  /// Of the last frame; none since forget_age().
  [[nodiscard]] std::optional<Duration> last_age() const { return last_age_; }
  void forget_age() { last_age_.reset(); }
  [[nodiscard]] const FrameCounts& counts() const { return counts_; }
  [[nodiscard]] const LatencyHistogram& latency() const { return latency_; }

 private:
  FrameCounts counts_;
  Ages* group_ = nullptr;  // measuring, if there is one
  LatencyHistogram latency_;
  std::uint64_t last_ = 0;
  std::uint64_t skipped_since_ = 0;
  std::optional<Duration> last_age_;
  bool seen_any_ = false;
};

/// The first bytes of a synthetic frame: it looks like a JPEG that begins with a comment.
inline constexpr std::size_t kStampBytes = 26;
using Stamp = std::array<std::uint8_t, kStampBytes>;

struct StampValues {
  std::uint64_t number = 0;
  std::int64_t source_time_ns = 0;
};

/// The beginning of the floor's records: their length, without these four bytes; 1 if the record ends its
/// frame; a stamp; and padding, so that a frame has as many bytes as ottd's.
inline constexpr std::size_t kFloorLengthBytes = 4;
inline constexpr std::size_t kFloorHeadBytes = kRecordHeaderBytes + kRtpBytesMin;

Stamp make_stamp(const StampValues& values);
/// Nothing if these bytes are no stamp. REQUIRES: kStampBytes at `at`.
std::optional<StampValues> read_stamp(const std::uint8_t* at);

}  // namespace ott::load
