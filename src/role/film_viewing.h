// How one viewer here sees a film on request: asks the film's origin for a stream of its own, tells it what
// that is to show, and knows where the film is. A stream that its origin or the access node does not know any
// more (the origin has restarted, this process has another access node) is asked for anew, from where the
// film was. Owned by the StreamHub, which reads the stream.
#pragma once

#include <optional>
#include <string>

#include "overlay/overlay.h"

namespace ott {

class FilmViewing {
 public:
  /// Begins at `start`, or at the end if the film is shorter.
  FilmViewing(Overlay& overlay, KnownStream film, Duration start, Now now);

  /// Goes to a position; beyond the end, to the last frame.
  void seek_to(Duration position, Now now);
  void seek_by(Duration distance, Now now);
  /// 0.25 to 4 times the film's own; the error says so. A film that pauses goes on.
  Result<void> set_speed(double speed, Now now);
  void pause(Now now);
  void resume(Now now);
  /// Sees the film no more.
  void close(Now now);

  /// Of the frame that has come last; of the one that is awaited, where none has come since the film was
  /// opened or sought in.
  [[nodiscard]] Duration position() const;
  /// 0: not known (yet).
  [[nodiscard]] Duration duration() const { return std::chrono::milliseconds(film_.info.duration_ms); }
  [[nodiscard]] double speed() const { return speed_ / static_cast<double>(kFilmSpeedNormal); }
  [[nodiscard]] bool paused() const { return paused_; }
  /// The film has ended, and its last frame has come.
  [[nodiscard]] bool ended() const {
    return state_ == FilmState::Ended && (last_ >= last_of_all_ || waited_);
  }
  /// Why it has ended before its end; empty: it has not.
  [[nodiscard]] const std::string& why_ended() const { return why_ended_; }
  /// Why no frame comes, as far as it is the film's own affair; empty: it is not.
  [[nodiscard]] std::string why_nothing() const;

  /// The film is described anew.
  void describe(const StreamInfo& info) { film_.info = info; }
  /// The stream to be read; null until the origin has answered.
  [[nodiscard]] const KnownStream* stream() const { return stream_ ? &*stream_ : nullptr; }
  /// Takes an answer if it is for this viewing.
  bool take(const FilmAnswer& answer, Now now);
  void on_frame(FrameNumber frame) { last_ = frame; }
  /// True if stream() is another one than before.
  bool step(Now now);
  [[nodiscard]] MonoTime next_deadline() const { return look_at_; }

 private:
  void open(Now now);
  void ask_place(FilmCommand command, std::int64_t value, Now now);
  void ask_steps(Now now);
  void ask_speed(Now now);
  void take_state(const FilmAnswer& answer, Now now);
  void leave_stream(Now now);

  Overlay& overlay_;
  KnownStream film_;
  std::optional<KnownStream> stream_;
  std::uint32_t open_number_ = 0;   // of the request that is not answered yet; 0: none
  std::uint32_t place_number_ = 0;  // likewise: of a seek or step,
  std::uint32_t speed_number_ = 0;  // and of a speed or pause
  Duration steps_{};                // all that was asked for while a seek or step is under way
  MonoTime open_at_ = MonoTime::max();
  MonoTime look_at_ = MonoTime::max();
  std::string refusal_;  // why the film could not be had last
  bool refusal_said_ = false;
  bool changed_ = false;

  FilmState state_ = FilmState::Playing;
  std::string why_ended_;
  FrameNumber last_of_all_;                 // when it has ended
  MonoTime ended_at_{};                     // when that was said first
  bool waited_ = false;                     // long enough for frames that were on their way
  std::uint32_t speed_ = kFilmSpeedNormal;  // when it does not pause
  bool paused_ = false;
  std::uint32_t position_ms_ = 0;  // of the first frame behind after_
  FrameNumber after_;
  FrameNumber last_;  // the last that came
};

}  // namespace ott
