// One stream's way to one child: a position in the stream's buffer, and the slow-viewer policy. A feed owns
// no payload, but for the rest of one half-sent record when the ring is about to overwrite it.
//
// A child that falls behind has its feed moved to the newest frame's start once the frame that is under way
// is sent, and the frames left out are counted and named (take_skip). For a while after a skip the bound is a
// third: a child that is slow all the time then sees frames that are as new as its link allows. Only what the
// child's own link could not take counts as lag: history that a START asked for is never cut short
// (judged_from_ stays in the future until it is sent).
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "plane/stream_buffer.h"

namespace ott {

class Feed {
 public:
  struct Skip {
    FrameNumber first;
    FrameNumber last;
  };

  /// Begins, after a record that is half sent, right after frame `last`, but with no frame that was here
  /// before `oldest`; at the newest complete frame if `last` is 0, or is so far beyond what is here that it
  /// cannot be this stream's. Returns `last` or 0, as it is taken.
  FrameNumber start(const StreamBuffer& buffer, FrameNumber last, MonoTime oldest, MonoTime now);
  [[nodiscard]] bool started() const { return started_; }
  /// Leaves this buffer for another one: what follows is a start() there. Returns the last frame that the
  /// child has been sent whole; a record that is half sent is finished first. REQUIRES: started().
  FrameNumber leave(const StreamBuffer& buffer);
  /// Passes over frames that the child has already. Call before pending(). A child that names a frame to
  /// which the stream does not come has named none of it: then the feed begins at the newest complete frame.
  [[gnu::hot]] void pass_over_known(const StreamBuffer& buffer, MonoTime now);
  /// True if that has happened since the last call: the child is to be told before anything else.
  bool take_restarted() { return std::exchange(restarted_, false); }

  /// All that can be sent now, in one run; empty when the child has everything.
  [[nodiscard, gnu::hot]] ByteSpan pending(const StreamBuffer& buffer) const;
  /// The rest of a half-sent record; empty between records. Nothing else may be sent on the link before it.
  [[nodiscard, gnu::hot]] ByteSpan rest_of_record(const StreamBuffer& buffer) const;
  /// The rest of the frame that is under way, as far as it is here: all that a child past the bound gets.
  [[nodiscard]] ByteSpan rest_of_frame(const StreamBuffer& buffer) const;
  /// `bytes` of what pending or rest_of_record gave were sent. Returns how many frames were completed by it.
  [[gnu::hot]] std::uint64_t advance(const StreamBuffer& buffer, std::size_t bytes, MonoTime now);

  /// True if the child is past the bound on lag, and there is something newer for it.
  [[nodiscard, gnu::hot]] bool late(const StreamBuffer& buffer, MonoTime now, Duration lag_max) const;
  /// Applies the bound, unless a frame is half sent; call when the link can take bytes.
  [[gnu::hot]] void limit_lag(const StreamBuffer& buffer, MonoTime now, Duration lag_max);
  /// Moves out of the way of bytes that are about to be overwritten.
  [[gnu::hot]] void leave_before(const StreamBuffer& buffer, Position tail);
  [[nodiscard]] Position position() const { return position_; }

  /// The frames left out since the last call, to be told to the child before anything else of this stream.
  std::optional<Skip> take_skip() { return std::exchange(skip_, std::nullopt); }
  [[nodiscard]] std::uint64_t frames_skipped() const { return frames_skipped_; }

 private:
  void pass_over(const StreamBuffer& buffer, MonoTime now);
  void restart(const StreamBuffer& buffer, MonoTime now);
  void keep_rest_of_record(const StreamBuffer& buffer);
  void jump_to_newest(const StreamBuffer& buffer);
  void leave_out(const StreamBuffer& buffer, Position to, FrameNumber last);

  // What each record of each child touches comes first: see Child.
  Position position_;  // the next byte to send
  Position boundary_;  // the start of the record that it lies in, or itself
  FrameNumber known_;  // frames up to here the child has: START named a frame that is not here yet
  std::uint64_t frames_mark_ = 0;  // buffer.frames_completed() when the child last had everything
  bool started_ = false;
  bool mark_valid_ = false;
  MonoTime judged_from_ = MonoTime::max();  // when it passed replay_end_
  std::vector<std::uint8_t> residue_;       // rest of a half-sent record that the ring no longer holds
  std::optional<Skip> skip_;

  Position replay_end_;   // the head at START; before it everything is asked-for history
  MonoTime slow_until_;   // skipped not long ago
  FrameNumber left_out_;  // the last frame that a skip has named since START
  std::uint64_t frames_skipped_ = 0;
  MonoTime known_until_ = MonoTime::max();  // how long frames are passed over that the child says it has
  bool restarted_ = false;
};

}  // namespace ott
