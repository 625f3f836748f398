// One stream's records at one node: a mirrored ring, and an index of the frames in it. Records are received
// or written at the head, in place, and committed there; readers hold positions (feed.h). What is before the
// tail has been or may be overwritten. The ring is also the stream's history.
//
// Always: tail <= every indexed frame's start < head, frame numbers strictly increase, head is a record's
// end.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "ott/framer.h"
#include "ott/time.h"
#include "plane/mirrored_ring.h"

namespace ott {

/// Four of the largest frames there may be.
inline constexpr std::size_t kPicturesBytesMax = 4 * kFrameBytesMax;

class StreamBuffer {
 public:
  static constexpr std::size_t kFramesMax = 2048;

  struct Frame {
    FrameNumber number;
    Position start;    // of its first record, or of the SKIP records right before it
    MonoTime arrived;  // when its newest record was committed here
    bool complete = false;
  };

  /// `frames_max`: how many frames are remembered at most, a power of two. The budget outlives the buffer.
  static Result<StreamBuffer> create(std::size_t capacity_bytes, std::size_t frames_max = kFramesMax,
                                     RingBudget* budget = nullptr);

  /// Lets the ring grow, up to `capacity_bytes`, for as long as it does not hold what arrived within
  /// `history`: a small ring is cheaper, since it stays in the processor's caches.
  void may_grow(std::size_t capacity_bytes, Duration history) {
    capacity_max_ = capacity_bytes;
    history_ = history;
  }
  /// Grows if writing `bytes` behind the head would overwrite history, and it may. The newest picture is kept
  /// until the next one is whole, for which the ring grows beyond its bound, up to kPicturesBytesMax. All
  /// bytes stay at their positions, also up to `bytes` behind the head, but elsewhere in memory.
  [[gnu::hot]] void grow_for(std::size_t bytes);

  [[nodiscard]] std::size_t capacity() const { return ring_.capacity(); }
  [[nodiscard]] Position head() const { return head_; }
  [[nodiscard]] Position tail() const { return tail_; }
  [[nodiscard]] const std::uint8_t* at(Position position) const { return ring_.at(position); }

  /// True until the first record: whatever comes then decides where the stream begins here.
  [[nodiscard]] bool untouched() const { return last_frame_.value == 0; }

  /// Where the tail will be once `bytes` behind the head may be written.
  [[nodiscard, gnu::hot]] Position tail_for(std::size_t bytes) const;
  /// `bytes` of memory at the head. Forgets what they overwrite: first move readers past tail_for(bytes).
  /// REQUIRES: bytes <= capacity() / 2.
  [[gnu::hot]] MutableByteSpan room(std::size_t bytes);

  /// True if the record's number is out of all proportion to what is here: no peer in its senses sends it.
  [[nodiscard]] bool is_beyond(const Record& record) const {
    return last_frame_.value != 0 && record.frame.value > last_frame_.value + kFrameJumpMax;
  }
  /// True if this record comes next: not one that is here already, and not the middle of a frame whose
  /// beginning is missing.
  [[nodiscard, gnu::hot]] bool takes(const Record& record) const;
  /// Makes the record at the head part of the stream. REQUIRES: takes(record), and its bytes lie there.
  [[gnu::hot]] void commit(const Record& record, MonoTime now);

  /// The record that begins at a position. REQUIRES: tail() <= position < head(), a record's start.
  [[nodiscard]] Record record_at(Position position) const;

  /// The newest frame, complete or not; none before the first.
  [[nodiscard]] const Frame* newest() const { return count_ == 0 ? nullptr : &frame(count_ - 1); }
  [[nodiscard]] const Frame* newest_complete() const;
  [[nodiscard]] const Frame* oldest() const { return count_ == 0 ? nullptr : &frame(0); }
  /// The oldest frame whose number is greater than `last`.
  [[nodiscard]] const Frame* first_after(FrameNumber last) const;
  /// The oldest frame that has arrived at `time` or later.
  [[nodiscard]] const Frame* first_since(MonoTime time) const;
  /// The frame that the record at `position` belongs to, or the oldest known if that is forgotten; none at
  /// the head.
  [[nodiscard]] const Frame* frame_of(Position position) const;
  /// Where the frame of this position ends, as far as it is here.
  [[nodiscard]] Position end_of_frame(Position position) const;

  /// The last frame of which nothing more is to come: what a START names. 0: none.
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
  static constexpr std::size_t kFirstFrames = 64;

  StreamBuffer(MirroredRing ring, std::size_t frames_max)
      : ring_(std::move(ring)),
        frames_max_(frames_max),
        frames_(std::min(kFirstFrames, frames_max)),
        mask_(frames_.size() - 1) {}
  template <class Predicate>
  [[nodiscard]] std::size_t first_where(Predicate holds) const;
  [[nodiscard]] const Frame& frame(std::size_t index) const { return frames_[(first_ + index) & mask_]; }
  void forget_oldest();
  [[gnu::hot]] void add_frame(FrameNumber number);

  MirroredRing ring_;
  std::size_t frames_max_;
  std::size_t capacity_max_ = 0;
  Duration history_{};
  Position head_;
  Position tail_;
  std::vector<Frame> frames_;  // a ring of frames: count_ of them from first_
  std::size_t mask_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  FrameNumber last_frame_;  // the last one begun, or skipped
  std::uint16_t last_sequence_ = 0;
  bool open_ = false;                   // last_frame_ is not complete yet
  std::optional<Position> skip_start_;  // SKIP records at the end, no frame behind them yet
  std::uint64_t frames_completed_ = 0;
};

}  // namespace ott
