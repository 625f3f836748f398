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

FrameNumber Feed::start(const StreamBuffer& buffer, FrameNumber last, MonoTime oldest, MonoTime now) {
  if (!buffer.untouched() && last.value > buffer.last_frame().value + kAheadMax) last = FrameNumber{};
  const auto* frame = last.value == 0 ? buffer.newest_complete() : buffer.first_after(last);
  if (last.value != 0 && frame != nullptr && frame->arrived < oldest) frame = buffer.first_since(oldest);
  if (last.value == 0 && frame == nullptr) frame = buffer.newest();
  keep_rest_of_record(buffer);
  begin_at(buffer, frame);
  known_ = frame != nullptr ? FrameNumber{} : last;
  passed_ = {};
  restarted_ = false;
  replay_end_ = last.value == 0 ? position_ : buffer.head();
  judged_from_ = position_ >= replay_end_ ? now : MonoTime::max();
  started_ = true;
  return last;
}

void Feed::begin_at(const StreamBuffer& buffer, const StreamBuffer::Frame* frame) {
  skip_.reset();
  left_out_ = {};
  position_ = boundary_ = frame != nullptr ? frame->start : buffer.head();
  mark_valid_ = position_ == buffer.head();
  frames_mark_ = buffer.frames_completed();
}

FrameNumber Feed::leave(const StreamBuffer& buffer) {
  OTT_ASSERT(started_);
  FrameNumber last = buffer.last_done();
  if (boundary_ < buffer.head()) last = FrameNumber{buffer.record_at(boundary_).frame.value - 1};
  last = std::max(last, known_);
  keep_rest_of_record(buffer);
  started_ = false;
  return last;
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
  const auto* frame = buffer.newest_complete();
  begin_at(buffer, frame != nullptr ? frame : buffer.newest());
  known_ = FrameNumber{};
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
  if (judged_from_ == MonoTime::max() && position_ >= replay_end_) judged_from_ = now;
  return frames;
}

bool Feed::lags_too_long(const StreamBuffer& buffer, MonoTime now, Duration lag_max) const {
  if (!started_ || now < judged_from_) return false;
  const auto* frame = buffer.frame_of(boundary_);
  const Duration bound = now < slow_until_ ? lag_max / 3 : lag_max;
  return now - std::max(frame->arrived, judged_from_) > bound;
}

void Feed::leave_lag_behind(const StreamBuffer& buffer, MonoTime now) {
  if (!residue_.empty() || position_ != boundary_) return;
  if (buffer.frame_of(boundary_)->start < boundary_) return;
  jump_to_newest(buffer);
  slow_until_ = now + kSlowMemory;
}

void Feed::leave_before(const StreamBuffer& buffer, Position tail) {
  if (!started_ || boundary_ >= tail) return;
  keep_rest_of_record(buffer);
  if (boundary_ >= tail) return;
  const auto* newest = buffer.newest();
  if (newest != nullptr && newest->start >= tail) return jump_to_newest(buffer);
  // The newest frame loses its beginning, too. Its SKIP makes the child refuse what is left of it.
  leave_out(buffer, tail, buffer.last_frame());
}

void Feed::keep_rest_of_record(const StreamBuffer& buffer) {
  if (position_ == boundary_) return;
  const ByteSpan rest = rest_of_record(buffer);
  residue_.assign(rest.begin(), rest.end());
  position_.value += rest.size();
  boundary_ = position_;
}

void Feed::jump_to_newest(const StreamBuffer& buffer) {
  const auto* to = buffer.newest();
  if (to == nullptr || position_ >= to->start) return;
  leave_out(buffer, to->start, FrameNumber{to->number.value - 1});
  if (judged_from_ == MonoTime::max()) judged_from_ = to->arrived;
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
