// What an origin says of its stream. For a live source it is found out: the size from the frames, the rate as
// it is measured, and whether frames come at all. What is said travels to every node, so it is damped: a rate
// that was measured twice is said again when it has changed by a fifth, and nothing more often than once a
// second.
#pragma once

#include <optional>

#include "ott/message.h"
#include "ott/time.h"

namespace ott {

class StreamDescription {
 public:
  /// The time for which frames are counted, the first time and later.
  static constexpr Duration kMeasureFirst = std::chrono::seconds(1);
  static constexpr Duration kMeasure = std::chrono::seconds(3);
  /// A source is stalled when it has had no frame for this time, or for four frames' time if that is longer.
  static constexpr Duration kStalledAfter = std::chrono::seconds(2);
  static constexpr Duration kSayInterval = std::chrono::seconds(1);

  /// `info` is as far as it is known at the start. Of a live source the rest is found out.
  StreamDescription(StreamInfo info, bool live) : info_(std::move(info)), live_(live) {}
  StreamDescription() = default;

  [[nodiscard]] const StreamInfo& info() const { return info_; }
  /// The stream has its id.
  void begin(StreamId id, Now now);
  /// Whether the source is asked for frames: only then is it stalled when none comes.
  void expect_frames(bool expected, Now now);
  /// A frame of a live source has come.
  void on_frame(unsigned width, unsigned height, Now now);
  /// No frame will come any more: the stream is stalled for good, or ends.
  void on_end(StreamState state, Now now);
  /// Notices that no frame comes.
  void tick(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  /// True, once, if there is something to be said anew.
  bool take_news(Now now);

 private:
  void measure(Now now);
  void take_rate(std::uint32_t fps_milli);
  void set_state(StreamState state, Now now);
  [[nodiscard]] MonoTime stalled_at() const;

  StreamInfo info_;
  bool live_ = false;
  bool begun_ = false;
  bool expecting_ = false;
  bool over_ = false;
  MonoTime last_at_{};                 // the last frame, or since when one is expected
  Duration interval_{};                // between frames, as measured last
  std::optional<MonoTime> window_at_;  // the frame since which frames are counted
  std::uint64_t frames_ = 0;           // since then
  bool stalled_in_window_ = false;
  bool rate_settled_ = false;  // what was said last is believed until it is a fifth off
  bool changed_ = false;
  MonoTime say_at_{};  // from when on something may be said
};

}  // namespace ott
