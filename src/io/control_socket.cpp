#include "io/control_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/clock.h"
#include "io/socket.h"

namespace ott {
namespace {

constexpr int kBacklog = 16;
constexpr int kAcceptsPerTurn = 16;
/// How many lines of one connection are obeyed in a round.
constexpr unsigned kLinesPerRound = 16;

std::string what_failed(const std::string& path, const char* operation) {
  return fmt::format("--control {}: {}: {}", path, operation, std::strerror(errno));
}

Fd make_socket() { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

}  // namespace

class ControlSocket::Connection {
 public:
  Connection(ControlSocket& owner, Fd fd)
      : owner_(owner), fd_(std::move(fd)), watcher_(owner.loop_), timer_(owner.loop_) {
    watcher_.start<&Connection::ready>(*this, fd_.get(), EV_READ);
  }

  /// Says why, and closes: there are too many.
  void turn_away(std::string_view why) {
    out_ = fmt::format("{{\"ok\":false,\"error\":\"{}\"}}\n", why);
    (void)flush();
    close();
  }
  void close() {
    if (!fd_.valid()) return;
    watcher_.stop();
    timer_.stop();
    fd_ = Fd();
    owner_.close(*this);
  }

 private:
  void ready(int events) {
    if ((events & EV_READ) != 0) receive();
    if (fd_.valid()) go_on();
  }
  void again() { go_on(); }
  void stuck() {
    owner_.log_.info("control: a program does not read its answers, and is let go");
    close();
  }

  void receive() {
    std::array<std::uint8_t, kCommandBytesMax> bytes;
    const ssize_t got = receive_some(fd_, bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return close();
    if (got == 0) {
      ended_ = true;
      return;
    }
    in_.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(got));
  }

  /// Obeys the lines that are here, as long as their answers are taken.
  void go_on() {
    unsigned lines = 0;
    while (flush()) {
      const std::size_t end = in_.find('\n');
      if (end == std::string::npos) break;
      if (lines++ == kLinesPerRound) {
        watcher_.stop();
        return timer_.start<&Connection::again>(*this, Duration{});
      }
      const std::string line = in_.substr(0, end);
      in_.erase(0, end + 1);
      out_ = owner_.commands_->command(line, clock_now()).json + '\n';
    }
    if (!fd_.valid()) return;
    if (!out_.empty()) {
      watch(EV_WRITE);
      return timer_.start<&Connection::stuck>(*this, kStuckTime);
    }
    timer_.stop();
    if (in_.size() > kCommandBytesMax)
      return turn_away(fmt::format("a line of more than {} bytes", kCommandBytesMax));
    if (ended_) return close();
    watch(EV_READ);
  }

  void watch(int events) {
    if (watcher_.active()) return watcher_.want(events);
    watcher_.start<&Connection::ready>(*this, fd_.get(), events);
  }

  /// True once nothing waits to be sent. Closed on an error.
  bool flush() {
    while (fd_.valid() && !out_.empty()) {
      const ssize_t sent = send_some(fd_, {reinterpret_cast<const std::uint8_t*>(out_.data()), out_.size()});
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return false;
      if (sent < 0) {
        close();
        return false;
      }
      out_.erase(0, static_cast<std::size_t>(sent));
    }
    return fd_.valid();
  }

  ControlSocket& owner_;
  Fd fd_;
  IoWatcher watcher_;
  TimerWatcher timer_;
  std::string in_;   // what no line end has come of
  std::string out_;  // one answer
  bool ended_ = false;
};

ControlSocket::ControlSocket(std::string path, struct ev_loop* loop, Log& log)
    : path_(std::move(path)), loop_(loop), log_(log), watcher_(loop), reaper_(loop) {}

ControlSocket::~ControlSocket() {
  while (!connections_.empty()) connections_.front()->close();
  struct stat there {};
  const bool ours = listener_.valid() && ::lstat(path_.c_str(), &there) == 0 &&
                    there.st_ino == made_.st_ino && there.st_dev == made_.st_dev;
  if (ours) ::unlink(path_.c_str());
}

/// A socket that nobody listens at is what a process has left that could not end in good order.
Result<void> ControlSocket::make_room() const {
  struct stat there {};
  if (::lstat(path_.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return fail(what_failed(path_, "cannot look at it"));
  }
  if (!S_ISSOCK(there.st_mode))
    return fail(fmt::format("--control {}: a file that is no socket is there", path_));
  const Fd probe = make_socket();
  const sockaddr_un address = address_of(path_);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN)
    return fail(fmt::format("--control {}: another process listens there", path_));
  if (errno != ECONNREFUSED) return fail(what_failed(path_, "a socket is there, and it cannot be asked"));
  if (::unlink(path_.c_str()) != 0) return fail(what_failed(path_, "cannot remove the old socket"));
  return {};
}

Result<void> ControlSocket::begin(Commands& commands) {
  commands_ = &commands;
  if (path_.size() >= sizeof(sockaddr_un::sun_path))
    return fail(fmt::format("--control {}: a socket's path has {} bytes at most", path_,
                            sizeof(sockaddr_un::sun_path) - 1));
  if (auto free = make_room(); !free) return free;
  Fd listener = make_socket();
  if (!listener.valid()) return fail(what_failed(path_, "cannot make a socket"));
  const sockaddr_un address = address_of(path_);
  (void)::fchmod(listener.get(), S_IRUSR | S_IWUSR);  // the file's mode, from its first moment
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(what_failed(path_, "cannot make the socket there"));
  if (::lstat(path_.c_str(), &made_) != 0 || ::listen(listener.get(), kBacklog) != 0)
    return fail(what_failed(path_, "cannot listen"));
  listener_ = std::move(listener);
  watcher_.start<&ControlSocket::accept_ready>(*this, listener_.get(), EV_READ);
  return {};
}

void ControlSocket::accept_ready(int) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) return;
    connections_.push_back(std::make_unique<Connection>(*this, std::move(fd)));
    if (connections_.size() > kConnectionsMax)
      connections_.back()->turn_away(fmt::format("there are {} connections already", kConnectionsMax));
  }
}

void ControlSocket::close(Connection& connection) {
  const auto at = std::ranges::find(connections_, &connection, &std::unique_ptr<Connection>::get);
  dead_.splice(dead_.end(), connections_, at);
  reaper_.start<&ControlSocket::reap>(*this, Duration{});
}

/// Not while one of them is at work.
void ControlSocket::reap() { dead_.clear(); }

}  // namespace ott
