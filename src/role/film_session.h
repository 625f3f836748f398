// One viewer's own stream of a film: reads the film from where its viewer wants it, at the speed that it
// wants, into a stream that is in no list. Frames go out only while somebody watches, and none while it
// pauses, but the one that a seek has led to.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "media/film_source.h"
#include "media/frame_ahead.h"
#include "overlay/overlay.h"

namespace ott {

/// What all streams of a film have in common.
struct Film {
  std::string name;
  std::string path;
  SourceInfo source;                         // its kind, size, rate, and what comes at its end
  std::shared_ptr<const FilmSurvey> survey;  // null while it is made: until then nobody can seek

  [[nodiscard]] std::uint32_t ms_of(std::uint64_t frame) const;
  /// The frame that is shown at a time; the last one beyond the end, as far as that is known.
  [[nodiscard]] std::uint64_t frame_at(std::int64_t ms) const;
};

class FilmSession {
 public:
  /// `stream` is the viewer's own; `request` has opened it.
  FilmSession(Overlay& overlay, Workers& workers, const Film& film, StreamInfo stream,
              const FilmRequest& request, Now now);
  ~FilmSession();

  [[nodiscard]] StreamId id() const { return info_.id; }
  [[nodiscard]] bool is_of(const NodeId& asker) const { return asker == opened_.asker; }
  /// True for the request that has opened it, which may be said again.
  [[nodiscard]] bool was_opened_by(const FilmRequest& request) const;
  /// REQUIRES: is_of(request.asker).
  void take(const FilmRequest& request, Now now);
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  /// Nobody has watched it for too long, or its viewer has closed it.
  [[nodiscard]] bool is_over(Now now) const;
  [[nodiscard]] std::uint64_t frames() const { return last_.value; }
  /// What could not be shown, the last of it; and how much, since the last call.
  std::uint64_t take_refused(std::string& why);

 private:
  [[nodiscard]] FilmAnswer answer() const;
  [[nodiscard]] bool wants_frame() const {
    return state_ == FilmState::Playing && (speed_ != 0 || show_one_);
  }
  [[nodiscard]] bool can_read() const { return position_ == 0 || film_.survey != nullptr || begun_; }
  void go_to(std::int64_t ms, Now now);
  void read_ahead(Now now);
  void refuse(const std::string& why);
  void end(const std::string& why, Now now);
  void begin_again(Now now);
  void publish(const SourceFrame& frame, Now now);
  void count_time(Now now);

  Overlay& overlay_;
  Workers& workers_;
  const Film& film_;
  StreamInfo info_;
  FilmRequest opened_;
  std::array<std::uint32_t, 16> done_{};  // the numbers of the last requests, which may be said again
  std::size_t requests_done_ = 0;
  std::unique_ptr<FrameAhead> ahead_;
  bool has_survey_ = false;  // the reader knows it
  bool begun_ = false;       // it reads on from where it is
  bool closed_ = false;

  FilmState state_ = FilmState::Playing;
  std::string why_ended_;
  std::uint64_t position_ = 0;  // the frame of the film that is shown next, from 0
  std::uint32_t speed_ = kFilmSpeedNormal;
  bool show_one_ = false;
  MonoTime next_at_ = MonoTime::max();  // when that frame is due; max: when somebody watches
  MonoTime tell_at_ = MonoTime::max();  // when the viewer hears again that the film has ended
  MonoTime unwatched_since_;

  FrameNumber last_;       // of the stream
  double media_time_ = 0;  // of its last frame, in units of 90 kHz
  std::uint16_t rtp_sequence_ = 0;
  std::uint64_t refused_ = 0;
  std::string refusal_;
  unsigned refused_in_a_row_ = 0;
};

}  // namespace ott
