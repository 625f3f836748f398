#include "io/systemd.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "media/text.h"

namespace ott {
namespace {

constexpr Duration kRetryInterval = std::chrono::milliseconds(100);
constexpr Duration kFeedIntervalMin = std::chrono::milliseconds(1);

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

SystemdEnvironment SystemdEnvironment::take() {
  SystemdEnvironment environment{variable("NOTIFY_SOCKET")};
  const auto time = parse_number<std::uint64_t>(variable("WATCHDOG_USEC"));
  const std::string pid = variable("WATCHDOG_PID");
  const bool is_meant = pid.empty() || pid == std::to_string(::getpid());
  constexpr std::uint64_t kUsecMax = std::uint64_t{1} << 50U;  // a Duration holds it
  if (time && is_meant) environment.watchdog = std::chrono::microseconds(std::min(*time, kUsecMax));
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  return environment;
}

Result<std::unique_ptr<Systemd>> Systemd::open(const SystemdEnvironment& environment, struct ev_loop* loop,
                                               Log& log) {
  const std::string& name = environment.socket;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if ((name.front() != '/' && name.front() != '@') || name.size() < 2)
    return fail(fmt::format("NOTIFY_SOCKET={}: this is neither a path nor an abstract name", name));
  if (name.size() >= sizeof to.sun_path) return fail(fmt::format("NOTIFY_SOCKET={}: this is too long", name));
  name.copy(to.sun_path, name.size());
  if (name.front() == '@') to.sun_path[0] = '\0';
  // An abstract name ends with the address, a path with a zero byte.
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name.front() == '/' ? 1 : 0));
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return fail(fmt::format("NOTIFY_SOCKET={}: socket: {}", name, std::strerror(errno)));
  return std::unique_ptr<Systemd>(
      new Systemd(name, std::move(fd), to, length, environment.watchdog, loop, log));
}

Systemd::Systemd(std::string socket, Fd fd, sockaddr_un to, socklen_t to_length, Duration watchdog,
                 struct ev_loop* loop, Log& log)
    : socket_(std::move(socket)),
      fd_(std::move(fd)),
      to_(to),
      to_length_(to_length),
      feed_interval_(std::max(watchdog / 2, kFeedIntervalMin)),
      log_(log),
      retry_timer_(loop),
      watchdog_timer_(loop) {
  if (watchdog > Duration{}) feed_watchdog();
}

void Systemd::reloading(Now now) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now.mono.time_since_epoch());
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", since.count()));
}

void Systemd::status(const std::string& text) {
  if (text == status_) return;
  status_ = text;
  std::string line = to_utf8(text);
  std::ranges::replace(line, '\n', ' ');
  tell("STATUS=" + line);
}

void Systemd::feed_watchdog() {
  if (waiting_.empty()) tell("WATCHDOG=1");  // what waits shows that the loop runs when it is sent
  watchdog_timer_.start<&Systemd::feed_watchdog>(*this, feed_interval_);
}

void Systemd::tell(std::string message) {
  if (waiting_.size() == kWaitingMax) waiting_.pop_front();
  waiting_.push_back(std::move(message));
  flush();
}

void Systemd::flush() {
  while (!waiting_.empty()) {
    const std::string& message = waiting_.front();
    const ssize_t sent = ::sendto(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&to_), to_length_);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
      return retry_timer_.start<&Systemd::flush>(*this, kRetryInterval);
    const bool failed = sent < 0;
    if (failed && !failed_)
      log_.warning(
          fmt::format("cannot tell systemd at {} how this process is: {}", socket_, std::strerror(errno)));
    failed_ = failed;
    waiting_.pop_front();
  }
}

}  // namespace ott
