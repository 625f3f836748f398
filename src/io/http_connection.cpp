#include "io/http_connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "io/clock.h"
#include "io/socket.h"
#include "ott/assert.h"

namespace ott {
namespace {

/// How much is read at most, and thrown away, of a connection whose last response is sent.
constexpr std::size_t kDiscardedMax = 64U << 10U;

ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

HttpConnection::HttpConnection(struct ev_loop* loop, HttpServer& server, Fd fd, NodeId remote, MonoTime now)
    : server_(server),
      fd_(std::move(fd)),
      progress_at_(now),
      watcher_(loop),
      deadline_(now + kHeadTime),
      remote_(remote) {
  choose_events();
}

HttpConnection::~HttpConnection() = default;

// ---- what happens ---------------------------------------------------------------------------------------

void HttpConnection::ready(int events) {
  const Now now = clock_now();
  if ((events & EV_READ) != 0) receive(now);
  if ((events & EV_WRITE) != 0) blocked_ = false;
  go_on(now);
}

void HttpConnection::receive(Now now) {
  std::array<std::uint8_t, kHttpHeadBytesMax> buffer;
  const bool discards = state_ == State::Lingering;
  const std::size_t room = discards ? buffer.size() : reader_.room();
  if (room == 0) {
    // What a viewer says is never answered, so it has no reason to go on.
    if (watches()) close("it sends requests while it watches");
    return;
  }
  const ssize_t got = receive_some(fd_, MutableByteSpan(buffer).first(room));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return close(watches() ? std::strerror(errno) : "");
  if (got == 0) {
    ended_ = true;
    // A client that closes its own end after a request may still wait for the answer.
    if (state_ == State::Waiting || state_ == State::Sending) {
      keep_ = false;
      return choose_events();
    }
    return close("");
  }
  const auto bytes = static_cast<std::size_t>(got);
  if (discards) {
    discarded_ += bytes;
    if (discarded_ > kDiscardedMax) close("");
    return;
  }
  if (state_ == State::Reading && !reader_.has_begun()) deadline_ = now.mono + kHeadTime;
  reader_.feed(ByteSpan(buffer).first(bytes));
}

void HttpConnection::check_time(Now now) {
  switch (state_) {
    case State::Reading:
      if (now.mono < deadline_) return;
      if (!reader_.has_begun()) return close("");
      return refuse({408, "the request did not come to an end"}, now);
    case State::Waiting:
      if (now.mono < deadline_) return;
      if (answer_waiting(now)) go_on(now);
      return;
    case State::Sending:
    case State::Watching:
    case State::Following:
      if (blocked_ && now.mono >= progress_at_ + kStuckTime)
        close(watches() ? "it has taken nothing for a minute" : "");
      return;
    case State::Lingering:
      if (now.mono >= deadline_) close("");
      return;
    case State::Closed:
      return;
  }
}

// ---- requests -------------------------------------------------------------------------------------------

/// Sends what waits, and takes up the next request when that is done, some of them in one round.
void HttpConnection::go_on(Now now) {
  for (unsigned requests = 0; state_ != State::Closed;) {
    if (!flush(now)) return choose_events();
    if (state_ == State::Sending) {
      if (!keep_) return linger(now);
      set_state(State::Reading);
      deadline_ = now.mono + (reader_.has_begun() ? kHeadTime : kIdleTime);
    }
    if (watches()) {
      picture_is_here(now);
      return choose_events();
    }
    if (state_ != State::Reading) return choose_events();
    if (requests++ == kRequestsPerRound) return server_.later(*this);
    read_next(now);
    if (state_ == State::Reading) {
      if (ended_) return close("");
      return choose_events();
    }
  }
}

void HttpConnection::read_next(Now now) {
  HttpRead read = reader_.next();
  if (const auto* request = std::get_if<HttpRequest>(&read)) {
    begin(*request, now);
  } else if (const auto* refusal = std::get_if<HttpRefusal>(&read)) {
    refuse(*refusal, now);
  } else if (reader_.take_held_body()) {
    text_ = "HTTP/1.1 100 Continue\r\n\r\n";
    (void)flush(now);
  }
}

void HttpConnection::begin(const HttpRequest& request, Now now) {
  keep_ = request.keep_alive && !ended_;
  HttpAction action = server_.answer(request, remote_);
  if (const auto* response = std::get_if<HttpResponse>(&action)) return respond(*response, &request, now);
  if (const auto* stream = std::get_if<HttpWatch>(&action)) return watch(*stream, request, now);
  if (auto* follow = std::get_if<HttpFollow>(&action)) {
    HttpLive& live = server_.join(*follow, *this);
    followed_ = std::make_unique<Followed>(Followed{std::move(*follow), request, live});
    deadline_ = now.mono + kPictureTime;
    set_state(State::Waiting);
    return (void)answer_with_content(now);
  }
  if (const auto* wait = std::get_if<HttpWait>(&action)) {
    asked_ = std::make_unique<Asked>(Asked{*wait, request});
    deadline_ = now.mono;  // each second it is looked whether it is too late
    set_state(State::Waiting);
    return server_.asks(*this, true);
  }
  auto& picture = std::get<HttpPicture>(action);
  stream_ = &server_.join(picture.stream, *this);
  // A client that names the picture which it has is given one that has come meanwhile.
  const bool any = !picture.next || !picture.if_none_match.empty();
  const MonoTime since = any ? MonoTime{} : now.mono;
  deadline_ = now.mono + (picture.next ? kNextTime : kPictureTime);
  wanted_ = std::make_unique<Wanted>(Wanted{std::move(picture), request, any ? 0 : stream_->count(), since});
  set_state(State::Waiting);
  (void)answer_with_picture(now);
}

bool HttpConnection::answer_waiting(Now now) {
  if (asked_) return answer_as_awaited(now);
  return followed_ ? answer_with_content(now) : answer_with_picture(now);
}

bool HttpConnection::answer_as_awaited(Now now) {
  auto response = server_.awaited(asked_->wait);
  if (!response) return false;
  const auto asked = std::move(asked_);
  server_.asks(*this, false);
  respond(awaited_response(std::move(*response), server_.site()), &asked->request, now);
  return true;
}

/// Answers a request for a picture if there is one to be sent, or if it is too late for one.
bool HttpConnection::answer_with_picture(Now now) {
  const HttpPartPtr part = stream_->newest();
  const HttpPicture& picture = wanted_->picture;
  const bool late = now.mono >= deadline_;
  HttpResponse response;
  if (part && stream_->count() > wanted_->after && part->frame->arrived.mono >= wanted_->since) {
    response = picture_response(picture, part->frame, server_.site());
    if (picture.next && response.status == 304 && !late) return false;
  } else {
    if (!late) return false;
    response = no_picture_response(picture, stream_->why_nothing(), server_.site());
  }
  const auto wanted = std::move(wanted_);
  leave_stream();
  if (response.picture && has_content(response, &wanted->request)) {
    part_ = part;
    bare_ = true;
  }
  respond(response, &wanted->request, now);
  return true;
}

/// Begins with the content if it can begin, or says that it is too late for that.
bool HttpConnection::answer_with_content(Now now) {
  const LiveContent& content = *followed_->live.content;
  const std::string type = content.content_type();
  if (type.empty() && now.mono < deadline_) return false;
  const HttpRequest request = followed_->request;
  const bool head_only = request.method == HttpMethod::Head;
  HttpResponse response =
      type.empty() ? nothing_to_follow_response(followed_->what, content.why_nothing(), server_.site())
                   : followed_->what.response;
  if (!type.empty()) response.fields += "Content-Type: " + type + "\r\n";
  if (type.empty() || head_only) {
    leave_stream();
    respond(response, &request, now);
    return true;
  }
  keep_ = false;
  followed_->cursor = content.begin_after(followed_->what.last_id);
  response.fields += fmt::format("X-Backlog: {}\r\n", content.backlog_bytes(followed_->cursor));
  text_ = to_bytes(response, &request, false, now.wall);
  progress_at_ = now.mono;
  set_state(State::Following);
  if (is_viewer()) server_.watches(*this);
  return true;
}

void HttpConnection::respond(const HttpResponse& response, const HttpRequest* request, Now now) {
  text_ = to_bytes(response, request, keep_, now.wall);
  progress_at_ = now.mono;
  set_state(State::Sending);
}

void HttpConnection::refuse(const HttpRefusal& refusal, Now now) {
  keep_ = false;
  respond(refusal_response(refusal, server_.site()), nullptr, now);
  if (flush(now)) return linger(now);
  choose_events();
}

void HttpConnection::watch(const HttpWatch& action, const HttpRequest& request, Now now) {
  const bool head_only = request.method == HttpMethod::Head;
  // The content of a HEAD's response is none, so that the connection can be used again.
  keep_ = keep_ && head_only;
  if (head_only) return respond(action.response, &request, now);
  text_ = to_bytes(action.response, &request, false, now.wall);
  text_ += kMixedReplaceBegin;
  interval_ = action.interval;
  due_ = now.mono;
  progress_at_ = now.mono;
  stream_ = &server_.join(action.stream, *this);
  set_state(State::Watching);
  server_.watches(*this);
}

// ---- sending --------------------------------------------------------------------------------------------

std::size_t HttpConnection::picture_is_here(Now now) {
  if (state_ == State::Waiting) {
    if (answer_waiting(now)) server_.later(*this);
    return 0;
  }
  if (state_ == State::Following) return text_.empty() ? send_pieces(now) : 0;
  if (state_ != State::Watching || blocked_ || part_ || !text_.empty()) return 0;
  if (stream_->count() == count_) return 0;
  if (now.mono < due_) {
    server_.at(due_);
    return 0;
  }
  return send_newest(now);
}

/// Sends the newest picture of the stream, or as much of it as the kernel takes. Where that is nothing, it is
/// not begun, and a newer one may take its place.
std::size_t HttpConnection::send_newest(Now now) {
  const HttpPartPtr& part = stream_->newest();
  const std::array<ByteSpan, 3> pieces = {bytes_of(part->head), part->frame->bytes,
                                          bytes_of(kMixedReplaceNext)};
  const std::size_t all = pieces[0].size() + pieces[1].size() + pieces[2].size();
  const ssize_t got = send_gathered(fd_, pieces);
  if (got < 0 && errno != EAGAIN && errno != EINTR) {
    close(std::strerror(errno));
    return 0;
  }
  const std::size_t sent = got < 0 ? 0 : static_cast<std::size_t>(got);
  if (sent > 0) {
    if (count_ > 0 && interval_ == Duration{}) server_.sums().frames_skipped += stream_->count() - count_ - 1;
    count_ = stream_->count();
    due_ = std::max(due_, now.mono - interval_) + interval_;
    account(sent, now);
  }
  if (sent == all) {
    ++frames_;
    ++server_.sums().frames;
    return sent;
  }
  if (sent > 0) {
    part_ = part;
    bare_ = false;
    sent_ = sent;
  }
  blocked_ = true;
  choose_events();
  return sent;
}

/// Sends what the content has for this viewer, as much of it as the kernel takes.
std::size_t HttpConnection::send_pieces(Now now) {
  std::size_t bytes = 0;
  while (!blocked_ && bytes < kPieceBytesPerTurn) {
    Followed& to = *followed_;
    if (!to.piece) {
      const std::uint64_t skipped = to.cursor.skipped;
      to.piece = to.live.content->next(to.cursor, now);
      to.sent = 0;
      if (is_viewer()) server_.sums().frames_skipped += to.cursor.skipped - skipped;
    }
    if (!to.piece) {
      if (to.live.content->has_ended(to.cursor)) close("the stream begins anew");
      return bytes;
    }
    bytes += to.piece->size();
    if (!send_piece(now)) return bytes;
  }
  if (!blocked_) server_.later(*this);
  return bytes;
}

/// Goes on with the piece under way. True once it is sent.
bool HttpConnection::send_piece(Now now) {
  Followed& to = *followed_;
  const std::array<ByteSpan, 1> rest = {ByteSpan(*to.piece).subspan(to.sent)};
  const ssize_t got = send_gathered(fd_, rest);
  if (got < 0 && errno != EAGAIN && errno != EINTR) {
    close(std::strerror(errno));
    return false;
  }
  if (got > 0) {
    to.sent += static_cast<std::size_t>(got);
    account(static_cast<std::size_t>(got), now);
  }
  if (to.sent < to.piece->size()) {
    blocked_ = true;
    choose_events();
    return false;
  }
  if (to.piece != to.cursor.head && is_viewer()) {
    ++frames_;
    ++server_.sums().frames;
  }
  to.piece.reset();
  return true;
}

/// True once nothing waits to be sent.
bool HttpConnection::flush(Now now) {
  while (!text_.empty() || part_) {
    if (blocked_) return false;
    std::array<ByteSpan, 4> pieces = {bytes_of(text_), {}, {}, {}};
    if (part_) {
      if (!bare_) pieces[1] = bytes_of(part_->head);
      pieces[2] = part_->frame->bytes;
      if (!bare_) pieces[3] = bytes_of(kMixedReplaceNext);
    }
    std::size_t done = sent_;
    std::size_t left = 0;
    for (ByteSpan& piece : pieces) {
      const std::size_t skip = std::min(done, piece.size());
      piece = piece.subspan(skip);
      done -= skip;
      left += piece.size();
    }
    const ssize_t got = send_gathered(fd_, pieces);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != EAGAIN) {
      close(watches() ? std::strerror(errno) : "");
      return false;
    }
    if (got > 0) account(static_cast<std::size_t>(got), now);
    if (got < static_cast<ssize_t>(left)) {
      sent_ += got < 0 ? 0 : static_cast<std::size_t>(got);
      blocked_ = true;
      return false;
    }
    if (part_) {
      ++frames_;
      ++server_.sums().frames;
    }
    sent_ = 0;
    text_.clear();
    part_.reset();
  }
  return true;
}

void HttpConnection::account(std::size_t bytes, Now now) {
  progress_at_ = now.mono;
  server_.sums().bytes += bytes;
}

// ---- the end --------------------------------------------------------------------------------------------

void HttpConnection::end(Now now) {
  if (state_ == State::Lingering || state_ == State::Closed) return;
  keep_ = false;
  if (asked_) return;  // its answer is still to come
  if (state_ == State::Sending && !flush(now)) return;
  if (state_ == State::Watching && part_ && !flush(now)) return;
  if (state_ == State::Following && followed_->piece && followed_->sent > 0) {
    if (blocked_ || !send_piece(now)) return;
  }
  close("");
}

/// Closing with unread bytes would make the kernel reset the connection, and the other end lose what was sent
/// last.
void HttpConnection::linger(Now now) {
  ::shutdown(fd_.get(), SHUT_WR);
  if (ended_) return close("");
  deadline_ = now.mono + kLingerTime;
  set_state(State::Lingering);
  choose_events();
}

void HttpConnection::close(const std::string& why) {
  if (state_ == State::Closed) return;
  watcher_.stop();
  server_.closed(*this, why);  // which may ask what it watched
  leave_stream();
  set_state(State::Closed);
  part_.reset();
  fd_ = Fd();
}

void HttpConnection::leave_stream() {
  if (stream_ != nullptr) server_.leave(*std::exchange(stream_, nullptr), *this);
  if (const auto followed = std::exchange(followed_, nullptr)) server_.leave(followed->live, *this);
  if (const auto asked = std::exchange(asked_, nullptr)) {
    server_.forget(asked->wait);
    server_.asks(*this, false);
  }
}

/// Of what it follows. Who reads events views no stream.
bool HttpConnection::is_viewer() const { return followed_->what.form != HttpFollow::Form::Events; }

const std::string* HttpConnection::watched() const {
  if (state_ == State::Following) return is_viewer() ? &followed_->live.name : nullptr;
  return state_ == State::Watching ? &stream_->name() : nullptr;
}

HttpConnection::Held HttpConnection::held() const {
  if (part_) return {part_.get(), part_->frame->bytes.size()};
  if (followed_ && followed_->piece) return {followed_->piece.get(), followed_->piece->size()};
  return {};
}

void HttpConnection::set_state(State state) {
  const bool read = state_ == State::Reading;
  state_ = state;
  if (state != State::Closed && read != (state == State::Reading)) server_.reads(*this, !read);
}

void HttpConnection::choose_events() {
  if (state_ == State::Closed) return;
  const bool reads = !ended_ && (state_ == State::Lingering || watches() || reader_.room() > 0);
  const int events = (reads ? EV_READ : 0) | (blocked_ ? EV_WRITE : 0);
  if (events == 0) return watcher_.stop();
  if (watcher_.active()) return watcher_.want(events);
  watcher_.start<&HttpConnection::ready>(*this, fd_.get(), events);
}

}  // namespace ott
