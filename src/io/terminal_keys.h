// The keys of the terminal that this process runs in. While it reads them the terminal sends each at once and
// shows none; it is as before when the process ends, and while it is suspended (Ctrl-Z). Where the process is
// in the background the terminal is left alone.
#pragma once

#include <termios.h>

#include "io/watcher.h"
#include "media/commands.h"
#include "media/keys.h"

namespace ott {

class TerminalKeys final : public CommandSource {
 public:
  explicit TerminalKeys(struct ev_loop* loop);
  ~TerminalKeys() override;
  TerminalKeys(const TerminalKeys&) = delete;
  TerminalKeys& operator=(const TerminalKeys&) = delete;

  /// True if standard input and output are terminals.
  static bool can_read();

  Result<void> begin(Commands& commands) override;

 private:
  void ready(int events);
  void signalled(int number);
  void take();
  void give_back();

  Commands* commands_ = nullptr;
  KeyReader reader_;
  termios before_{};
  bool taken_ = false;
  IoWatcher watcher_;
  SignalWatcher suspend_;
  SignalWatcher resume_;
};

}  // namespace ott
