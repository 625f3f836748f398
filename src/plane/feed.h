// One stream's way to one child: a cursor in the stream's buffer, and the policy for slow children. A feed
// owns no payload, except for the rest of one half-sent record when the ring is about to overwrite it.
//
// When a child's lag passes the bound, its feed finishes the frame that is under way and skips to the newest
// sync point's start. The frames left out are counted and named (take_skip). For two seconds after a skip the
// bound is a third: a child that was blocked once catches up within the whole bound, and a child whose link
// is too narrow gets frames that are less old. Lag is what the child's own link could not take. History that
// a START asked for is not lag and is never cut short: judged_from_ stays in the future until it is sent.
//
// Where no sync point is ahead, a frame past the whole bound is of no use, nor are those that need it: the
// feed leaves out all that there is, and waits. What comes is left out and named until a sync point comes. A
// child that still catches up with what was there at its START is not late by this: it waits for nothing but
// gets closer, and the next sync point puts an end to it if it does not. So a child never gets a frame that
// needs another one which was left out, and of a stream whose frames are all sync points nothing but what is
// late is left out.
//
// A START may name a frame that this node does not have yet, since the child had it from another parent. The
// feed then passes over the frames up to that one. A child that names a frame which the stream does not come
// to would never get any, so such a claim is dropped: at once if the frame is more than kAheadMax beyond the
// stream's last one, otherwise when the stream's backlog has been over for kPathsDiffer: the frame would have
// come by then.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "plane/stream_buffer.h"

namespace ott {

/// How far the frame that a START names may be beyond the last one here. Two parents of one child differ by
/// the delays of their paths, which are much less than this at any frame rate.
inline constexpr std::uint64_t kAheadMax = 256;
/// By how much the paths to two parents of one child may differ in delay.
inline constexpr Duration kPathsDiffer = std::chrono::seconds(1);

/// Tells when the backlog of a stream is over: what comes is as fresh as its path lets it be. It goes by each
/// frame's lag, its arrival here less the time that its source gave it; the two clocks may differ by
/// anything. While a backlog comes, the lag falls, and where a link stalls it is higher for a while.
class Backlog {
 public:
  /// True once the least lag has not fallen for kPathsDiffer of the source's time; frames that are late do
  /// not count. Where the source's clock stands still or is set back, time here counts instead.
  bool over_with(FrameNumber frame, std::int64_t time_ns, MonoTime arrived);

 private:
  FrameNumber last_;
  std::int64_t time_ns_ = 0;
  MonoTime arrived_{};
  Duration least_lag_{};
  Duration over_for_{};
};

class Feed {
 public:
  struct Skip {
    FrameNumber first;
    FrameNumber last;
  };

  /// Begins right after frame `last`, but with no frame that was here before `oldest`, unless the frames
  /// since then need it; at the newest complete sync point if `last` is 0 or cannot be true. Where frames
  /// after `last` are missing here, or `gap` says that the child has not got `last` itself, it begins at a
  /// sync point and names what it leaves out. A half-sent record is finished first. Returns the frame after
  /// which the feed begins, as the parent answers it: `last`, or 0 for the newest sync point.
  FrameNumber start(const StreamBuffer& buffer, FrameNumber last, bool gap, MonoTime oldest, MonoTime now);
  /// Right after start(): begins earlier, at the sync point that the next frame needs, if it is here.
  void begin_earlier(const StreamBuffer& buffer);
  [[nodiscard]] bool started() const { return started_; }
  /// Where a feed has left a buffer, for the start() in another one that follows.
  struct Place {
    FrameNumber last;  // that the child has been sent whole, or been told to be left out
    bool gap = false;  // it was left out: what follows must be a sync point
  };
  /// Leaves this buffer. A half-sent record is finished first. REQUIRES: started().
  Place leave(const StreamBuffer& buffer);
  /// Passes over frames that the child has already. Call before pending().
  [[gnu::hot]] void pass_over_known(const StreamBuffer& buffer, MonoTime now) {
    if (known_.value != 0) pass_over(buffer, now);
  }
  /// True if the child must be told something before it is sent anything else of this stream: what
  /// take_restarted or take_skip give. Look after pass_over_known().
  [[nodiscard]] bool has_news() const { return restarted_ || skip_.has_value(); }
  /// True once after a claim was dropped: the feed has begun anew at the newest complete sync point, which is
  /// earlier than the frame after which start() said that it would begin.
  [[nodiscard]] bool take_restarted() { return std::exchange(restarted_, false); }

