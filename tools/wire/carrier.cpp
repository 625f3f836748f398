#include "carrier.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

namespace ott::wire {
namespace {

constexpr Duration kLate = std::chrono::microseconds(200);
constexpr std::size_t kSpareMax = 4096;
constexpr std::size_t kClientsMax = 16;
constexpr std::size_t kRequestBytesMax = 1024;

MonoTime mono_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return MonoTime(std::chrono::seconds(now.tv_sec) + Duration(now.tv_nsec));
}

void watch(const Fd& poll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  (void)::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

Carrier::Carrier(std::array<Port, 2> ports, const std::array<Impairment, 2>& from, std::uint64_t seed)
    : ports_(std::move(ports)),
      directions_{Direction{.from = 0, .line = {from[0], seed}},
                  Direction{.from = 1, .line = {from[1], ~seed}}},
      poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  signals_ = Fd(::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
  watch(poll_, signals_.get());
  for (const Port& port : ports_) watch(poll_, port.fd());
}

Result<void> Carrier::listen(const std::string& path) {
  const auto failed = [&](const char* what) {
    return fail(fmt::format("--control {}: {}: {}", path, what, std::strerror(errno)));
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(fmt::format("--control {}: the path is too long", path));
  path.copy(address.sun_path, path.size());
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  const Fd probe(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), where, sizeof address) == 0) {
    return fail(fmt::format("--control {}: another process answers there", path));
  }
  if (errno == ECONNREFUSED) ::unlink(path.c_str());
  listener_ = Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(listener_.get(), where, sizeof address) != 0) return failed("cannot bind a socket");
  if (::listen(listener_.get(), static_cast<int>(kClientsMax)) != 0) return failed("cannot listen");
  watch(poll_, listener_.get());
  return {};
}

Result<void> Carrier::run() {
  for (bool more = false; wait(more);) {
    more = false;
    for (Direction& direction : directions_) {
      auto read_all = read(direction);
      if (!read_all) return tl::unexpected(read_all.error());
      more |= *read_all;
      more |= deliver(direction);
    }
  }
  return {};
}

/// Until something comes or is due. Returns false when it is time to stop.
bool Carrier::wait(bool at_once) {
  timespec patience{};
  timespec* until = &patience;
  if (!at_once) {
    std::optional<MonoTime> next;
    for (const Direction& direction : directions_) {
      const auto due = direction.line.next_due();
      if (due && (!next || *due < *next)) next = due;
    }
    const Duration left = next ? std::max(Duration{}, *next - mono_now()) : Duration{};
    patience.tv_sec = static_cast<time_t>(left / std::chrono::seconds(1));
    patience.tv_nsec = static_cast<long>((left % std::chrono::seconds(1)).count());
    if (!next) until = nullptr;
  }
  std::array<epoll_event, 8> events;
  const int count =
      ::epoll_pwait2(poll_.get(), events.data(), static_cast<int>(events.size()), until, nullptr);
  for (int i = 0; i < count; ++i) {
    const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
    if (fd == signals_.get()) return false;
    if (fd == listener_.get()) accept();
    for (Fd& client : clients_) {
      if (client.get() == fd) answer(client);
    }
  }
  std::erase_if(clients_, [](const Fd& client) { return !client.valid(); });
  return true;
}

/// Returns whether there may be more to read.
Result<bool> Carrier::read(Direction& direction) {
  arrivals_.clear();
  auto more = ports_.at(direction.from).read(arrivals_, spare_);
  for (Arrival& arrival : arrivals_) {
    const std::size_t bytes = arrival.frame.size() - kNoteBytes;
    auto unused = direction.line.push(std::move(arrival.frame), bytes, arrival.arrived);
    if (unused && spare_.size() < kSpareMax) spare_.push_back(std::move(*unused));
  }
  return more;
}

/// Returns whether more was due than is sent at once.
bool Carrier::deliver(Direction& direction) {
  leaving_.clear();
  const MonoTime now = mono_now();
  while (leaving_.size() < kBatch) {
    auto next = direction.line.pop(now);
    if (!next) break;
    leaving_.push_back(std::move(next->frame));
    direction.late += now - next->due > kLate ? 1 : 0;
    direction.late_max = std::max(direction.late_max, now - next->due);
  }
  if (leaving_.empty()) return false;
  ports_.at(1 - direction.from).send(leaving_);
  for (Frame& frame : leaving_) {
    if (spare_.size() < kSpareMax) spare_.push_back(std::move(frame));
  }
  return leaving_.size() == kBatch;
}

void Carrier::accept() {
  Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client.valid() || clients_.size() == kClientsMax) return;
  watch(poll_, client.get());
  clients_.push_back(std::move(client));
}

void Carrier::answer(Fd& client) {
  std::array<char, kRequestBytesMax> request;
  const ssize_t size = ::recv(client.get(), request.data(), request.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) {
    const std::string text = answer_to({request.data(), static_cast<std::size_t>(size)});
    if (::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0) return;
  }
  client = Fd();
}

std::string Carrier::answer_to(std::string_view request) {
  if (request == "counters") return counters();
  for (std::size_t i = 0; i < directions_.size(); ++i) {
    const std::string_view name = i == 0 ? "from-a" : "from-b";
    if (!request.starts_with(name) || (request.size() > name.size() && request[name.size()] != ' ')) continue;
    const auto impairment = parse_impairment(request.substr(name.size()));
    if (!impairment) return "error " + impairment.error().message;
    directions_.at(i).line.change(*impairment);
    return "ok";
  }
  return "error there are: from-a WORDS, from-b WORDS, counters";
}

std::string Carrier::counters() {
  const auto one = [this](const Direction& direction) {
    const LineCounters& line = direction.line.counters();
    const PortCounters& from = ports_.at(direction.from).counters();
    const PortCounters& to = ports_.at(1 - direction.from).counters();
    return fmt::format(
        R"({{"frames_in": {}, "bytes_in": {}, "frames_out": {}, "bytes_out": {}, "lost": {}, "duplicated": {}, )"
        R"("reordered": {}, "overflowed": {}, "waiting": {}, "unread": {}, "too_large": {}, "refused": {}, )"
        R"("late": {}, "late_ms_max": {:.3f}}})",
        line.frames_in, line.bytes_in, line.frames_out, line.bytes_out, line.lost, line.duplicated,
        line.reordered, line.overflowed, direction.line.size(), from.unread, from.too_large, to.refused,
        direction.late, std::chrono::duration<double, std::milli>(direction.late_max).count());
  };
  return fmt::format(R"({{"a": {}, "b": {}}})", one(directions_[0]), one(directions_[1]));
}

}  // namespace ott::wire
