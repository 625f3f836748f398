#include "plane/feed.h"

#include <algorithm>

#include "ott/assert.h"
#include "ott/count.h"

namespace ott {
namespace {

/// How long the bound on lag is a third after a skip.
constexpr Duration kSlowMemory = std::chrono::seconds(2);
/// By how much the lag falls at least while a backlog comes, and how much more lag a frame has that is late.
constexpr Duration kLessLag = std::chrono::milliseconds(20);
constexpr Duration kLate = std::chrono::milliseconds(100);

}  // namespace

bool Backlog::over_with(FrameNumber frame, std::int64_t time_ns, MonoTime arrived) {
  if (frame != last_) {
    const Duration lag = arrived.time_since_epoch() - Duration(time_ns);
    if (last_.value == 0) {
      least_lag_ = lag;
    } else if (time_ns <= time_ns_) {
      over_for_ += std::max(arrived - arrived_, Duration{});
      least_lag_ = lag;
    } else if (lag + kLessLag < least_lag_) {
      over_for_ = {};
      least_lag_ = lag;
    } else if (lag <= least_lag_ + kLate) {
      over_for_ += std::min(Duration(time_ns - time_ns_), 2 * kPathsDiffer);
    }
    last_ = frame;
    time_ns_ = time_ns;
    arrived_ = arrived;
  }
  return over_for_ > kPathsDiffer;
}

FrameNumber Feed::start(const StreamBuffer& buffer, FrameNumber last, bool gap, MonoTime oldest,
                        MonoTime now) {
  if (!buffer.untouched() && last.value > buffer.last_frame().value + kAheadMax) last = FrameNumber{};
  keep_rest_of_record(buffer);
  if (last.value == 0) {
    begin_at_sync_point(buffer);
    replay_end_ = position_;
  } else {
    begin_after(buffer, last, gap, oldest);
    replay_end_ = buffer.head();
  }
  passed_ = {};
  restarted_ = false;
  judged_from_ = position_ >= replay_end_ ? now : MonoTime::max();
  started_ = true;
  return last;
}

void Feed::begin_at(const StreamBuffer& buffer, Position position, FrameNumber after) {
  skip_.reset();
  known_ = {};
  waits_ = false;
  left_out_ = after;
  position_ = boundary_ = position;
  caught_up_ = mark_valid_ = position_ == buffer.head();
  frames_mark_ = buffer.frames_completed();
}

void Feed::begin_at_sync_point(const StreamBuffer& buffer) {
  const auto* frame = buffer.newest_sync_point();
  if (frame == nullptr) frame = buffer.newest_begun_sync_point();
  if (frame != nullptr) return begin_at(buffer, frame->start, FrameNumber{});
  begin_at(buffer, buffer.head(), buffer.last_frame());
  waits_ = true;
}

void Feed::begin_after(const StreamBuffer& buffer, FrameNumber last, bool gap, MonoTime oldest) {
  const auto* next = buffer.first_after(last);
  const auto* frame = next;
  if (next != nullptr && next->arrived < oldest) {
    frame = buffer.first_since(oldest);
    if (!buffer.all_are_sync_points()) {
      // What is younger may need what is older; then that belongs to the history, too.
      const auto* needed =
          buffer.newest_sync_point_until(frame != nullptr ? frame->number : buffer.last_frame());
      if (needed != nullptr) frame = needed->number > last ? needed : next;
      if (frame == nullptr) frame = next;
    }
  }
  if (frame == nullptr) {
    const bool in_skip = next == nullptr && last < buffer.last_frame();
    begin_at(buffer, in_skip ? buffer.end_of_frames() : buffer.head(),
             next == nullptr ? last : buffer.last_frame());
    known_ = last;
    // A frame beyond it that is under way will lack its beginning.
    waits_ = gap || (last < buffer.last_frame() && !buffer.ends_with_skip());
    return;
  }
  begin_at(buffer, frame->start, last);
  if (!gap && frame->number.value == last.value + 1) return;
  const auto* sync_point = buffer.first_sync_point_from(frame->number);
  waits_ = sync_point == nullptr;
  if (sync_point != nullptr && sync_point != frame) jump_to(buffer, *sync_point);
}

void Feed::begin_earlier(const StreamBuffer& buffer) {
  OTT_ASSERT(started_);
  const bool at_head = position_ == buffer.head();
  const auto* needed =
      buffer.newest_sync_point_until(at_head ? buffer.last_frame() : buffer.record_at(position_).frame);
  if (needed == nullptr || needed->start >= position_) return;
  begin_at(buffer, needed->start, FrameNumber{needed->number.value - 1});
  replay_end_ = buffer.head();
  judged_from_ = MonoTime::max();
}

Feed::Place Feed::leave(const StreamBuffer& buffer) {
  OTT_ASSERT(started_);
  Place place{buffer.last_done(), waits_ || (boundary_ == buffer.head() && buffer.ends_with_skip())};
  if (boundary_ < buffer.head()) place.last = FrameNumber{buffer.record_at(boundary_).frame.value - 1};
  if (skip_) place.last = std::min(place.last, FrameNumber{skip_->first.value - 1});
  place.last = std::max(place.last, known_);
  keep_rest_of_record(buffer);
  started_ = false;
  return place;
}

void Feed::pass_over(const StreamBuffer& buffer, MonoTime now) {
  if (!started_ || position_ != boundary_ || position_ == buffer.head()) return;
  bool over = false;
  while (position_ < buffer.head()) {
    const Record record = buffer.record_at(position_);
    const FrameNumber reaches = record.is_skip() ? record.last_skipped() : record.frame;
    if (reaches > known_) {
      known_ = FrameNumber{};
      break;
    }
    if (!record.is_skip()) over = passed_.over_with(record.frame, record.source_time_ns(), now);
    position_.value += record.header.total();
  }
  boundary_ = position_;
  mark_valid_ = position_ == buffer.head();
  frames_mark_ = buffer.frames_completed();
  if (known_ <= buffer.last_frame()) return;  // the stream has come to it, or is past it
  if (over) restart_at_newest(buffer, now);
}

void Feed::restart_at_newest(const StreamBuffer& buffer, MonoTime now) {
  begin_at_sync_point(buffer);
  replay_end_ = position_;
  judged_from_ = now;
  restarted_ = true;
}

ByteSpan Feed::rest_of_half_sent(const StreamBuffer& buffer) const {
  if (!residue_.empty()) return residue_;
  if (!started_) return {};
  const std::uint64_t end = boundary_.value + buffer.record_at(boundary_).header.total();
  return {buffer.at(position_), end - position_.value};
}

ByteSpan Feed::rest_of_frame(const StreamBuffer& buffer) const {
  if (!residue_.empty()) return residue_;
  if (!started_ || position_ == buffer.head()) return {};
  return {buffer.at(position_), buffer.end_of_frame(boundary_).value - position_.value};
}

std::uint64_t Feed::advance(const StreamBuffer& buffer, std::size_t bytes, MonoTime now) {
  if (!residue_.empty()) {
    OTT_ASSERT(bytes <= residue_.size());
    residue_.erase(residue_.begin(), residue_.begin() + static_cast<std::ptrdiff_t>(bytes));
    if (residue_.empty()) residue_.shrink_to_fit();
    return 0;
  }
  position_.value += bytes;
  OTT_ASSERT(position_ <= buffer.head());
  std::uint64_t frames = 0;
  if (position_ == buffer.head() && mark_valid_) {
    frames = buffer.frames_completed() - frames_mark_;
    boundary_ = position_;
  } else {
    // Partial: the boundary has to be found, record by record.
    while (boundary_ < position_) {
      const Record record = buffer.record_at(boundary_);
      if (boundary_.value + record.header.total() > position_.value) break;
      boundary_.value += record.header.total();
      if (!record.is_skip() && record.last()) ++frames;
    }
  }
  if (mark_valid_) {
    frames_mark_ += frames;
  } else if (position_ == buffer.head()) {
    frames_mark_ = buffer.frames_completed();
    mark_valid_ = true;
  }
  if (position_ == buffer.head()) caught_up_ = true;
  if (judged_from_ == MonoTime::max() && position_ >= replay_end_) judged_from_ = now;
  return frames;
}

bool Feed::lags_too_long(const StreamBuffer& buffer, MonoTime now, Duration lag_max) const {
  if (!started_ || now < judged_from_) return false;
  const auto* frame = buffer.frame_of(boundary_);
  const Duration bound = now < slow_until_ ? lag_max / 3 : lag_max;
  return now - std::max(frame->arrived, judged_from_) > bound;
}

/// True if what is next is no sync point, and so late that neither it nor what follows it is of use.
bool Feed::is_in_vain(const StreamBuffer& buffer, MonoTime now, Duration lag_max) const {
  if (!started_ || !caught_up_ || now < judged_from_) return false;
  const auto* frame = buffer.frame_of(boundary_);
  if (frame == nullptr || frame->sync_point) return false;
  return now - std::max(frame->arrived, judged_from_) > lag_max;
}

void Feed::leave_lag_behind(const StreamBuffer& buffer, MonoTime now) {
  if (!residue_.empty() || position_ != boundary_) return;
  if (buffer.frame_of(boundary_)->start < boundary_) return;
  const auto* newest = buffer.newest_begun_sync_point();
  if (newest != nullptr && position_ < newest->start) {
    jump_to(buffer, *newest);
  } else {
    leave_out_all(buffer, now);
  }
  caught_up_ = true;
  slow_until_ = now + kSlowMemory;
}

void Feed::leave_before(const StreamBuffer& buffer, Position tail) {
  if (!started_ || boundary_ >= tail) return;
  keep_rest_of_record(buffer);
  if (boundary_ >= tail) return;
  caught_up_ = true;
  const auto* newest = buffer.newest_begun_sync_point();
  if (newest != nullptr && newest->start >= tail) return jump_to(buffer, *newest);
  // The newest sync point itself loses its beginning, or is gone.
  const auto* last = buffer.newest();
  leave_out_all(buffer, last != nullptr ? last->arrived : MonoTime{});
}

/// Passes over what is no use without a sync point, and stops at one.
void Feed::wait_for_sync_point(const StreamBuffer& buffer) {
  if (!started_ || !residue_.empty() || position_ != boundary_ || position_ == buffer.head()) return;
  if (const auto* next = buffer.first_sync_point_from(FrameNumber{left_out_.value + 1})) {
    jump_to(buffer, *next);
    waits_ = false;
  } else {
    leave_out(buffer, buffer.head(), buffer.last_frame());
  }
}

void Feed::keep_rest_of_record(const StreamBuffer& buffer) {
  if (position_ == boundary_) return;
  const ByteSpan rest = rest_of_record(buffer);
  residue_.assign(rest.begin(), rest.end());
  position_.value += rest.size();
  boundary_ = position_;
}

/// Goes on at a sync point that was not sent yet. Its SKIP records may have been passed over.
void Feed::jump_to(const StreamBuffer& buffer, const StreamBuffer::Frame& sync_point) {
  if (position_ < sync_point.start)
    leave_out(buffer, sync_point.start, FrameNumber{sync_point.number.value - 1});
  if (judged_from_ == MonoTime::max()) judged_from_ = sync_point.arrived;
}

void Feed::leave_out_all(const StreamBuffer& buffer, MonoTime judge_from) {
  leave_out(buffer, buffer.head(), buffer.last_frame());
  if (judged_from_ == MonoTime::max()) judged_from_ = judge_from;
  waits_ = true;
}

/// Moves to `to`. The frames between are named up to `last`, from the first frame that a record there belongs
/// to or names itself; frames that an earlier skip has named are not named again.
void Feed::leave_out(const StreamBuffer& buffer, Position to, FrameNumber last) {
  const FrameNumber here = buffer.record_at(position_).frame;
  const FrameNumber first = std::max(here, FrameNumber{left_out_.value + 1});
  position_ = boundary_ = to;
  mark_valid_ = false;
  // History that is skipped no longer counts as asked for by START.
  replay_end_ = std::min(replay_end_, position_);
  if (first > last) return;
  left_out_ = last;
  add_to_count(frames_skipped_, last.value - first.value + 1);
  skip_ = Skip{skip_ ? skip_->first : first, last};
}

Feed::Skip Feed::next_skip() {
  Skip told = *skip_;
  if (told.last.value - told.first.value < kSkipFramesMax) {
    skip_.reset();
  } else {
    told.last = FrameNumber{told.first.value + kSkipFramesMax - 1};
    skip_->first = FrameNumber{told.last.value + 1};
  }
  return told;
}

}  // namespace ott