  /// All that can be sent now, in one run; empty when the child has everything.
  [[nodiscard]] ByteSpan pending(const StreamBuffer& buffer) const {
    if (!residue_.empty()) return residue_;
    if (!started_) return {};
    return {buffer.at(position_), buffer.head().value - position_.value};
  }
  /// True if there is nothing to be sent or told, and nothing that comes without new records.
  [[nodiscard]] bool is_idle(const StreamBuffer& buffer) const {
    return (!started_ || position_ == buffer.head()) && residue_.empty() && !has_news();
  }
  /// The rest of a half-sent record; empty between records. Nothing else may be sent on the link before it.
  [[nodiscard]] ByteSpan rest_of_record(const StreamBuffer& buffer) const {
    if (position_ == boundary_ && residue_.empty()) return {};
    return rest_of_half_sent(buffer);
  }
  /// The rest of the frame that is under way, as far as it is here: all that a child past the bound gets.
  [[nodiscard]] ByteSpan rest_of_frame(const StreamBuffer& buffer) const;
  /// `bytes` of what pending or rest_of_record gave were sent. Returns how many frames were completed by it.
  [[gnu::hot]] std::uint64_t advance(const StreamBuffer& buffer, std::size_t bytes, MonoTime now);

  /// True if the child's lag is past the bound, and there is a newer sync point for it, or what is next needs
  /// frames that are as late.
  [[nodiscard]] bool late(const StreamBuffer& buffer, MonoTime now, Duration lag_max) const {
    const auto* newest = buffer.newest_begun_sync_point();
    if (newest != nullptr && boundary_ < newest->start) return lags_too_long(buffer, now, lag_max);
    return !buffer.all_are_sync_points() && is_in_vain(buffer, now, lag_max);
  }
  /// Skips to the newest sync point, or waits for the next, if the child is late and no frame is half sent.
  /// Call when the link can take bytes.
  void limit_lag(const StreamBuffer& buffer, MonoTime now, Duration lag_max) {
    if (late(buffer, now, lag_max)) leave_lag_behind(buffer, now);
    if (waits_) wait_for_sync_point(buffer);
  }
  /// Skips frames that lie before `tail`, because they are about to be overwritten.
  [[gnu::hot]] void leave_before(const StreamBuffer& buffer, Position tail);
  [[nodiscard]] Position position() const { return position_; }

  /// The frames left out since the last call, at most kSkipFramesMax of them at once. The child must be told
  /// before it is sent anything else of this stream.
  std::optional<Skip> take_skip() { return skip_ ? std::optional(next_skip()) : std::nullopt; }
  [[nodiscard]] std::uint64_t frames_skipped() const { return frames_skipped_; }

 private:
  [[nodiscard]] ByteSpan rest_of_half_sent(const StreamBuffer& buffer) const;
  [[nodiscard]] bool lags_too_long(const StreamBuffer& buffer, MonoTime now, Duration lag_max) const;
  [[nodiscard]] bool is_in_vain(const StreamBuffer& buffer, MonoTime now, Duration lag_max) const;
  void leave_lag_behind(const StreamBuffer& buffer, MonoTime now);
  void wait_for_sync_point(const StreamBuffer& buffer);
  void begin_at(const StreamBuffer& buffer, Position position, FrameNumber after);
  void begin_at_sync_point(const StreamBuffer& buffer);
  void begin_after(const StreamBuffer& buffer, FrameNumber last, bool gap, MonoTime oldest);
  void pass_over(const StreamBuffer& buffer, MonoTime now);
  void restart_at_newest(const StreamBuffer& buffer, MonoTime now);
  Skip next_skip();
  void keep_rest_of_record(const StreamBuffer& buffer);
  void jump_to(const StreamBuffer& buffer, const StreamBuffer::Frame& sync_point);
  void leave_out_all(const StreamBuffer& buffer, MonoTime judge_from);
  void leave_out(const StreamBuffer& buffer, Position to, FrameNumber last);

  // What each record of each child touches comes first: see Child.
  Position position_;  // the next byte to send
  Position boundary_;  // the start of the record that it lies in, or itself
  FrameNumber known_;  // the child has the frames up to this one, as its START said; 0: nothing to pass over
  std::uint64_t frames_mark_ = 0;  // buffer.frames_completed() when the child last had everything
  bool started_ = false;
  bool mark_valid_ = false;
  bool waits_ = false;                      // for a sync point: what comes before it is left out
  bool caught_up_ = false;                  // it has been at the head since START
  bool restarted_ = false;                  // for take_restarted()
  MonoTime judged_from_ = MonoTime::max();  // when the feed passed replay_end_; lag counts from then on
  std::vector<std::uint8_t> residue_;       // rest of a half-sent record that the ring no longer holds
  std::optional<Skip> skip_;

  Position replay_end_;   // the head at START: what lies before it is history that was asked for
  MonoTime slow_until_;   // the bound is a third until then, after a skip
  FrameNumber left_out_;  // the last frame that a skip has named, or after which the feed began
  Backlog passed_;        // what was passed over since START
  std::uint64_t frames_skipped_ = 0;
};

}  // namespace ott
