// ottd: puts together a role, its capabilities and the event loop.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "app/config.h"
#include "app/live_config.h"
#include "app/logging.h"
#include "app/running_outlets.h"
#include "app/sinks.h"
#include "app/terminal_screen.h"
#include "io/control_socket.h"
#include "io/driver.h"
#include "io/dump_outlet.h"
#include "io/inputs.h"
#include "io/multicast_links.h"
#include "io/process_facts.h"
#include "io/socket.h"
#include "io/systemd.h"
#include "io/terminal_keys.h"

namespace ott {
namespace {

/// How long the end of the process waits for a slow disk, and then for a slow reader of its log.
constexpr Duration kFinishTime = std::chrono::seconds(2);
constexpr Duration kLogTime = std::chrono::seconds(1);

constexpr int kWrongUsage = 2;  // the exit status

/// The bootstrapper is the node of the topology that has an address of this host.
Result<NodeId> bootstrap_identity(const OverlayConfig& overlay, const std::string& file) {
  const Topology& topology = *overlay.topology;
  if (overlay.id) {
    const auto named = topology.with_address(*overlay.id);
    if (!named.empty()) return named.front()->id;
    return fail(fmt::format("--id {}: {} has no such node", to_string(*overlay.id), file));
  }
  std::vector<NodeId> ids;
  std::string addresses;
  for (const IpAddress& address : overlay.local_addresses) {
    addresses += (addresses.empty() ? "" : ", ") + to_string(address);
    for (const Topology::Node* node : topology.with_address(NodeId{address, 0})) {
      if (std::ranges::count(ids, node->id) == 0) ids.push_back(node->id);
    }
  }
  if (ids.size() == 1) return ids.front();
  if (ids.empty()) {
    return fail(
        fmt::format("none of this host's addresses ({}) is a node of {}; say which node this is with --id",
                    addresses, file));
  }
  return fail(fmt::format("{} has several nodes on this host ({}, {}{}); say which this is with --id", file,
                          to_string(ids[0]), to_string(ids[1]), ids.size() > 2 ? ", …" : ""));
}

Result<void> take_topology(Config& config, Log& log) {
  auto loaded = load_topology(config.options.topology_file);
  if (!loaded) return fail("--topology: " + loaded.error().message);
  for (const std::string& warning : loaded->topology.warnings) log.warning(warning);
  OverlayConfig& overlay = config.options.overlay;
  overlay.topology = std::move(loaded->topology);
  config.options.topology_read = loaded->stamp;
  auto id = bootstrap_identity(overlay, config.options.topology_file);
  if (!id) return tl::unexpected(id.error());
  overlay.id = *id;
  return {};
}

/// A stream may come from standard input, but not from a file that is there.
Result<void> check_standard_input(const std::vector<StreamSpec>& streams) {
  for (const StreamSpec& spec : streams) {
    if (!spec.source.starts_with('-') || !is_file(STDIN_FILENO)) continue;
    return fail(
        fmt::format("{}stream '{}': standard input is a file, which has no pace of its own: name the "
                    "file instead of -",
                    spec.place, spec.name));
  }
  return {};
}

/// The keys mean something to who watches a stream, and their answers are shown on the live line. Of --top's
/// screen there is only the end.
bool takes_keys(const Config& config) {
  const bool watches = shows_status(config) && config.options.watches;
  return (watches || config.options.top) && TerminalKeys::can_read();
}

/// Gives output that is not written yet some time when the role has ended. The error is that of the frames.
Result<void> finish_output(WorkerPool& workers, FrameSink* frames) {
  const bool hangs = frames != nullptr && !frames->idle();  // the role has waited for them
  if (!hangs) (void)workers.finish_output(kFinishTime);
  if (frames == nullptr) return {};
  if (const auto written = frames->failure(); !written && !written.error().message.empty()) return written;
  return {};
}

/// Says what is wrong with passed sockets once outlets have taken theirs, in the first round of the loop.
class PassedSockets {
 public:
  PassedSockets(Listeners& listeners, struct ev_loop* loop, Log& log)
      : listeners_(listeners), log_(log), timer_(loop) {
    timer_.start<&PassedSockets::warn>(*this, Duration{});
  }

 private:
  void warn() {
    for (const std::string& warning : listeners_.take_warnings()) log_.warning(warning);
  }

