// One stream's records at one node: a mirrored ring, and an index of the frames in it. Records are received
// or written at the head, in place, and committed there; readers hold positions (feed.h). Bytes before the
// tail may have been overwritten. The ring is also the stream's history.
//
// Always: tail <= every indexed frame's start < head, frame numbers strictly increase, and a record ends at
// the head.
#pragma once

#include <optional>
#include <vector>

#include "ott/framer.h"
#include "ott/time.h"
#include "plane/mirrored_ring.h"
#include "plane/ring_budget.h"

namespace ott {

/// How far the next record's frame may be beyond the last one. Frames are numbered without gaps, so a larger
/// gap is a wrong number: at 240 frames a second this is more than an hour, longer than any gap that a flow
/// outlives.
inline constexpr std::uint64_t kFrameJumpMax = std::uint64_t{1} << 20U;
/// How far a ring may grow for the sake of its frames: it then holds three of the largest.
inline constexpr std::size_t kFramesRingBytesMax = 4 * kFrameBytesMax;

class StreamBuffer {
 public:
  struct Frame {
    FrameNumber number;
    Position start;    // of its first record, or of the SKIP records right before it
    MonoTime arrived;  // when its newest record was committed here
    bool complete = false;
    bool sync_point = false;       // decoding can begin here
    std::uint32_t since_sync = 0;  // how many frames after the newest sync point; kNoSync: none was here
  };
  static constexpr std::uint32_t kNoSync = ~std::uint32_t{0};

  /// `frames_max`: how many frames are remembered at most, a power of two. The ring's memory is taken from
  /// `budget`, which must outlive the buffer. Fails when the budget or the kernel has no room.
  static Result<StreamBuffer> create(RingBudget& budget, std::size_t capacity_bytes,
                                     std::size_t frames_max = 2048);

  /// Lets the ring grow up to `history_bytes`, for as long as it does not hold what arrived within `history`
  /// (a small ring is cheaper, since it stays in the processor's caches); and up to `frames_bytes`, for as
  /// long as it does not hold the frame that is under way and the two before it. It also grows up to
  /// `history_bytes` for as long as it does not hold the newest complete sync point and all behind it.
  void may_grow(std::size_t history_bytes, Duration history, std::size_t frames_bytes = kFramesRingBytesMax) {
    history_bytes_max_ = history_bytes;
    frames_bytes_max_ = frames_bytes;
    capacity_max_ = history_bytes > frames_bytes ? history_bytes : frames_bytes;
    history_ = history;
  }
  /// Grows the ring if it may, and if writing `bytes` behind the head would overwrite what it is to hold. All
  /// bytes keep their positions, also up to `bytes` behind the head, but move in memory. When the budget or
  /// the kernel has no room, the ring stays as it is.
  [[gnu::hot]] void grow_for(std::size_t bytes);

  [[nodiscard]] std::size_t capacity() const { return ring_.capacity(); }
  [[nodiscard]] Position head() const { return head_; }
  [[nodiscard]] Position tail() const { return tail_; }
  [[nodiscard]] const std::uint8_t* at(Position position) const { return ring_.at(position); }

  /// True until the first record, which then decides where the stream begins here.
  [[nodiscard]] bool untouched() const { return last_frame_.value == 0; }

  /// Where the tail will be once `bytes` behind the head may be written.
  [[nodiscard, gnu::hot]] Position tail_for(std::size_t bytes) const;
  /// `bytes` of memory at the head. The frames that they overwrite are forgotten, so readers must have been
  /// moved past tail_for(bytes) before. REQUIRES: bytes <= capacity() / 2.
  [[gnu::hot]] MutableByteSpan room(std::size_t bytes);

  /// True if this record comes next: it is not here already, it does not belong to a frame whose beginning is
  /// missing, and its frame is not more than kFrameJumpMax beyond the last one.
  [[nodiscard, gnu::hot]] bool takes(const Record& record) const;
  /// True if the record's frame number is too far beyond what is here to be the stream's.
  [[nodiscard]] bool is_beyond(const Record& record) const {
    return !untouched() && record.frame.value > last_frame_.value + kFrameJumpMax;
  }
  /// Makes the record at the head part of the stream. REQUIRES: takes(record), and its bytes lie there.
  [[gnu::hot]] void commit(const Record& record, MonoTime now);

  /// The record that begins at a position. REQUIRES: tail() <= position < head(), a record's start.
  [[nodiscard]] Record record_at(Position position) const;

