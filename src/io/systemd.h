// What systemd is told of this process: the datagrams of sd_notify(3), and the feeding of its watchdog
// (sd_watchdog_enabled(3)). The watchdog is fed by the loop itself, twice in its time, so that it notices a
// loop that hangs. Nothing waits: what the socket does not take now is sent a little later, in order.
#pragma once

#include <sys/un.h>

#include <deque>
#include <memory>
#include <string>

#include "io/fd.h"
#include "io/watcher.h"
#include "ott/log.h"
#include "ott/result.h"
#include "ott/supervisor.h"

namespace ott {

/// What the environment says of systemd. Taking it removes it, so that no child speaks for this process.
struct SystemdEnvironment {
  std::string socket;   // NOTIFY_SOCKET: a path, or an abstract name behind '@'; empty: nobody is to be told
  Duration watchdog{};  // WATCHDOG_USEC; 0: none watches this process

  static SystemdEnvironment take();
};

class Systemd final : public Supervisor {
 public:
  /// The error says why the socket cannot be used. REQUIRES: environment.socket.
  static Result<std::unique_ptr<Systemd>> open(const SystemdEnvironment& environment, struct ev_loop* loop,
                                               Log& log);

  void ready() override { tell("READY=1"); }
  void reloading(Now now) override;
  void stopping() override { tell("STOPPING=1"); }
  /// Once for each text.
  void status(const std::string& text) override;

 private:
  /// Messages that wait. The oldest goes where there are more.
  static constexpr std::size_t kWaitingMax = 64;

  Systemd(std::string socket, Fd fd, sockaddr_un to, socklen_t to_length, Duration watchdog,
          struct ev_loop* loop, Log& log);
  void tell(std::string message);
  void flush();
  void feed_watchdog();

  std::string socket_;
  Fd fd_;
  sockaddr_un to_;
  socklen_t to_length_;
  Duration feed_interval_;
  Log& log_;
  std::deque<std::string> waiting_;
  std::string status_;
  bool failed_ = false;  // the last message, and that was said
  TimerWatcher retry_timer_;
  TimerWatcher watchdog_timer_;
};

}  // namespace ott