  Listeners& listeners_;
  Log& log_;
  TimerWatcher timer_;
};

/// What a process has from its start to its end, whatever it is.
struct Process {
  int argc;
  const char* const* argv;
  StyledLog& log;
  StandardError& standard_error;
  WorkerPool& workers;
  Listeners& listeners;
  const SystemdEnvironment& systemd;
};

/// What a role is given, and what that needs; in the order in which it is made.
class Capabilities {
 public:
  Capabilities(const Config& config, const Process& process, struct ev_loop* loop)
      : process_(process),
        loop_(loop),
        context_{config.options, process.log},
        outlet_table_({loop, process.workers, process.log, process.listeners}),
        inputs_({loop, process.workers, process.log}) {
    context_.workers = &process.workers;
    context_.look_up_host = &look_up_host;
    context_.process_facts = &read_process_facts;
    context_.screen = &screen_;
    context_.open_ahead = &open_ahead;
    context_.inputs = &inputs_;
    context_.print = &print_;
    context_.outlets = &outlets_;
    context_.controls = &controls_;
  }

  Result<void> open_outlets(const Config& config) {
    auto outlets = outlet_table_.open(config.outlets);
    if (!outlets) return tl::unexpected(outlets.error());
    outlets_ = std::move(*outlets);
    outlet_table_.note(config.outlets);
    return {};
  }
  /// REQUIRES: the outlets are open.
  Result<void> open_others(const Config& config) {
    const auto& join = config.options.overlay.join;
    if (join && join->discovers) local_links_ = std::make_unique<MulticastLinks>(loop_, process_.log);
    context_.local_links = local_links_.get();
    if (!config.stats_file.empty()) {
      auto file = StatsFile::open(config.stats_file, process_.workers);
      if (!file) return fail("--stats: " + file.error().message);
      stats_ = std::move(*file);
      context_.stats = stats_.get();
    }
    if (!process_.systemd.socket.empty()) {
      auto systemd = Systemd::open(process_.systemd, loop_, process_.log);
      if (systemd) systemd_ = std::move(*systemd);
      if (!systemd) process_.log.warning(systemd.error().message);
      context_.supervisor = systemd_.get();
    }
    return open_viewing(config);
  }

  RoleContext& context() { return context_; }
  FrameSink* frames() { return frames_.get(); }
  /// What takes streams and commands of the role ends before it.
  void close() {
    outlets_.clear();
    controls_.clear();
    status_.reset();
  }

 private:
  /// A client's own output, and where commands come from.
  Result<void> open_viewing(const Config& config) {
    auto frames = open_sink(config.dump, loop_, process_.workers);
    if (!frames) return fail("--dump: " + frames.error().message);
    frames_ = std::move(*frames);
    context_.frames = frames_.get();
    if (!config.dump.empty() && config.dump != "-") {
      outlets_.push_back(std::make_unique<DumpOutlet>(config.dump, config.options.watch, nullptr, loop_,
                                                      process_.workers, process_.log));
    }
    if (shows_status(config)) status_ = std::make_unique<StatusLine>(process_.standard_error);
    context_.status = status_.get();
    if (!config.control.empty())
      controls_.push_back(std::make_unique<ControlSocket>(config.control, loop_, process_.log));
    if (takes_keys(config)) controls_.push_back(std::make_unique<TerminalKeys>(loop_));
    if (config.file.empty()) return {};
    live_config_ = std::make_unique<LiveConfig>(process_.argc, process_.argv, config, outlet_table_,
                                                process_.log, process_.workers);
    context_.configuration = live_config_.get();
    return {};
  }

