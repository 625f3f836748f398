#include "viewer.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/socket.h"

namespace ott::load {
namespace {

constexpr std::size_t kDiscardBytesMax = 4U << 20U;
constexpr std::size_t kSeenBytesMax = 64U << 10U;
constexpr int kReadsPerTurn = 64;
/// A slow viewer reads in small steps, and may save up a few of them.
constexpr Duration kRefillInterval = std::chrono::milliseconds(10);
constexpr double kAllowanceMaxS = 0.05;

/// All viewers read here, one at a time.
std::array<std::uint8_t, kSeenBytesMax>& scratch() {
  static std::array<std::uint8_t, kSeenBytesMax> bytes;
  return bytes;
}

}  // namespace

MonoTime mono_now() { return MonoTime(std::chrono::steady_clock::now().time_since_epoch()); }
WallTime wall_now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

void Viewer::connect(const NodeId& to, const std::optional<IpAddress>& from,
                     std::unique_ptr<Session> session) {
  session_ = std::move(session);
  tally_.restart();
  pending_.clear();
  discard_ = 0;
  ends_.reset();
  auto fd = connect_to(to, from ? std::span(&*from, 1) : std::span<const IpAddress>{});
  if (!fd) return end(fd.error().message);
  fd_ = std::move(*fd);
  if (receive_buffer_bytes_ > 0) {
    const int bytes = static_cast<int>(std::min<std::size_t>(receive_buffer_bytes_, 1U << 30U));
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  connecting_ = true;
  watcher_.start<&Viewer::ready>(*this, fd_.get(), EV_WRITE);
}

void Viewer::disconnect() {
  if (connected_) {
    session_->leave();
    flush();
  }
  watcher_.stop();
  fd_ = Fd();
  connected_ = connecting_ = false;
}

void Viewer::end(const std::string& why) {
  watcher_.stop();
  if (rate_timer_) rate_timer_->stop();
  fd_ = Fd();
  connected_ = connecting_ = false;
  events_.ended(why);
}

void Viewer::beat() {
  if (!connected_) return;
  session_->beat();
  flush();
}

int Viewer::wanted_events() const {
  const bool reads = !paused_ && (rate_ == 0 || allowance_ >= 1);
  return (reads ? EV_READ : 0) | (blocked_ ? EV_WRITE : 0);
}

void Viewer::set_rate(double bytes_per_second) {
  rate_ = bytes_per_second;
  refilled_at_ = mono_now();
  rate_timer_ = std::make_unique<TimerWatcher>(loop_);
  rate_timer_->start<&Viewer::refill>(*this, kRefillInterval);
}

void Viewer::refill() {
  const MonoTime now = mono_now();
  allowance_ += rate_ * std::chrono::duration<double>(now - refilled_at_).count();
  allowance_ = std::min(allowance_, rate_ * kAllowanceMaxS);
  refilled_at_ = now;
  rate_timer_->start<&Viewer::refill>(*this, kRefillInterval);
  if (connected_) watcher_.want(wanted_events());
}

void Viewer::pause() {
  paused_ = true;
  if (connected_) watcher_.want(wanted_events());
}

void Viewer::resume() {
  paused_ = false;
  if (connected_) watcher_.want(wanted_events());
}

void Viewer::ready(int events) {
  if (connecting_) return finish_connect();
  if ((events & EV_WRITE) != 0) flush();
  if ((events & EV_READ) != 0 && connected_) receive();
}

void Viewer::finish_connect() {
  if (const auto result = connect_result(fd_); !result) return end(result.error().message);
  connecting_ = false;
  connected_ = true;
  session_->opened(local_end(fd_));
  watcher_.want(wanted_events());
  flush();
}

void Viewer::flush() {
  std::vector<std::uint8_t>& out = session_->out;
  blocked_ = false;
  if (!out.empty()) {
    const ssize_t sent = ::send(fd_.get(), out.data(), out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return end(std::strerror(errno));
    if (sent > 0) out.erase(out.begin(), out.begin() + sent);
    blocked_ = !out.empty();
  }
  watcher_.want(wanted_events());
}

std::size_t Viewer::limited(std::size_t bytes) const {
  return rate_ == 0 ? bytes : std::min(bytes, static_cast<std::size_t>(allowance_));
}

/// Reads one frame at a time: when more has come, the loop calls again.
void Viewer::receive() {
  frame_came_ = false;
  for (int i = 0; i < kReadsPerTurn && connected_ && !frame_came_; ++i) {
    if (!receive_once()) break;
  }
  if (connected_ && !session_->out.empty()) flush();
  if (connected_ && rate_ != 0) watcher_.want(wanted_events());
}

/// False when there is nothing more to read now.
bool Viewer::receive_once() {
  std::array<std::uint8_t, kSeenBytesMax>& bytes = scratch();
  const bool discards = discard_ > 0;
  std::copy(pending_.begin(), pending_.end(), bytes.begin());
  const std::size_t wanted = discards ? std::min(discard_, kDiscardBytesMax)
                                      : std::min(session_->want(pending_), bytes.size() - pending_.size());
  const std::size_t asked = limited(wanted);
  if (asked == 0) return false;
  // tcp(7): with MSG_TRUNC bytes are discarded, not stored.
  const ssize_t result = discards ? ::recv(fd_.get(), nullptr, asked, MSG_TRUNC)
                                  : ::recv(fd_.get(), bytes.data() + pending_.size(), asked, 0);
  if (result == 0) return end("the other end closed the connection"), false;
  if (result < 0) {
    if (errno != EAGAIN && errno != EINTR) end(std::strerror(errno));
    return false;
  }
  const auto got = static_cast<std::size_t>(result);
  tally_.bytes(got);
  if (rate_ != 0) allowance_ -= static_cast<double>(got);
  if (discards) {
    discard_ -= got;
    if (discard_ == 0) frame_is_whole();
  } else {
    const std::size_t all = pending_.size() + got;
    pending_.clear();
    if (const auto parsed = parse(ByteSpan(bytes).first(all)); !parsed)
      return end(parsed.error().message), false;
  }
  return got == asked;
}

Result<void> Viewer::parse(ByteSpan bytes) {
  while (!bytes.empty()) {
    const auto step = session_->take(bytes);
    if (!step) return tl::unexpected(step.error());
    if (step->used == 0 && step->discard == 0) break;
    bytes = bytes.subspan(step->used);
    ends_ = step->ends;
    discard_ = step->discard;
    const std::size_t here = std::min(discard_, bytes.size());
    bytes = bytes.subspan(here);
    discard_ -= here;
    if (discard_ > 0) return {};
    frame_is_whole();
  }
  pending_.assign(bytes.begin(), bytes.end());
  return {};
}

void Viewer::frame_is_whole() {
  if (!ends_) return;
  const bool first = !tally_.seen_any();
  tally_.frame(ends_->number, ends_->source_time_ns, wall_now());
  ends_.reset();
  frame_came_ = true;
  if (first) events_.playing();
}

}  // namespace ott::load
