#include "role/film_viewing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace ott {
namespace {

/// How soon a film is asked for again that could not be had.
constexpr Duration kOpenAgain = std::chrono::seconds(1);
/// How long the end of a film waits for frames that are on their way.
constexpr Duration kOnTheWayMax = std::chrono::seconds(1);

std::int64_t in_ms(Duration time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return std::clamp<std::int64_t>(ms, -std::int64_t{kFilmPositionMax}, kFilmPositionMax);
}

}  // namespace

FilmViewing::FilmViewing(Overlay& overlay, KnownStream film, Duration start, Now now)
    : overlay_(overlay), film_(std::move(film)) {
  position_ms_ = static_cast<std::uint32_t>(std::max<std::int64_t>(in_ms(start), 0));
  open(now);
}

void FilmViewing::open(Now now) {
  open_at_ = MonoTime::max();
  look_at_ = MonoTime::max();
  after_ = last_ = {};
  open_number_ = overlay_.films().ask(film_.origin, film_.info.id, FilmCommand::Open, position_ms_, now);
}

/// The stream is no more, or shall be none.
void FilmViewing::leave_stream(Now now) {
  if (!stream_) return;
  position_ms_ =
      static_cast<std::uint32_t>(std::max<std::int64_t>(in_ms(position() + std::exchange(steps_, {})), 0));
  after_ = last_ = {};
  overlay_.films().give_up(std::exchange(place_number_, 0));
  overlay_.films().give_up(std::exchange(speed_number_, 0));
  overlay_.watch(*std::exchange(stream_, std::nullopt), false, now);
  changed_ = true;
}

void FilmViewing::close(Now now) {
  overlay_.films().give_up(std::exchange(open_number_, 0));
  open_at_ = look_at_ = MonoTime::max();
  if (!stream_) return;
  const StreamId id = stream_->info.id;
  const NodeId origin = stream_->origin;
  leave_stream(now);
  if (overlay_.films().is_known(id)) overlay_.films().ask(origin, id, FilmCommand::Close, 0, now);
}

// ---- what the viewer wants -------------------------------------------------------------------------------

void FilmViewing::ask_place(FilmCommand command, std::int64_t value, Now now) {
  if (!stream_) return;
  overlay_.films().give_up(place_number_);
  place_number_ = overlay_.films().ask(stream_->origin, stream_->info.id, command, value, now);
}

void FilmViewing::ask_steps(Now now) {
  const std::int64_t ms = in_ms(std::exchange(steps_, {}));
  if (ms != 0) ask_place(FilmCommand::Step, ms, now);
}

void FilmViewing::ask_speed(Now now) {
  if (!stream_) return;
  overlay_.films().give_up(speed_number_);
  speed_number_ =
      overlay_.films().ask(stream_->origin, stream_->info.id, FilmCommand::Speed, paused_ ? 0 : speed_, now);
}

void FilmViewing::seek_to(Duration position, Now now) {
  state_ = FilmState::Playing;
  steps_ = {};
  if (!stream_) position_ms_ = static_cast<std::uint32_t>(std::max<std::int64_t>(in_ms(position), 0));
  ask_place(FilmCommand::Seek, std::max<std::int64_t>(in_ms(position), 0), now);
}

void FilmViewing::seek_by(Duration distance, Now now) {
  if (!stream_) return seek_to(position() + distance, now);
  state_ = FilmState::Playing;
  steps_ += std::chrono::milliseconds(in_ms(distance));
  if (place_number_ == 0) ask_steps(now);
}

Result<void> FilmViewing::set_speed(double speed, Now now) {
  const double thousandths = std::round(speed * kFilmSpeedNormal);
  if (!(thousandths >= kFilmSpeedMin && thousandths <= kFilmSpeedMax))
    return fail(fmt::format("a film's speed is from {} to {}, and 1 its own", kFilmSpeedMin / 1000.0,
                            kFilmSpeedMax / 1000.0));
  speed_ = static_cast<std::uint32_t>(thousandths);
  paused_ = false;
  ask_speed(now);
  return {};
}

void FilmViewing::pause(Now now) {
  if (std::exchange(paused_, true)) return;
  ask_speed(now);
}

void FilmViewing::resume(Now now) {
  if (!std::exchange(paused_, false)) return;
  ask_speed(now);
}

// ---- where it is -----------------------------------------------------------------------------------------

Duration FilmViewing::position() const {
  const Duration base = std::chrono::milliseconds(position_ms_);
  if (last_ <= after_ || film_.info.fps_milli == 0) return base;
  const auto frames = static_cast<Duration::rep>(last_.value - after_.value - 1);
  return base + frames * std::chrono::nanoseconds(1'000'000'000'000 / film_.info.fps_milli);
}

std::string FilmViewing::why_nothing() const {
  if (ended()) return why_ended_.empty() ? "the film has ended" : "the film has ended: " + why_ended_;
  if (paused_) return "the film pauses";
  if (stream_) return "";
  return refusal_.empty() ? "its origin has been asked for the film" : refusal_;
}

// ---- what the origin says --------------------------------------------------------------------------------

bool FilmViewing::take(const FilmAnswer& answer, Now now) {
  const bool opens = answer.number != 0 && answer.number == open_number_;
  const bool of_stream = stream_ && answer.stream.id == stream_->info.id;
  if (!opens && !of_stream) return false;
  if (answer.number == place_number_) place_number_ = 0;
  if (answer.number == speed_number_) speed_number_ = 0;
  if (answer.state == FilmState::Refused) {
    refusal_ = answer.reason;
    open_number_ = 0;
    leave_stream(now);
    if (opens && !std::exchange(refusal_said_, true))
      overlay_.peer_log().warning(fmt::format("'{}': {}", film_.info.name, answer.reason));
    // One that was there is asked for at once.
    open_at_ = look_at_ = opens ? now.mono + kOpenAgain : now.mono;
    return true;
  }
  if (opens) {
    open_number_ = 0;
    refusal_said_ = false;
    refusal_.clear();
    stream_ = KnownStream{film_.origin, answer.stream};
    changed_ = true;
    overlay_.watch(*stream_, true, now);
    take_state(answer, now);
    if (paused_ || speed_ != kFilmSpeedNormal) ask_speed(now);
    return true;
  }
  if (place_number_ == 0) ask_steps(now);
  // What was said before a seek that is under way does not count any more.
  if (place_number_ == 0) take_state(answer, now);
  return true;
}

void FilmViewing::take_state(const FilmAnswer& answer, Now now) {
  const bool said_before = state_ == FilmState::Ended;
  state_ = answer.state;
  why_ended_ = answer.reason;
  if (answer.stream.duration_ms != 0) film_.info.duration_ms = answer.stream.duration_ms;
  if (state_ == FilmState::Ended) {  // it is told each second
    if (!said_before) ended_at_ = now.mono;
    last_of_all_ = answer.after;
    waited_ = now.mono - ended_at_ >= kOnTheWayMax;
    return;
  }
  position_ms_ = answer.position_ms;
  after_ = answer.after;
}

bool FilmViewing::step(Now now) {
  if (stream_ && !overlay_.films().is_known(stream_->info.id)) {
    leave_stream(now);
    open_at_ = now.mono;
  }
  if (now.mono >= open_at_) open(now);
  return std::exchange(changed_, false);
}

}  // namespace ott
