#include "media/keys.h"

namespace ott {
namespace {

constexpr std::uint8_t kEscape = 0x1B;

std::string_view of_letter(std::uint8_t byte) {
  switch (byte) {
    case ' ':
      return "toggle";
    case 'n':
    case 'N':
      return "next";
    case 'p':
    case 'P':
      return "previous";
    case 'q':
    case 'Q':
      return "quit";
    case '?':
    case 'h':
      return "help";
    default:
      return {};
  }
}

}  // namespace

/// A cursor key is CSI C, or SS3 C where the terminal is in application mode, with parameters before the
/// letter where a modifier is held (ECMA-48, section 5.4).
std::string_view KeyReader::take(std::uint8_t byte) {
  if (byte == kEscape) {
    state_ = State::Escape;
    return {};
  }
  switch (state_) {
    case State::Plain:
      return of_letter(byte);
    case State::Escape:
      state_ = byte == '[' || byte == 'O' ? State::Sequence : State::Plain;
      return {};
    case State::Sequence:
      if (byte < 0x40 || byte > 0x7E) return {};
      state_ = State::Plain;
      return byte == 'C' ? "seek +10s" : byte == 'D' ? "seek -10s" : std::string_view{};
  }
  return {};
}

}  // namespace ott
