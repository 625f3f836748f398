// Performs what a Machine decides: one libev loop on epoll, its sockets, timers and signals. Owns every
// connection; a connection that is to be closed is closed after the callback in which that was decided.
//
// A round of the loop reads what has arrived, some of each connection, has the machine do what is due,
// performs what it asks for, and sends, some to each connection that has something to be sent: in turn, so
// that none has to wait for another's backlog.
#pragma once

#include <ev.h>

#include <array>
#include <memory>
#include <vector>

#include "io/fd.h"
#include "io/socket.h"
#include "io/watcher.h"
#include "io/worker_pool.h"
#include "ott/link_map.h"
#include "ott/log.h"
#include "ott/machine.h"

namespace ott {

/// An event loop on the epoll backend; freed with its owner.
struct LoopDeleter {
  void operator()(struct ev_loop* loop) const { ev_loop_destroy(loop); }
};
using LoopPtr = std::unique_ptr<struct ev_loop, LoopDeleter>;
Result<LoopPtr> make_loop();

class Driver {
 public:
  Driver(struct ev_loop* loop, Log& log, WorkerPool& workers);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// Runs until the machine asks to exit. `reload`: SIGHUP is the machine's; without, it ends the process, as
  /// when a terminal closes.
  Requests::Exit run(Machine& machine, bool reload);
  [[nodiscard]] const LoopFigures& figures() const { return figures_; }

 private:
  struct Connection;
  struct Listener;

  void accept_ready(Listener& listener);
  void timer_ready();
  void accept_again();
  void signal_ready(int number);
  void work_done(int events);
  [[gnu::hot]] void connection_ready(Connection& connection, int events);
  void finish_connect(Connection& connection);
  [[gnu::hot]] void receive(Connection& connection);

  [[gnu::hot]] void perform();
  [[gnu::hot]] void end_round();
  void listen(const NodeId& id);
  void connect(const Requests::Connect& request);
  [[gnu::hot]] void pump(Connection& connection, Now time, std::size_t bytes_max);
  void close(LinkId link);
  void lose(Connection& connection, const std::string& why);
  [[nodiscard, gnu::hot]] Now now();

  struct ev_loop* loop_;
  Log& log_;
  WorkerPool& workers_;
  Machine* machine_ = nullptr;
  std::vector<std::unique_ptr<Listener>> listeners_;  // a node has one for each of its addresses
  IoWatcher work_watcher_;
  TimerWatcher timer_;
  TimerWatcher accept_pause_;
  MonoTime warn_of_accept_at_{};
  RoundWatcher round_;
  SignalWatcher interrupt_;
  SignalWatcher terminate_;
  SignalWatcher report_;
  SignalWatcher reload_;
  LinkMap<Connection> connections_;
  std::vector<std::unique_ptr<Connection>> dead_;
  std::vector<LinkId> to_send_;              // to be sent to at the end of this round
  std::vector<LinkId> sending_;              // to_send_ while it is worked on
  std::array<ByteSpan, kPiecesMax> pieces_;  // of one send
  MonoTime armed_for_ = MonoTime::max();
  MonoTime round_began_ = MonoTime::max();  // when the clock was first read after the last wait
  LoopFigures figures_;
  std::optional<Requests::Exit> exit_;
};

}  // namespace ott
