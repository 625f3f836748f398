// A role is what a process does in the overlay: it is a Machine, made from a RoleContext, and a row in the
// table of roles (role_table.h). It gets capabilities, never file descriptors.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/commands.h"
#include "media/frame_sink.h"
#include "media/input.h"
#include "media/outlet.h"
#include "media/placeholder.h"
#include "ott/local_links.h"
#include "ott/log.h"
#include "ott/machine.h"
#include "ott/process_facts.h"
#include "ott/supervisor.h"
#include "ott/worker.h"
#include "overlay/overlay_config.h"
#include "role/opened_streams.h"
#include "role/topology_file.h"

namespace ott {

/// Takes whole lines of text, and never blocks its caller.
class LineSink {
 public:
  virtual ~LineSink() = default;
  /// The error may be that of an earlier line, and is final.
  virtual Result<void> write(const std::string& line) = 0;
};

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

/// A terminal, or whatever takes one text after the other in its place.
class Screen {
 public:
  virtual ~Screen() = default;
  [[nodiscard]] virtual ScreenSize size() const = 0;
  /// In place of what was shown before.
  virtual Result<void> show(const std::vector<std::string>& lines) = 0;
};

/// A host that --bootstrap or --node names, and the port there.
struct HostName {
  std::string host;
  std::uint16_t port = kDefaultPort;
};
/// Its addresses, in the order in which they are to be tried. Takes its time. The error says which name.
using LookUpHost = Result<std::vector<IpAddress>> (*)(const std::string& host);

/// What a configuration that was read again makes different. Nothing of it has begun.
struct ConfigChange {
  OpenedStreams streams;                   // all that are to begin here
  std::string topology_file;               // bootstrap
  std::optional<LoadedTopology> topology;  // what is in it
  std::vector<std::unique_ptr<Outlet>> outlets;
  std::vector<const Outlet*> outlets_gone;  // of RoleContext::outlets
  std::vector<std::string> words;           // for people: what becomes different beside these
  std::vector<std::string> after_restart;   // flags that are different, and count after a restart
  /// An error that begins with a flag, with where that was given in its place.
  std::function<std::string(std::string_view error)> located;
};

/// The configuration of a process that runs, which can be read again.
class Reconfiguration {
 public:
  virtual ~Reconfiguration() = default;
  /// What it is called: the file.
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// Has a worker read it. `running`: the streams that begin here. REQUIRES: what was read before is taken.
  virtual void read(std::vector<StreamSpec> running) = 0;
  /// What was read, once; nothing before. The error says what is wrong, and where.
  virtual std::optional<Result<ConfigChange>> take() = 0;
  /// What take() has returned holds from now on.
  virtual void applied() = 0;
};

struct RoleOptions {
  OverlayConfig overlay;
  std::string topology_file;     // bootstrap; empty: the topology does not change
  FileStamp topology_read;       // the state of the file that overlay.topology comes from
  std::optional<HostName> host;  // in place of overlay.bootstrap, or of a guest's overlay.access
  std::vector<HostName> join;    // beside overlay.join's addresses
  std::vector<StreamSpec> publish;
  PlaceholderKind placeholder = PlaceholderKind::None;  // of the streams that begin here
  std::string watch;         // the name of the stream that a client watches; empty: the default one
  std::uint64_t frames = 0;  // client: leave after so many; 0: no end
  Duration duration{};       // client: leave after so long; 0: no end
  Duration every{};          // the least time between two frames of --dump; 0: all are written
  Duration film_start{};     // client: where a film on request begins
  bool list = false;         // client: print the streams and leave
  struct Why {
    std::string stream;
    std::string node;  // empty: all that watch it
  };
  std::optional<Why> why;  // client: print why the stream goes there the way it does, and leave
  bool top = false;        // client: show the overlay in a terminal, again and again
  /// The process is there to ask something, and shows the answer.
  [[nodiscard]] bool only_asks() const { return list || why.has_value() || top; }
  bool watches = true;              // client: false for one that is only to say something
  bool timeshift = false;           // client: frames that come during a pause are shown after it
  std::string say;                  // client: a text to send; empty: none
  std::vector<std::string> say_to;  // to these nodes; empty: to all
};

struct RoleContext {
  RoleOptions options;
  Log& log;
  LineSink* stats = nullptr;    // --stats
  LineSink* status = nullptr;   // a terminal's live line
  LineSink* print = nullptr;    // standard output, for --list and --why
  Screen* screen = nullptr;     // the same, for --top
  FrameSink* frames = nullptr;  // a client's --dump
  Inputs* inputs = nullptr;     // of roles that publish
  Workers* workers = nullptr;   // of roles that publish, or look up a host; outlives the role
  /// Not begun yet. They end before the role does.
  std::vector<std::unique_ptr<Outlet>>* outlets = nullptr;
  /// Where commands come from beside outlets. Not begun yet; they end before the role does.
  std::vector<std::unique_ptr<CommandSource>>* controls = nullptr;
  LookUpHost look_up_host = nullptr;
  LocalLinks* local_links = nullptr;  // for --discover
  const LoopFigures* loop = nullptr;
  ReadProcessFacts process_facts = nullptr;
  OpenAhead open_ahead = nullptr;            // of roles that publish
  Reconfiguration* configuration = nullptr;  // null: there is none that could be read again
  Supervisor* supervisor = nullptr;          // whom it interests how this process is
};

struct RoleSpec {
  std::string_view name;
  std::string_view summary;  // for --help
  std::unique_ptr<Machine> (*create)(RoleContext&);
};

}  // namespace ott