  /// The newest frame, complete or not; none before the first.
  [[nodiscard]] const Frame* newest() const { return count_ == 0 ? nullptr : &frame(count_ - 1); }
  [[nodiscard]] const Frame* newest_complete() const;
  /// The newest complete frame at which decoding can begin.
  [[nodiscard]] const Frame* newest_sync_point() const;
  /// The newest one, complete or not.
  [[nodiscard]] const Frame* newest_begun_sync_point() const {
    if (count_ == 0) return nullptr;
    const std::size_t index = sync_point_before(count_ - 1);
    return index == count_ ? nullptr : &frame(index);
  }
  /// The oldest one that is this frame or comes after it.
  [[nodiscard]] const Frame* first_sync_point_from(FrameNumber frame) const;
  /// The newest one that is this frame or comes before it.
  [[nodiscard]] const Frame* newest_sync_point_until(FrameNumber frame) const;
  /// True until a frame came that needs those before it: then every frame is a sync point.
  [[nodiscard]] bool all_are_sync_points() const { return all_are_sync_points_; }
  /// True if SKIP was the last record, or the only ones: what comes next must be a sync point.
  [[nodiscard]] bool ends_with_skip() const { return skip_start_.has_value(); }
  /// Where the frames end: the SKIP records at the end, or the head.
  [[nodiscard]] Position end_of_frames() const { return skip_start_.value_or(head_); }
  /// How often the newest sync point was overwritten although frames behind it were still here, since the
  /// ring could not grow for it.
  [[nodiscard]] std::uint64_t sync_points_lost() const { return sync_points_lost_; }
  [[nodiscard]] const Frame* oldest() const { return count_ == 0 ? nullptr : &frame(0); }
  /// When the source wrote it, in ns since the epoch, by the source's clock.
  [[nodiscard]] std::int64_t source_time_ns(const Frame& frame) const;
  /// The oldest frame whose number is greater than `last`.
  [[nodiscard]] const Frame* first_after(FrameNumber last) const;
  /// The oldest frame that has arrived at `time` or later.
  [[nodiscard]] const Frame* first_since(MonoTime time) const;
  /// The frame that the record at `position` belongs to, or the oldest known one if that frame is forgotten;
  /// none at the head.
  [[nodiscard]] const Frame* frame_of(Position position) const;
  /// Where the frame of this position ends, as far as it is here.
  [[nodiscard]] Position end_of_frame(Position position) const;

  /// The last frame that is complete or given up, which is the one that a START names. 0: none.
  [[nodiscard]] FrameNumber last_done() const {
    return open_ ? FrameNumber{last_frame_.value - 1} : last_frame_;
  }
  /// The last frame that was begun here, or skipped. 0: none.
  [[nodiscard]] FrameNumber last_frame() const { return last_frame_; }
  /// How many frames were completed here so far.
  [[nodiscard]] std::uint64_t frames_completed() const { return frames_completed_; }
  /// Bytes of all records that were committed here so far.
  [[nodiscard]] std::uint64_t bytes_committed() const { return head_.value; }

 private:
  StreamBuffer(MirroredRing ring, RingBudget::Share share, std::size_t frames_max);
  [[nodiscard]] bool frames_lack_room(Position tail) const;
  [[nodiscard]] bool sync_point_lacks_room(Position tail) const;
  [[nodiscard]] bool history_lacks_room(Position tail) const;
  template <class Predicate>
  [[nodiscard]] std::size_t first_where(Predicate holds) const;
  [[nodiscard]] const Frame& frame(std::size_t index) const { return frames_[(first_ + index) & mask_]; }
  /// The index of the newest sync point that is not behind the frame with this one; none: count_.
  [[nodiscard]] std::size_t sync_point_before(std::size_t index) const {
    const std::uint32_t back = frame(index).since_sync;
    return back <= index ? index - back : count_;
  }
  void forget_oldest();
  [[gnu::hot]] void add_frame(FrameNumber number, bool sync_point);
  void grow_index();

  MirroredRing ring_;
  std::size_t capacity_max_ = 0;  // the larger of the two below
  Position head_;
  Position tail_;
  std::vector<Frame> frames_;  // a ring of frames: count_ of them from first_
  std::size_t mask_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  FrameNumber last_frame_;  // the last one begun, or skipped
  std::uint16_t last_sequence_ = 0;
  bool open_ = false;  // last_frame_ is not complete yet
  bool all_are_sync_points_ = true;
  std::optional<Position> skip_start_;  // SKIP records at the end, no frame behind them yet
  std::uint64_t frames_completed_ = 0;

  // What follows is looked at only when frames are about to be overwritten.
  RingBudget::Share share_;
  std::size_t history_bytes_max_ = 0;
  std::size_t frames_bytes_max_ = 0;
  Duration history_{};
  std::size_t frames_max_;  // how long the index may become
  std::uint64_t sync_points_lost_ = 0;
};

}  // namespace ott
