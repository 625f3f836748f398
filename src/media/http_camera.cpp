#include "media/http_camera.h"

#include <algorithm>
#include <cmath>

#include "media/text.h"

namespace ott {
namespace {

/// "10 s", "0.5 s".
std::string in_seconds(Duration time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  std::string text = std::to_string(ms / 1000);
  if (ms % 1000 != 0) text += "." + std::to_string(1000 + ms % 1000).substr(1);
  while (text.find('.') != std::string::npos && text.back() == '0') text.pop_back();
  return text + " s";
}

}  // namespace

HttpCamera::HttpCamera(HttpSource source, InputSink& sink, std::uint64_t seed)
    : source_(std::move(source)), sink_(sink), random_(seed), poll_(source_.poll) {}

void HttpCamera::start(Now now) {
  said_connected_ = false;
  lost_why_.clear();
  retry_ = {};
  ask(now);
}

void HttpCamera::stop() {
  state_ = State::Idle;
  request_.reset();
  pictures_.reset();
  last_ = {};
  etag_.clear();
}

void HttpCamera::ask(Now now) {
  state_ = State::Asking;
  request_ = Request{polled() ? etag_ : ""};
  asked_at_ = byte_at_ = picture_at_ = now.mono;
  pictures_.reset();
  refused_in_turn_ = 0;
  pictures_of_answer_ = 0;
  etag_of_answer_.clear();
  not_modified_ = false;
  poll_at_ = MonoTime::max();
  retry_.cancel();
}

std::optional<HttpCamera::Request> HttpCamera::take_request() {
  return std::exchange(request_, std::nullopt);
}

void HttpCamera::lose(const std::string& why, Now now) {
  state_ = State::Waiting;
  request_.reset();
  pictures_.reset();
  said_connected_ = false;
  etag_.clear();
  retry_.schedule(kPauses, random_, now);
  // That another try fails in the same way is no news.
  if (std::exchange(lost_why_, why) != why) sink_.on_lost(source_.shown + ": " + why, now);
}

MonoTime HttpCamera::next_deadline() const {
  switch (state_) {
    case State::Idle:
      return MonoTime::max();
    case State::Waiting:
      return std::min(poll_at_, retry_.due_at());
    case State::Asking:
      break;
  }
  return std::min(byte_at_ + source_.timeout, picture_at_ + kPictureTimeouts * source_.timeout);
}

void HttpCamera::step(Now now) {
  if (state_ == State::Idle || now.mono < next_deadline()) return;
  if (state_ == State::Waiting) return ask(now);
  if (now.mono >= byte_at_ + source_.timeout) {
    const std::string time = in_seconds(source_.timeout);
    return lose(pictures_ ? "nothing has come for " + time : "no answer within " + time, now);
  }
  lose("bytes come, but no whole picture within " + in_seconds(kPictureTimeouts * source_.timeout), now);
}

// ---- an answer -------------------------------------------------------------------------------------------

std::string HttpCamera::status_error(const HttpHead& head) const {
  std::string text = "it answers " + std::to_string(head.status);
  if (!head.reason.empty()) text += " " + printable(head.reason);
  if (head.status == 401 && source_.url.has_user) return text + ": are user and password right?";
  if (head.status == 401) {
    return text + ": it wants a user and password: " + source_.url.scheme + "://USER:PASSWORD@HOST/...";
  }
  if (head.status == 404) return text + ": is the path right?";
  return text;
}

void HttpCamera::on_head(const HttpHead& head, Now now) {
  if (state_ != State::Asking) return;
  byte_at_ = now.mono;
  if (head.status == 304 && !last_.empty()) {
    not_modified_ = true;
    return;
  }
  if (head.status != 0 && (head.status < 200 || head.status > 299)) return lose(status_error(head), now);
  pictures_.emplace(head.content_type);
  etag_of_answer_ = head.etag;
}

void HttpCamera::on_body(ByteSpan bytes, Now now) {
  if (state_ != State::Asking) return;
  byte_at_ = now.mono;
  if (!pictures_) return;
  if (const auto fed = pictures_->feed(bytes); !fed) return lose(fed.error().message, now);
  take_pictures(now);
}

void HttpCamera::take_pictures(Now now) {
  while (true) {
    const auto picture = pictures_->next();
    if (!picture) {
      sink_.refuse(source_.shown + ": " + picture.error().message, now);
      if (++refused_in_turn_ >= kRefusedInTurnMax) return lose("it sends no pictures", now);
    } else if (*picture) {
      take_picture(**picture, now);
    } else {
      return;
    }
  }
}

void HttpCamera::take_picture(ByteSpan jpeg, Now now) {
  picture_at_ = now.mono;
  refused_in_turn_ = 0;
  ++pictures_of_answer_;
  say_connected(now);
  if (pictures_->is_multipart() || pictures_of_answer_ > 1) return push(jpeg, now);
  // It may be the only one of this answer.
  if (polled() && std::ranges::equal(jpeg, last_)) return push_again(now);
  last_.assign(jpeg.begin(), jpeg.end());
  push(jpeg, now);
}

void HttpCamera::push(ByteSpan jpeg, Now now) {
  pushed_at_ = now.mono;
  AccessUnit unit;
  unit.bytes = jpeg;
  unit.arrived = now;
  unit.place = source_.shown;
  sink_.push(unit);
}

void HttpCamera::push_again(Now now) {
  if (now.mono >= pushed_at_ + kRepeatAfter) push(last_, now);
}

void HttpCamera::say_connected(Now now) {
  retry_.succeeded();
  lost_why_.clear();
  if (std::exchange(said_connected_, true)) return;
  std::string what = source_.shown + ": ";
  if (pictures_ && pictures_->is_multipart()) {
    what += "multipart";
  } else if (polled()) {
    what += "single pictures, asked for each " + in_seconds(*poll_);
  } else {
    what += "JPEGs";
  }
  if (source_.insecure) what += "; its certificate is not verified (?insecure)";
  sink_.on_connected(what, now);
}

void HttpCamera::on_end(const std::string& error, Now now) {
  if (state_ != State::Asking) return;
  // Of JPEGs one after the other, the one that an error cuts off might pass for one without EOI.
  if (pictures_ && (error.empty() || pictures_->is_multipart())) {
    pictures_->finish();
    take_pictures(now);
    if (state_ != State::Asking) return;
  }
  const bool has_all = polled() && pictures_of_answer_ > 0;
  if (!error.empty() && !has_all) return lose(printable(error, 200), now);
  if (not_modified_) {
    push_again(now);
  } else if (pictures_of_answer_ == 0) {
    return lose("its answer has no picture", now);
  } else if (pictures_->is_multipart() || pictures_of_answer_ > 1) {
    return lose("it has ended the stream after " + std::to_string(pictures_of_answer_) + " pictures", now);
  } else {
    etag_ = etag_of_answer_;
  }
  if (!polled()) {
    poll_ = kPoll;
    said_connected_ = false;
    say_connected(now);
  }
  state_ = State::Waiting;
  pictures_.reset();
  poll_at_ = std::max(asked_at_ + *poll_, now.mono);
}

}  // namespace ott
