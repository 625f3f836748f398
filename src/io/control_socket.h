// --control PATH: a Unix socket at which programs of this user command the process: a line each, answered by
// a JSON object in a line, in order. Bounded in connections, in the length of a line, and in what waits for
// whoever does not read: a connection is read no further while its last answer waits.
//
// The socket belongs to this user alone (mode 0600), and goes when the process ends. One that nobody listens
// at is replaced; one that somebody does, or another kind of file, is an error.
#pragma once

#include <sys/stat.h>

#include <list>
#include <memory>
#include <string>

#include "io/fd.h"
#include "io/watcher.h"
#include "media/commands.h"
#include "ott/log.h"

namespace ott {

class ControlSocket final : public CommandSource {
 public:
  static constexpr std::size_t kConnectionsMax = 16;
  static constexpr Duration kStuckTime = std::chrono::seconds(10);  // for an answer to be read

  ControlSocket(std::string path, struct ev_loop* loop, Log& log);
  ~ControlSocket() override;
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  Result<void> begin(Commands& commands) override;

 private:
  class Connection;

  Result<void> make_room() const;
  void accept_ready(int events);
  void close(Connection& connection);
  void reap();

  std::string path_;
  struct ev_loop* loop_;
  Log& log_;
  Commands* commands_ = nullptr;
  Fd listener_;
  struct stat made_ {};  // our socket's file
  IoWatcher watcher_;
  TimerWatcher reaper_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::list<std::unique_ptr<Connection>> dead_;
};

}  // namespace ott
