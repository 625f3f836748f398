#include "role/film_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ott/rtp_jpeg.h"

namespace ott {
namespace {

/// A film that is further behind than this starts counting anew, and does not catch up.
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
/// How often a viewer is told that its film has ended, while it watches.
constexpr Duration kTellEnd = std::chrono::seconds(1);
/// How many frames in turn that cannot be shown take no frame's time.
constexpr unsigned kRefusedInTurnMax = 64;

Duration interval_of(double fps, std::uint32_t speed) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(kFilmSpeedNormal / (fps * static_cast<double>(speed))));
}

}  // namespace

std::uint32_t Film::ms_of(std::uint64_t frame) const {
  const double ms = static_cast<double>(frame) * 1'000.0 / source.fps;
  return static_cast<std::uint32_t>(std::min<double>(ms, kFilmPositionMax));
}

std::uint64_t Film::frame_at(std::int64_t ms) const {
  const double frame = static_cast<double>(std::max<std::int64_t>(ms, 0)) * source.fps / 1'000.0;
  // A time that was said in ms is that of the frame which it was rounded down from.
  const auto shown = static_cast<std::uint64_t>(frame + source.fps / 1'000.0);
  const std::uint64_t frames = survey == nullptr ? 0 : survey->index.frames();
  return survey == nullptr || shown < frames ? shown : std::max<std::uint64_t>(frames, 1) - 1;
}

FilmSession::FilmSession(Overlay& overlay, Workers& workers, const Film& film, StreamInfo stream,
                         const FilmRequest& request, Now now)
    : overlay_(overlay),
      workers_(workers),
      film_(film),
      info_(std::move(stream)),
      opened_(request),
      unwatched_since_(now.mono) {
  position_ = film_.frame_at(request.value);
  overlay_.films().answer(request, answer(), now);
}

FilmSession::~FilmSession() { overlay_.origin().withdraw(id()); }

bool FilmSession::was_opened_by(const FilmRequest& request) const {
  return request.asker == opened_.asker && request.number == opened_.number &&
         request.stream == opened_.stream && request.command == FilmCommand::Open;
}

FilmAnswer FilmSession::answer() const {
  FilmAnswer answer;
  answer.state = state_;
  answer.reason = why_ended_.substr(0, kTextBytesMax);
  answer.stream = info_;
  answer.stream.duration_ms = film_.survey == nullptr ? 0 : film_.ms_of(film_.survey->index.frames());
  answer.position_ms = film_.ms_of(position_);
  answer.speed = speed_;
  answer.after = last_;
  return answer;
}

// ---- what its viewer says --------------------------------------------------------------------------------

void FilmSession::take(const FilmRequest& request, Now now) {
  if (request.command == FilmCommand::Close) {
    closed_ = true;
    return;
  }
  if (std::ranges::find(done_, request.number) == done_.end() && request.command != FilmCommand::Open) {
    done_[requests_done_++ % done_.size()] = request.number;
    if (request.command == FilmCommand::Seek) go_to(request.value, now);
    if (request.command == FilmCommand::Step)
      go_to(std::int64_t{film_.ms_of(position_)} + request.value, now);
    if (request.command == FilmCommand::Speed) {
      speed_ = static_cast<std::uint32_t>(request.value);
      next_at_ =
          std::min(next_at_, now.mono + (speed_ == 0 ? Duration{} : interval_of(film_.source.fps, speed_)));
    }
  }
  overlay_.films().answer(request, answer(), now);
}

void FilmSession::go_to(std::int64_t ms, Now now) {
  position_ = film_.frame_at(ms);
  state_ = FilmState::Playing;
  why_ended_.clear();
  tell_at_ = MonoTime::max();
  begun_ = false;
  show_one_ = true;
  next_at_ = now.mono;
  if (ahead_ != nullptr) ahead_->drop();
}

// ---- frames ----------------------------------------------------------------------------------------------

MonoTime FilmSession::next_deadline() const {
  if (unwatched_since_ != MonoTime::max()) return unwatched_since_ + kFilmUnwatchedMax;
  MonoTime next = tell_at_;
  const bool reading = ahead_ != nullptr && ahead_->reading();
  return wants_frame() && can_read() && !reading ? std::min(next, next_at_) : next;
}

bool FilmSession::is_over(Now now) const {
  return closed_ || (unwatched_since_ != MonoTime::max() && now.mono - unwatched_since_ >= kFilmUnwatchedMax);
}

void FilmSession::step(Now now) {
  if (!overlay_.origin().is_watched(id())) {
    unwatched_since_ = std::min(unwatched_since_, now.mono);
    next_at_ = MonoTime::max();
    return;
  }
  unwatched_since_ = MonoTime::max();
  if (next_at_ == MonoTime::max()) next_at_ = now.mono;
  if (now.mono >= tell_at_) {
    tell_at_ = now.mono + kTellEnd;
    overlay_.films().tell(opened_.asker, answer(), now);
  }
  if (!wants_frame() || !can_read()) return;
  read_ahead(now);
  for (const Result<SourceFrame>* frame; (frame = ahead_->frame()) != nullptr;) {
    const bool has_time = *frame || ahead_->ended();
    if (has_time && now.mono < next_at_) return;
    if (ahead_->ended()) {
      const std::string why = frame->error().message;
      ahead_->drop();
      if (film_.source.at_end != AtEnd::Loop || !why.empty() || position_ == 0) return end(why, now);
      begin_again(now);
    } else if (*frame) {
      publish(**frame, now);
      ahead_->drop();
      ++position_;
      show_one_ = false;
      refused_in_a_row_ = 0;
      count_time(now);
      if (!wants_frame()) return;
    } else {
      refuse(frame->error().message);
      ahead_->drop();
      ++position_;
      if (++refused_in_a_row_ >= kRefusedInTurnMax) {
        refused_in_a_row_ = 0;
        count_time(now);
      }
    }
    read_ahead(now);
  }
}

/// A reader without the survey is replaced when the film has one and something else is wanted than the next
/// frame.
void FilmSession::read_ahead(Now now) {
  if (ahead_ == nullptr || (!has_survey_ && !begun_ && film_.survey != nullptr)) {
    has_survey_ = film_.survey != nullptr;
    auto source = std::make_unique<FilmSource>(film_.source, film_.path, film_.survey);
    ahead_ = std::make_unique<FrameAhead>(std::move(source), workers_);
  }
  (void)ahead_->frame();  // collects what a worker has read meanwhile
  begun_ = true;
  if (ahead_->idle()) ahead_->read(FrameNumber{position_ + 1}, now.wall);
}

void FilmSession::refuse(const std::string& why) {
  ++refused_;
  refusal_ = why;
}

std::uint64_t FilmSession::take_refused(std::string& why) {
  if (refused_ > 0) why = refusal_;
  return std::exchange(refused_, 0);
}

void FilmSession::end(const std::string& why, Now now) {
  state_ = FilmState::Ended;
  why_ended_ = why;
  show_one_ = false;
  tell_at_ = now.mono;
}

void FilmSession::begin_again(Now now) {
  position_ = 0;
  overlay_.films().tell(opened_.asker, answer(), now);
}

/// Viewers measure the age of a frame from now.
void FilmSession::publish(const SourceFrame& frame, Now now) {
  RtpJpegPacketizer packetizer(frame.image, kRtpBytesMax);
  const std::size_t packets = packetizer.packet_count();
  const std::size_t bytes = packetizer.bytes() + packets * kRecordHeaderBytes;
  if (bytes > kFrameBytesMax)
    return refuse(fmt::format("a frame's {} bytes are more than {}", bytes, kFrameBytesMax));
  ++last_.value;
  media_time_ += 90'000.0 * kFilmSpeedNormal / (film_.source.fps * (speed_ == 0 ? kFilmSpeedNormal : speed_));
  RtpFields fields;
  fields.timestamp = static_cast<std::uint32_t>(static_cast<std::uint64_t>(media_time_));
  fields.ssrc = static_cast<std::uint32_t>(id().value);
  Flow& flow = *overlay_.flow(id());
  for (std::size_t packet = 1; packet <= packets; ++packet) {
    fields.sequence = rtp_sequence_++;
    const OwnRecord record{last_, packet == 1, packet == packets, packetizer.next_bytes()};
    overlay_.write_record(flow, record, now, [&](MutableByteSpan rtp) { packetizer.next(rtp, fields); });
  }
  overlay_.published(flow);
}

/// The time of the next frame, one after the last, unless that is long over.
void FilmSession::count_time(Now now) {
  if (speed_ == 0) return;
  const Duration interval = interval_of(film_.source.fps, speed_);
  next_at_ += interval;
  if (next_at_ + kBehindMax < now.mono) next_at_ = now.mono + interval;
}

}  // namespace ott
