#include "io/driver.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "io/clock.h"
#include "io/flight.h"
#include "io/socket.h"

namespace ott {
namespace {

/// How much of a connection is read in one round: little enough to be in the cache still when it is sent.
constexpr std::size_t kReadBytesPerRound = 256U << 10U;
/// How much is sent to one connection in a round: a child that gets a long history must not delay the others.
constexpr std::size_t kSendBytesPerRound = 256U << 10U;
constexpr int kAcceptsPerTurn = 64;
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
/// How often it is said that connections cannot be accepted.
constexpr Duration kAcceptWarnings = std::chrono::seconds(10);

}  // namespace

Result<LoopPtr> make_loop() {
  LoopPtr loop(ev_loop_new(unsigned{EVBACKEND_EPOLL} | unsigned{EVFLAG_NOENV}));
  if (!loop) return fail("no event loop: the kernel offers no epoll");
  return loop;
}

struct alignas(64) Driver::Connection {
  Connection(Driver& owner, LinkId id, Fd socket, bool is_connecting)
      : link(id), fd(std::move(socket)), connecting(is_connecting), driver(owner), watcher(owner.loop_) {}
  void ready(int events) { driver.connection_ready(*this, events); }
  void watch(int events) { watcher.start<&Connection::ready>(*this, fd.get(), events); }

  // What each send touches comes first.
  LinkId link;
  Fd fd;
  bool connecting;
  bool blocked = false;
  bool dead = false;
  bool measured = false;
  Driver& driver;
  IoWatcher watcher;
};

struct Driver::Listener {
  Listener(Driver& owner, Fd socket) : driver(owner), fd(std::move(socket)), watcher(owner.loop_) {}
  void ready(int) { driver.accept_ready(*this); }
  void watch() { watcher.start<&Listener::ready>(*this, fd.get(), EV_READ); }

  Driver& driver;
  Fd fd;
  IoWatcher watcher;
};

Driver::Driver(struct ev_loop* loop, Log& log, WorkerPool& workers)
    : loop_(loop),
      log_(log),
      workers_(workers),
      work_watcher_(loop),
      timer_(loop),
      accept_pause_(loop),
      round_(loop),
      interrupt_(loop),
      terminate_(loop),
      report_(loop),
      reload_(loop) {}

Driver::~Driver() = default;

Now Driver::now() {
  const Now time = clock_now();
  round_began_ = std::min(round_began_, time.mono);
  return time;
}

Requests::Exit Driver::run(Machine& machine, bool reload) {
  machine_ = &machine;
  std::signal(SIGPIPE, SIG_IGN);
  interrupt_.start<&Driver::signal_ready>(*this, SIGINT);
  terminate_.start<&Driver::signal_ready>(*this, SIGTERM);
  report_.start<&Driver::signal_ready>(*this, SIGUSR1);
  if (reload) reload_.start<&Driver::signal_ready>(*this, SIGHUP);
  work_watcher_.start<&Driver::work_done>(*this, workers_.ready_fd(), EV_READ);
  round_.start<&Driver::end_round>(*this);
  machine.begin(now());
  round_began_ = MonoTime::max();  // before the first wait nobody is kept waiting
  ev_run(loop_, 0);
  return exit_.value_or(Requests::Exit{1, "the event loop ended by itself"});
}

// ---- what happens ----------------------------------------------------------------------------------------

void Driver::signal_ready(int number) {
  const Signal signal = number == SIGUSR1  ? Signal::Report
                        : number == SIGHUP ? Signal::Reload
                                           : Signal::Terminate;
  machine_->signal(signal, now());
}

void Driver::timer_ready() { armed_for_ = MonoTime::max(); }

void Driver::work_done(int) {
  workers_.acknowledge();
  machine_->worked(now());
}

void Driver::accept_ready(Listener& listener) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    auto accepted = accept_from(listener.fd);
    if (!accepted) {
      const MonoTime time = now().mono;
      if (time >= warn_of_accept_at_) {
        log_.warning(accepted.error().message + "; waiting for others to go");
        warn_of_accept_at_ = time + kAcceptWarnings;
      }
      for (const auto& each : listeners_) each->watcher.stop();
      accept_pause_.start<&Driver::accept_again>(*this, kAcceptPause);
      break;
    }
    if (!*accepted) break;
    const LinkId link = machine_->accepted((*accepted)->remote, now());
    auto connection = std::make_unique<Connection>(*this, link, std::move((*accepted)->fd), false);
    connection->watch(EV_READ);
    connections_.insert(link, std::move(connection));
  }
}

void Driver::accept_again() {
  for (const auto& listener : listeners_) listener->watch();
}

void Driver::connection_ready(Connection& connection, int events) {
  if (connection.connecting) return finish_connect(connection);
  if ((events & EV_READ) != 0) receive(connection);
  if ((events & EV_WRITE) != 0 && !connection.dead) {
    connection.blocked = false;
    connection.watcher.want(EV_READ);
    machine_->set_blocked(connection.link, false, now());
    to_send_.push_back(connection.link);
  }
}

void Driver::finish_connect(Connection& connection) {
  if (const auto result = connect_result(connection.fd); !result)
    return lose(connection, result.error().message);
  connection.connecting = false;
  connection.watcher.want(EV_READ);
  machine_->opened(connection.link, local_end(connection.fd), now());
}

