// What the command line asks for.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ott/time.h"
#include "ott/types.h"

namespace ott::load {

enum class Protocol : std::uint8_t { Ott, Floor, Http };
std::string_view to_string(Protocol protocol);

struct Plan {
  Protocol protocol = Protocol::Ott;

  std::size_t viewers = 0;
  NodeId to;                              // whom they connect to
  std::string host;                       // as it was written, for the Host of HTTP
  std::string path = "/";                 // HTTP
  std::string stream;                     // ott: its name; empty: spread over all there are
  std::optional<std::string> from_range;  // "127.b.": addresses to connect from
  std::size_t slow = 0;                   // how many of them, the first ones, are slow or pause
  double read_rate = 0;                   // bytes a second of a slow one; 0: not slow
  Duration pause{};                       // a slow one reads nothing for this long
  std::size_t receive_buffer_bytes = 0;   // of a viewer's socket; 0: as the kernel finds it
  bool stampede = false;                  // all disconnect and connect again before the measurement

  std::size_t publish = 0;          // streams
  std::string name = "load";        // of the stream; several are load1, load2, …
  std::optional<NodeId> bootstrap;  // ott: joins here
  std::optional<NodeId> id;         // ott: as this node
  std::optional<NodeId> listen;     // floor, http: serves here
  std::size_t frame_bytes = 50'000;
  double fps = 30;      // 0: as fast as it is taken
  std::size_t gop = 1;  // ott: each so many frames there is a sync point, four times as large
  bool audio = false;   // ott: beside each stream NAME there is NAME/audio, 50 small packets a second

  Duration warm_up = std::chrono::seconds(2);
  Duration duration{};  // 0: until it is told to stop
  Duration patience = std::chrono::seconds(30);
  std::vector<pid_t> processes;  // whose use of this machine is measured, too
  std::string json_file;
};

/// What is to be printed instead of running, and the exit status.
struct UsageExit {
  int status = 0;
  std::string text;
};

std::variant<Plan, UsageExit> parse_command_line(int argc, const char* const* argv);

}  // namespace ott::load
