// The commands of a running process, each a line of words:
//
//     pause | resume | toggle             toggle: whichever of the two changes something
//     next | previous | watch NAME        other streams, in the order of their list
//     seek +10s | seek -10s | seek 12s    in a film: on, back, to a place
//     speed 2                             of a film: 0.25 to 4
//     say TEXT [to NODE,NODE…|all]        a quoted TEXT ("…") ends at its quote, any other at a last " to "
//     streams | status | help | quit
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ott/result.h"
#include "ott/time.h"

namespace ott {

inline constexpr double kSpeedMin = 0.25;
inline constexpr double kSpeedMax = 4;

namespace command {
struct Pause {};
struct Resume {};
struct Toggle {};
struct Next {};
struct Previous {};
struct WatchStream {
  std::string name;
};
struct Seek {
  bool relative = false;
  Duration to{};  // from the beginning, or from here
};
struct Speed {
  double factor = 1;
};
struct Say {
  std::string text;
  std::vector<std::string> to;  // empty: all
};
struct ListStreams {};
struct Status {};
struct Help {};
struct Quit {};
}  // namespace command

using Command =
    std::variant<command::Pause, command::Resume, command::Toggle, command::Next, command::Previous,
                 command::WatchStream, command::Seek, command::Speed, command::Say, command::ListStreams,
                 command::Status, command::Help, command::Quit>;

/// The error says what is wrong, and what is right.
Result<Command> parse_command(std::string_view line);

/// The nodes of "n1,10.0.0.7" or of "all", which are none. The error says what is wrong.
Result<std::vector<std::string>> parse_nodes(std::string_view text);

/// What there is, for people.
inline constexpr std::string_view kCommandsHelp =
    "pause, resume, toggle, next, previous, watch NAME, seek +10s, seek -10s, seek 12s, speed 2, "
    "say TEXT [to NODE,NODE...|all], streams, status, help, quit";
inline constexpr std::string_view kKeysHelp =
    "keys: space pauses and resumes, n next stream, p previous, left and right seek 10 s, q quits, ? shows "
    "this";

}  // namespace ott