void Driver::receive(Connection& connection) {
  std::size_t bytes_read = 0;
  while (bytes_read < kReadBytesPerRound && !connection.dead) {
    const MutableByteSpan into = machine_->recv_slice(connection.link);
    if (into.empty()) return;
    const ssize_t got = receive_some(connection.fd, into);
    if (got == 0) return lose(connection, "the other end closed the connection");
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) lose(connection, std::strerror(errno));
      return;
    }
    bytes_read += static_cast<std::size_t>(got);
    machine_->recv_advance(connection.link, static_cast<std::size_t>(got), now());
    if (static_cast<std::size_t>(got) < into.size()) return;
  }
}

// ---- what is asked for -----------------------------------------------------------------------------------

/// Does what is due, when all that has arrived is read. Then each link that has something to send is sent to,
/// once; what it has left waits for the next round.
void Driver::end_round() {
  const Now time = now();
  machine_->tick(time);
  perform();
  Requests& requests = machine_->requests();
  to_send_.insert(to_send_.end(), requests.send.begin(), requests.send.end());
  requests.send.clear();
  for (const LinkId link : requests.measure) {
    if (Connection* connection = connections_.find(link)) connection->measured = true;
  }
  requests.measure.clear();
  for (const LinkId link : std::exchange(requests.sample, {})) {
    if (const Connection* connection = connections_.find(link))
      machine_->set_flight(link, flight_of(connection->fd), now());
  }
  sending_.swap(to_send_);
  for (const LinkId link : sending_) {
    Connection* connection = connections_.find(link);
    if (connection != nullptr && !connection->connecting) pump(*connection, time, kSendBytesPerRound);
  }
  sending_.clear();
  perform();  // what follows from connections that were lost
  dead_.clear();
  if (requests.exit) {
    exit_ = std::exchange(requests.exit, std::nullopt);
    ev_break(loop_, EVBREAK_ALL);
  }
  round_.hurry(!to_send_.empty() || !requests.send.empty());
  const MonoTime deadline = machine_->next_deadline();
  const MonoTime end(read_clock(CLOCK_MONOTONIC));
  const Duration pause = end - std::exchange(round_began_, MonoTime::max());
  figures_.pause_max = std::max(figures_.pause_max, pause);
  figures_.pauses.add(pause);
  if (deadline == armed_for_) return;
  armed_for_ = deadline;
  timer_.start<&Driver::timer_ready>(*this, std::max(deadline - end, Duration{}));
}

void Driver::perform() {
  Requests& requests = machine_->requests();
  while (!requests.listen.empty() || !requests.connect.empty() || !requests.close.empty()) {
    for (const NodeId& id : std::exchange(requests.listen, {})) listen(id);
    for (const Requests::Connect& request : std::exchange(requests.connect, {})) connect(request);
    for (const LinkId link : std::exchange(requests.close, {})) close(link);
  }
}

void Driver::listen(const NodeId& id) {
  auto listener = listen_on(id);
  if (!listener) return machine_->listening(id, listener.error(), now());
  listeners_.push_back(std::make_unique<Listener>(*this, std::move(*listener)));
  listeners_.back()->watch();
  machine_->listening(id, std::nullopt, now());
}

void Driver::connect(const Requests::Connect& request) {
  auto socket = connect_to(request.to, request.from);
  if (!socket) return machine_->closed(request.link, socket.error().message, now());
  auto connection = std::make_unique<Connection>(*this, request.link, std::move(*socket), true);
  connection->watch(EV_WRITE);
  connections_.insert(request.link, std::move(connection));
}

/// Sends until nothing is left, the kernel takes no more, or `bytes_max` is reached.
void Driver::pump(Connection& connection, Now time, std::size_t bytes_max) {
  if (connection.measured) machine_->set_flight(connection.link, flight_of(connection.fd), time);
  while (!connection.blocked && !connection.dead) {
    const std::size_t count = machine_->send_slices(connection.link, time, pieces_);
    if (count == 0) return;
    if (bytes_max == 0) return to_send_.push_back(connection.link);
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < count; ++i) {
      pieces_[i] = pieces_[i].first(std::min(pieces_[i].size(), bytes_max - wanted));
      wanted += pieces_[i].size();
    }
    const ssize_t sent = count == 1 ? send_some(connection.fd, pieces_[0])
                                    : send_gathered(connection.fd, std::span(pieces_).first(count));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return lose(connection, std::strerror(errno));
    if (sent > 0) {
      const bool more = machine_->send_advance(connection.link, static_cast<std::size_t>(sent), time);
      if (!more) return;
      bytes_max -= static_cast<std::size_t>(sent);
    }
    if (sent == static_cast<ssize_t>(wanted)) continue;
    connection.blocked = true;
    machine_->set_blocked(connection.link, true, time);
    connection.watcher.want(EV_READ | EV_WRITE);
  }
}

void Driver::close(LinkId link) {
  Connection* connection = connections_.find(link);
  if (connection == nullptr) return machine_->closed(link, "", now());
  if (!connection->connecting) {
    pump(*connection, now(), kSendBytesPerRound);
    if (connection->dead) return;
    // Closing with unread bytes would make the kernel reset the connection, and the peer lose what was sent
    // last.
    ::shutdown(connection->fd.get(), SHUT_WR);
    std::array<std::uint8_t, 4096> unread;
    while (::recv(connection->fd.get(), unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
    }
  }
  lose(*connection, "");
}

void Driver::lose(Connection& connection, const std::string& why) {
  if (connection.dead) return;
  connection.dead = true;
  connection.watcher.stop();
  dead_.push_back(connections_.take(connection.link));
  machine_->closed(connection.link, why, now());
}

}  // namespace ott
