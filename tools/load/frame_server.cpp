#include "frame_server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "io/socket.h"
#include "ott/framer.h"
#include "viewer.h"

namespace ott::load {
namespace {

constexpr std::string_view kResponse =
    "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
    "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
constexpr Duration kBehindMax = std::chrono::milliseconds(500);
constexpr std::uint8_t kFiller = 0x55;

}  // namespace

struct FrameServer::Puller {
  Puller(FrameServer& owner, Fd socket) : server(owner), fd(std::move(socket)), watcher(owner.loop_) {
    watcher.start<&Puller::ready>(*this, fd.get(), EV_READ);
  }
  void ready(int events) {
    if ((events & EV_READ) != 0) hear();
    if ((events & EV_WRITE) != 0 && !gone) server.pump(*this);
    if (server.plan_.fps == 0) server.publish_what_is_taken();
    server.reap();
  }
  /// What it says is of no interest, but that it says nothing more is.
  void hear() {
    std::array<std::uint8_t, 4096> unread;
    const ssize_t got = ::recv(fd.get(), unread.data(), unread.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) gone = true;
    // HTTP: the request is there; nothing in it matters.
    if (got > 0 && server.plan_.protocol == Protocol::Http && !asked) {
      asked = true;
      head.assign(kResponse.begin(), kResponse.end());
      server.pump(*this);
    }
  }
  [[nodiscard]] std::size_t left() const { return head.size() + rest_bytes - sent; }

  FrameServer& server;
  Fd fd;
  IoWatcher watcher;
  std::vector<std::uint8_t> head;  // what is being sent: this, and of the rest of a frame so many bytes
  std::size_t rest_bytes = 0;
  std::size_t sent = 0;
  bool asked = false;
  bool gone = false;
};

FrameServer::FrameServer(struct ev_loop* loop, const Plan& plan)
    : loop_(loop), plan_(plan), accept_watcher_(loop), timer_(loop) {
  rest_.assign(plan.frame_bytes - kStampBytes, kFiller);
  rest_[rest_.size() - 2] = 0xFF;  // end of image
  rest_[rest_.size() - 1] = 0xD9;
  if (plan.fps > 0) {
    interval_ = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / plan.fps));
  }
}

FrameServer::~FrameServer() = default;

Result<void> FrameServer::listen() {
  auto listener = listen_on(*plan_.listen);
  if (!listener) return tl::unexpected(listener.error());
  listener_ = std::move(*listener);
  accept_watcher_.start<&FrameServer::accept_ready>(*this, listener_.get(), EV_READ);
  next_at_ = mono_now() + interval_;
  if (plan_.fps > 0) timer_.start<&FrameServer::due>(*this, interval_);
  return {};
}

void FrameServer::accept_ready(int) {
  while (true) {
    auto accepted = accept_from(listener_);
    if (!accepted || !*accepted) break;
    pullers_.push_back(std::make_unique<Puller>(*this, std::move((*accepted)->fd)));
    pullers_.back()->asked = plan_.protocol == Protocol::Floor;
  }
  note_watched();
  if (plan_.fps == 0) publish_what_is_taken();
}

void FrameServer::due() {
  publish();
  reap();
  next_at_ += interval_;
  const MonoTime now = mono_now();
  if (next_at_ + kBehindMax < now) next_at_ = now + interval_;
  timer_.start<&FrameServer::due>(*this, std::max(Duration{}, next_at_ - now));
}

void FrameServer::publish() {
  ++number_;
  published_.frame(mono_now());
  const Stamp stamp = make_stamp({number_, wall_now().time_since_epoch().count()});
  head_.clear();
  if (plan_.protocol == Protocol::Floor) {
    cut_into_records(stamp);
  } else {
    // The line end before the next boundary (RFC 2046, section 5.1.1).
    const std::string part =
        fmt::format("{}--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                    number_ > 1 ? "\r\n" : "", plan_.frame_bytes);
    head_.assign(part.begin(), part.end());
    head_.insert(head_.end(), stamp.begin(), stamp.end());
  }
  for (const auto& puller : pullers_) {
    if (puller->asked && !puller->gone && puller->left() == 0) offer(*puller);
  }
}

/// As ottd's publishers do: records of the same size, so that viewers of both have the same work.
void FrameServer::cut_into_records(const Stamp& stamp) {
  for (std::size_t left = plan_.frame_bytes; left > 0;) {
    const std::size_t payload = std::min(left, kRtpBytesMax - kRtpBytesMin);
    left -= payload;
    const std::size_t at = head_.size();
    head_.resize(at + kFloorHeadBytes + payload, kFiller);
    store_be(head_.data() + at, static_cast<std::uint32_t>(kFloorHeadBytes - kFloorLengthBytes + payload));
    head_[at + kFloorLengthBytes] = left == 0 ? 1 : 0;
    std::copy(stamp.begin(), stamp.end(),
              head_.begin() + static_cast<std::ptrdiff_t>(at + kFloorLengthBytes + 1));
  }
}

/// One frame, if anybody has all of the last one: as long as that is so, the loop says so again.
void FrameServer::publish_what_is_taken() {
  const auto waits = [](const auto& puller) { return puller->asked && !puller->gone && puller->left() == 0; };
  if (std::any_of(pullers_.begin(), pullers_.end(), waits)) publish();
}

void FrameServer::offer(Puller& puller) {
  puller.head = head_;
  puller.rest_bytes = plan_.protocol == Protocol::Http ? rest_.size() : 0;
  puller.sent = 0;
  pump(puller);
}

void FrameServer::pump(Puller& puller) {
  while (puller.left() > 0) {
    std::array<iovec, 2> parts{};
    const std::size_t of_head = std::min(puller.sent, puller.head.size());
    parts[0] = {puller.head.data() + of_head, puller.head.size() - of_head};
    const std::size_t of_rest = puller.sent - of_head;
    parts[1] = {rest_.data() + of_rest, puller.rest_bytes - of_rest};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(puller.fd.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) puller.gone = true;
    if (sent <= 0) break;
    puller.sent += static_cast<std::size_t>(sent);
  }
  const bool wants_more = puller.left() > 0 || plan_.fps == 0;
  puller.watcher.want(wants_more && !puller.gone ? EV_READ | EV_WRITE : EV_READ);
}

void FrameServer::reap() {
  std::erase_if(pullers_, [](const auto& puller) { return puller->gone; });
  note_watched();
}

void FrameServer::note_watched() {
  const auto asked = [](const auto& puller) { return puller->asked && !puller->gone; };
  published_.watched(std::any_of(pullers_.begin(), pullers_.end(), asked), mono_now());
}

}  // namespace ott::load
