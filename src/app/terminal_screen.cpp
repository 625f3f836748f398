#include "app/terminal_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ott {
namespace {

/// Of what is no terminal: all there is to see.
constexpr ScreenSize kUnbounded{1'000, 10'000};
constexpr const char* kHome = "\x1b[H";
constexpr const char* kEndOfLine = "\x1b[K\r\n";
constexpr const char* kEndOfScreen = "\x1b[J";

}  // namespace

TerminalScreen::TerminalScreen() : is_terminal_(::isatty(STDOUT_FILENO) != 0) {}

ScreenSize TerminalScreen::size() const {
  if (!is_terminal_) return kUnbounded;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row < 2) return {};
  return {size.ws_col, size.ws_row - std::size_t{1}};  // the last line is the cursor's
}

Result<void> TerminalScreen::show(const std::vector<std::string>& lines) {
  std::string text = is_terminal_ ? kHome : "";
  for (const std::string& line : lines) text += line + (is_terminal_ ? kEndOfLine : "\n");
  text += is_terminal_ ? kEndOfScreen : "\n";
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return {};
  return fail(errno == EPIPE ? "" : std::string("cannot write to standard output: ") + std::strerror(errno));
}

}  // namespace ott
