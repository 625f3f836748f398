#include "plane/stream_buffer.h"

#include <algorithm>

#include "ott/assert.h"

namespace ott {

namespace {

/// How many frames a ring grows for: the one under way, the newest complete one for a new child, and one
/// more, so that a child may be a frame late.
constexpr std::size_t kFramesHeld = 3;
/// The index's length at first. Most streams never have more frames in their ring.
constexpr std::size_t kFirstIndexFrames = 64;

}  // namespace

Result<StreamBuffer> StreamBuffer::create(RingBudget& budget, std::size_t capacity_bytes,
                                          std::size_t frames_max) {
  OTT_ASSERT(frames_max > 0 && (frames_max & (frames_max - 1)) == 0);
  auto share = budget.reserve(MirroredRing::capacity_for(capacity_bytes));
  if (!share) return tl::unexpected(share.error());
  auto ring = MirroredRing::create(capacity_bytes);
  if (!ring) return tl::unexpected(ring.error());
  return StreamBuffer(std::move(*ring), std::move(*share), frames_max);
}

StreamBuffer::StreamBuffer(MirroredRing ring, RingBudget::Share share, std::size_t frames_max)
    : ring_(std::move(ring)),
      frames_(std::min(frames_max, kFirstIndexFrames)),
      mask_(frames_.size() - 1),
      share_(std::move(share)),
      frames_max_(frames_max) {}

Position StreamBuffer::tail_for(std::size_t bytes) const {
  const std::uint64_t end = head_.value + bytes;
  if (end <= tail_.value + capacity()) return tail_;
  const Position lowest{end - capacity()};
  for (std::size_t i = 0; i < count_; ++i) {
    if (frame(i).start >= lowest) return frame(i).start;
  }
  return head_;
}

MutableByteSpan StreamBuffer::room(std::size_t bytes) {
  OTT_ASSERT(bytes <= capacity() / 2);
  const Position tail = tail_for(bytes);
  while (count_ > 0 && frame(0).start < tail) forget_oldest();
  tail_ = std::max(tail_, tail);
  return {ring_.at(head_), bytes};
}

void StreamBuffer::grow_for(std::size_t bytes) {
  const Position tail = tail_for(bytes);
  if (tail == tail_ || capacity() >= capacity_max_ || count_ == 0) return;
  const bool for_frames = frames_lack_room(tail);
  if (!for_frames && !history_lacks_room(tail) && !sync_point_lacks_room(tail)) return;
  const std::size_t bound = for_frames ? frames_bytes_max_ : history_bytes_max_;
  const std::size_t larger = MirroredRing::capacity_for(std::min(2 * capacity(), bound));
  const auto need = for_frames ? RingBudget::Need::Frames : RingBudget::Need::History;
  if (!share_.grow(larger, need)) return;
  // Keeps also what has been received behind the head.
  const Position end{std::min(head_.value + bytes, tail_.value + capacity())};
  if (ring_.grow(larger, tail_, end)) return;
  share_.shrink(capacity());
  share_.note_refused();
}

/// True if moving the tail there loses one of the frames that a ring holds whatever their size.
bool StreamBuffer::frames_lack_room(Position tail) const {
  return capacity() < frames_bytes_max_ && frame(count_ - std::min(count_, kFramesHeld)).start < tail;
}

/// True if moving the tail there loses the newest complete sync point. It counts as history, since a stream
/// can claim to have none for as long as it likes.
bool StreamBuffer::sync_point_lacks_room(Position tail) const {
  if (capacity() >= history_bytes_max_) return false;
  const Frame* sync_point = newest_sync_point();
  return sync_point != nullptr && sync_point->start < tail;
}

/// True if moving the tail there loses a frame of the history.
[[gnu::hot]] bool StreamBuffer::history_lacks_room(Position tail) const {
  if (capacity() >= history_bytes_max_) return false;
  std::size_t kept = 0;  // the first that is; only a few at once are not
  while (kept < count_ && frame(kept).start < tail) ++kept;
  if (kept == 0) return false;
  return kept == count_ || newest()->arrived - frame(kept - 1).arrived < history_;
}

void StreamBuffer::forget_oldest() {
  if (count_ > 1 && frame(0).sync_point && frame(count_ - 1).since_sync == count_ - 1) ++sync_points_lost_;
  first_ = (first_ + 1) & mask_;
  --count_;
}

bool StreamBuffer::takes(const Record& record) const {
  if (is_beyond(record)) return false;
  if (record.is_skip()) {
    return record.last_skipped() > last_frame_ || (open_ && record.last_skipped() == last_frame_);
  }
  if (record.frame > last_frame_) {
    const bool follows = record.frame.value == last_frame_.value + 1 && !open_ && !skip_start_;
    return record.first() && (record.sync_point() || follows || untouched());
  }
  if (record.frame < last_frame_ || !open_) return false;
  return static_cast<std::uint16_t>(last_sequence_ + 1) == record.rtp_sequence();
}

void StreamBuffer::commit(const Record& record, MonoTime now) {
  OTT_ASSERT(takes(record));
  if (record.is_skip()) {
    if (!skip_start_) skip_start_ = head_;
    last_frame_ = record.last_skipped();
    open_ = false;
  } else {
    if (record.frame > last_frame_) add_frame(record.frame, record.sync_point());
    if (count_ > 0) {  // otherwise the frame is larger than the ring, and its beginning is forgotten
      Frame& newest = frames_[(first_ + count_ - 1) & mask_];
      newest.arrived = now;
      newest.complete = record.last();
    }
    last_frame_ = record.frame;
    last_sequence_ = record.rtp_sequence();
    open_ = !record.last();
    if (!open_) ++frames_completed_;
  }
  head_.value += record.header.total();
}

void StreamBuffer::add_frame(FrameNumber number, bool sync_point) {
  if (count_ == frames_.size() && count_ < frames_max_) grow_index();
  if (count_ == frames_.size()) forget_oldest();
  std::uint32_t since_sync = 0;
  if (!sync_point) {
    all_are_sync_points_ = false;
    since_sync = count_ == 0 ? kNoSync : frame(count_ - 1).since_sync;
    if (since_sync != kNoSync) ++since_sync;
  }
  frames_[(first_ + count_) & mask_] =
      Frame{number, skip_start_.value_or(head_), {}, false, sync_point, since_sync};
  ++count_;
  skip_start_.reset();
}

void StreamBuffer::grow_index() {
  std::vector<Frame> longer(2 * frames_.size());
  for (std::size_t i = 0; i < count_; ++i) longer[i] = frame(i);
  frames_ = std::move(longer);
  mask_ = frames_.size() - 1;
  first_ = 0;
}

Record StreamBuffer::record_at(Position position) const {
  OTT_ASSERT(position >= tail_ && position < head_);
  const ByteSpan bytes(ring_.at(position), head_.value - position.value);
  const Framed framed = next_message(bytes, kBodyBytesMax);
  OTT_ASSERT(framed.kind == Framed::Kind::Whole);
  const auto record = parse_record(framed.header, bytes);
  OTT_ASSERT(record.has_value());
  return *record;
}

const StreamBuffer::Frame* StreamBuffer::newest_complete() const {
  for (std::size_t i = count_; i-- > 0;) {
    if (frame(i).complete) return &frame(i);
  }
  return nullptr;
}

const StreamBuffer::Frame* StreamBuffer::newest_sync_point() const {
  for (std::size_t i = count_; i-- > 0;) {
    i = sync_point_before(i);
    if (i == count_) return nullptr;
    if (frame(i).complete) return &frame(i);
  }
  return nullptr;
}

const StreamBuffer::Frame* StreamBuffer::first_sync_point_from(FrameNumber from) const {
  const Frame* found = nullptr;
  for (std::size_t i = count_; i-- > 0;) {
    i = sync_point_before(i);
    if (i == count_ || frame(i).number < from) break;
    found = &frame(i);
  }
  return found;
}

std::int64_t StreamBuffer::source_time_ns(const Frame& frame) const {
  Record record = record_at(frame.start);
  for (std::uint64_t at = frame.start.value; record.is_skip(); record = record_at(Position{at}))
    at += record.header.total();
  return record.source_time_ns();
}

/// The index of the first frame for which `holds` is true, or count_. REQUIRES: it is true for all frames
/// after one for which it is.
template <class Predicate>
std::size_t StreamBuffer::first_where(Predicate holds) const {
  std::size_t low = 0;
  std::size_t high = count_;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (holds(frame(middle))) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

const StreamBuffer::Frame* StreamBuffer::first_after(FrameNumber last) const {
  const std::size_t index = first_where([last](const Frame& frame) { return frame.number > last; });
  return index == count_ ? nullptr : &frame(index);
}

const StreamBuffer::Frame* StreamBuffer::newest_sync_point_until(FrameNumber until) const {
  const std::size_t behind = first_where([until](const Frame& frame) { return frame.number > until; });
  if (behind == 0) return nullptr;
  const std::size_t index = sync_point_before(behind - 1);
  return index == count_ ? nullptr : &frame(index);
}

const StreamBuffer::Frame* StreamBuffer::first_since(MonoTime time) const {
  const std::size_t index = first_where([time](const Frame& frame) { return frame.arrived >= time; });
  return index == count_ ? nullptr : &frame(index);
}

const StreamBuffer::Frame* StreamBuffer::frame_of(Position position) const {
  if (position >= head_ || count_ == 0) return nullptr;
  const std::size_t next = first_where([position](const Frame& frame) { return frame.start > position; });
  return &frame(next == 0 ? 0 : next - 1);
}

Position StreamBuffer::end_of_frame(Position position) const {
  const std::size_t next = first_where([position](const Frame& frame) { return frame.start > position; });
  return next == count_ ? head_ : frame(next).start;
}

}  // namespace ott