  const Process& process_;
  struct ev_loop* loop_;
  RoleContext context_;
  RunningOutlets outlet_table_;
  InputTable inputs_;
  StandardOutput print_;
  TerminalScreen screen_;
  std::unique_ptr<MulticastLinks> local_links_;
  std::unique_ptr<StatsFile> stats_;
  std::unique_ptr<Systemd> systemd_;
  std::unique_ptr<FrameSink> frames_;
  std::vector<std::unique_ptr<Outlet>> outlets_;
  std::unique_ptr<StatusLine> status_;
  std::vector<std::unique_ptr<CommandSource>> controls_;
  std::unique_ptr<LiveConfig> live_config_;
};

/// What begins the work of a process, and what a start may refuse before it listens or opens a device. The
/// error begins with the flag that it is about.
Result<void> prepare(Config& config, Log& log) {
  if (!config.options.topology_file.empty()) {
    if (auto taken = take_topology(config, log); !taken) return taken;
  }
  return check_standard_input(config.options.publish);
}

/// What --print-config checks beyond the flags themselves. Files of streams are opened, as at a start.
Result<void> check(Config& config, const Process& process) {
  if (auto prepared = prepare(config, process.log); !prepared) return prepared;
  auto loop = make_loop();
  if (!loop) return tl::unexpected(loop.error());
  Capabilities capabilities(config, process, loop->get());
  if (auto opened = capabilities.open_outlets(config); !opened) return opened;
  if (auto streams = open_streams(config.options.publish, {}, &open_ahead); !streams)
    return tl::unexpected(streams.error());
  return {};
}

/// Runs it to its end. Returns the exit status; an error has status 1.
Result<int> run(Config& config, const Process& process) {
  const auto refused = [&](int status, const std::string& why) {
    process.log.error(config.origins.located(why));
    return status;
  };
  if (auto prepared = prepare(config, process.log); !prepared)
    return refused(kWrongUsage, prepared.error().message);
  auto loop = make_loop();
  if (!loop) return tl::unexpected(loop.error());
  const PassedSockets passed(process.listeners, loop->get(), process.log);
  Driver driver(loop->get(), process.log, process.workers);
  Capabilities capabilities(config, process, loop->get());
  if (const auto opened = capabilities.open_outlets(config); !opened)
    return refused(kWrongUsage, opened.error().message);
  if (auto opened = capabilities.open_others(config); !opened) return tl::unexpected(opened.error());
  capabilities.context().loop = &driver.figures();
  const std::unique_ptr<Machine> machine = config.role->create(capabilities.context());
  const bool can_read_again = !config.options.topology_file.empty() || !config.file.empty();
  const Requests::Exit exit = driver.run(*machine, can_read_again);
  capabilities.close();
  const auto written = finish_output(process.workers, capabilities.frames());
  if (exit.status != 0) return refused(exit.status, exit.message);
  if (!written) return tl::unexpected(written.error());
  return 0;
}

/// A connection could get a descriptor below 3 that is closed, and then what the log or a library writes
/// would go into the connection. Opens those that are closed.
void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) std::abort();
  }
}

/// Each connection and each stream needs a descriptor: takes as many as the host allows. Where these are few,
/// handshakes and guests, which can be anybody's, get a half of them.
void raise_descriptor_limit(Limits& limits) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t share = limit.rlim_cur / 4;
  limits.handshakes = std::min(limits.handshakes, share);
  limits.guests = std::min(limits.guests, share);
}

/// Ends the process without destructors if a worker hangs, since it would still use what they destroy.
void shut_down(WorkerPool& workers, int status) {
  if (workers.shut_down(kLogTime)) return;
  std::fflush(stdout);
  std::_Exit(status);
}

/// Errors go to standard error, with the priority that the journal wants.
int print_usage(const UsageExit& usage) {
  if (usage.status != 0 && standard_error_is_journal())
    std::fputs(std::string(journal_prefix(LogLevel::Error)).c_str(), stderr);
  std::fputs(usage.text.c_str(), usage.status == 0 ? stdout : stderr);
  return usage.status;
}

/// --print-config: what is given, if a process could be made of it.
int print_checked(Config& config, const Process& process) {
  if (const auto good = check(config, process); !good)
    return print_usage(
        {kWrongUsage, fmt::format("ottd: {}\n", config.origins.located(good.error().message))});
  return print_usage({0, *config.to_print});
}

int start(int argc, char** argv) {
  Listeners listeners;
  listeners.take_passed();
  const SystemdEnvironment systemd = SystemdEnvironment::take();
  auto parsed = parse_command_line(argc, argv);
  if (const auto* usage = std::get_if<UsageExit>(&parsed)) return print_usage(*usage);
  auto& config = std::get<Config>(parsed);
  raise_descriptor_limit(config.options.overlay.limits);
  WorkerPool workers;
  StandardError standard_error(workers);
  const auto log = make_log(config.role->name, log_style(config), standard_error);
  const Process process{argc, argv, *log, standard_error, workers, listeners, systemd};
  if (config.to_print) {
    const int status = print_checked(config, process);
    shut_down(workers, status);
    return status;
  }
  for (const std::string& warning : check_environment(environ)) log->warning(warning);
  const auto ran = run(config, process);
  if (!ran) log->error(config.origins.located(ran.error().message));
  const int status = ran ? *ran : 1;
  shut_down(workers, status);
  return status;
}

}  // namespace
}  // namespace ott

int main(int argc, char** argv) {
  ott::open_standard_descriptors();
  try {
    return ott::start(argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a library's
    std::fprintf(stderr, "ottd: %s\n", error.what());
    return 1;
  }
}
