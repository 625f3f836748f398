// What a viewer that has paused with --timeshift watches: frames that come meanwhile wait here, and go on at
// the pace at which they came, as far behind as the pause was long. The stream goes on coming, so a place is
// kept through changes of parents as any viewer's is. What waits is bounded: beyond kBytesMax or kEventsMax
// the oldest frames give way, up to one at which decoding can begin, and are named by on_skip().
#pragma once

#include <deque>
#include <optional>

#include "media/outlet.h"

namespace ott {

class DelayedFrames final : public FrameTaker {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20U;
  static constexpr std::size_t kEventsMax = 200'000;  // frames, and what is told between them

  explicit DelayedFrames(FrameTaker& taker, std::size_t bytes_max = kBytesMax)
      : taker_(taker), bytes_max_(bytes_max) {}

  /// From now on frames wait.
  void pause() { paused_ = true; }
  /// Those that wait go on from here, behind by the time that the first of them has waited.
  void resume(Now now);
  /// Forgets all that waits: what comes goes on at once.
  void go_live();
  /// Hands on what is due.
  void tick(Now now);
  [[nodiscard]] MonoTime next_deadline() const;

  [[nodiscard]] bool paused() const { return paused_; }
  /// How far behind the stream its taker is; while paused, how far it will be.
  [[nodiscard]] Duration delay(Now now) const;

  void on_stream(const StreamInfo& stream) override;
  void on_frame(const FramePtr& frame) override;
  void on_skip(FrameNumber first, FrameNumber last) override;
  void on_duplicate(FrameNumber frame) override { taker_.on_duplicate(frame); }
  void on_broken(const std::string& why, Now now) override { taker_.on_broken(why, now); }

 private:
  /// A frame, or what was left out, or another stream.
  struct Event {
    MonoTime arrived;  // of the frame that came last before
    FramePtr frame{};
    std::optional<std::pair<FrameNumber, FrameNumber>> skipped{};
    std::optional<StreamInfo> stream{};
  };

  [[nodiscard]] bool waits() const { return paused_ || !waiting_.empty(); }
  void add(Event event);
  void hand_on(const Event& event);
  void make_room();

  FrameTaker& taker_;
  std::size_t bytes_max_;
  std::deque<Event> waiting_;
  std::size_t bytes_ = 0;
  bool paused_ = false;
  Duration delay_{};
  MonoTime last_arrived_{};
};

}  // namespace ott
