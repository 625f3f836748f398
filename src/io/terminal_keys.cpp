#include "io/terminal_keys.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "io/clock.h"

namespace ott {

TerminalKeys::TerminalKeys(struct ev_loop* loop) : watcher_(loop), suspend_(loop), resume_(loop) {}

TerminalKeys::~TerminalKeys() { give_back(); }

bool TerminalKeys::can_read() { return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0; }

Result<void> TerminalKeys::begin(Commands& commands) {
  commands_ = &commands;
  suspend_.start<&TerminalKeys::signalled>(*this, SIGTSTP);
  resume_.start<&TerminalKeys::signalled>(*this, SIGCONT);
  take();
  return {};
}

/// Without effect in the background: a process there that changed its terminal would be stopped.
void TerminalKeys::take() {
  if (taken_ || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp() || ::tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios keys = before_;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 0;  // a read never waits
  keys.c_cc[VTIME] = 0;
  keys.c_cc[VQUIT] = _POSIX_VDISABLE;  // a process that ends by it would leave the terminal like this
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &keys) != 0) return;
  taken_ = true;
  watcher_.start<&TerminalKeys::ready>(*this, STDIN_FILENO, EV_READ);
}

void TerminalKeys::give_back() {
  if (!taken_) return;
  taken_ = false;
  watcher_.stop();
  (void)::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void TerminalKeys::signalled(int number) {
  if (number == SIGCONT) return take();
  give_back();
  (void)::raise(SIGSTOP);
}

void TerminalKeys::ready(int) {
  if (::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) {  // put into the background without a word
    taken_ = false;
    return watcher_.stop();
  }
  std::array<std::uint8_t, 64> bytes;
  const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (got <= 0) {  // the terminal is gone
    if (got == 0 || errno != EINTR) watcher_.stop();
    return;
  }
  for (ssize_t i = 0; i < got; ++i) {
    const std::string_view line = reader_.take(bytes.at(static_cast<std::size_t>(i)));
    if (!line.empty()) commands_->press(line, clock_now());
  }
}

}  // namespace ott
