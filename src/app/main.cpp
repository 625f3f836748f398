// ottd: puts together a role, its capabilities and the event loop.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "app/config.h"
#include "app/logging.h"
#include "io/control_socket.h"
#include "io/driver.h"
#include "io/dump_outlet.h"
#include "io/inputs.h"
#include "io/multicast_links.h"
#include "io/output.h"
#include "io/socket.h"
#include "io/terminal_keys.h"
#include "media/dump_sink.h"
#include "media/sink_outlet.h"

namespace ott {
namespace {

/// How long the end of the process waits for a slow disk, and then for a slow reader of its log.
constexpr Duration kFinishTime = std::chrono::seconds(2);
constexpr Duration kLogTime = std::chrono::seconds(1);

constexpr int kWrongUsage = 2;  // the exit status

/// Output classes of io/ know no roles: here they become a role's capabilities.
class StatsFile : public LineSink {
 public:
  static constexpr std::size_t kLinesMax = 60;  // a minute of them
  static constexpr std::size_t kBytesMax = std::size_t{4} << 20;

  static Result<std::unique_ptr<StatsFile>> open(const std::string& path, Workers& workers) {
    auto writer = TextWriter::open(path, {kLinesMax, kBytesMax, nullptr}, workers);
    if (!writer) return tl::unexpected(writer.error());
    return std::make_unique<StatsFile>(std::move(*writer));
  }
  explicit StatsFile(std::unique_ptr<TextWriter> writer) : writer_(std::move(writer)) {}
  Result<void> write(const std::string& line) override { return writer_->write(line + "\n"); }

 private:
  std::unique_ptr<TextWriter> writer_;
};

class PipeSink : public FrameSink {
 public:
  explicit PipeSink(struct ev_loop* loop) : pipe_(loop) {}
  Result<void> write(ByteSpan jpeg) override { return pipe_.write(jpeg); }
  Result<void> failure() override { return pipe_.failure(); }
  [[nodiscard]] bool idle() const override { return pipe_.idle(); }
  void give_up() override { pipe_.give_up(); }
  [[nodiscard]] std::uint64_t frames_left_out() const override { return pipe_.frames_left_out(); }

 private:
  FramePipe pipe_;
};

/// Bytes into standard output, in order, by a worker that waits for the disk or the reader.
class FileSink : public FrameSink {
 public:
  Result<void> write(ByteSpan jpeg) override {
    while (!jpeg.empty()) {
      const ssize_t n = ::write(STDOUT_FILENO, jpeg.data(), jpeg.size());
      if (n < 0 && errno == EPIPE) return fail("");
      if (n < 0 && errno == EAGAIN) {  // of a pipe, which may be non-blocking
        pollfd out{STDOUT_FILENO, POLLOUT, 0};
        (void)::poll(&out, 1, -1);
      } else if (n < 0 && errno != EINTR) {
        return fail(std::string("cannot write to standard output: ") + std::strerror(errno));
      }
      if (n > 0) jpeg = jpeg.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }
};

class StandardOutput : public LineSink {
 public:
  Result<void> write(const std::string& line) override {
    if (std::printf("%s\n", line.c_str()) >= 0 && std::fflush(stdout) == 0) return {};
    return fail(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
};

bool is_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

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
  if (!loaded) return tl::unexpected(loaded.error());
  for (const std::string& warning : loaded->topology.warnings) log.warning(warning);
  OverlayConfig& overlay = config.options.overlay;
  overlay.topology = std::move(loaded->topology);
  config.options.topology_read = loaded->stamp;
  auto id = bootstrap_identity(overlay, config.options.topology_file);
  if (!id) return tl::unexpected(id.error());
  overlay.id = *id;
  return {};
}

bool reads_input(const Config& config) {
  return std::any_of(config.options.publish.begin(), config.options.publish.end(),
                     [](const StreamSpec& spec) { return spec.source.starts_with('-'); });
}

/// A client on a terminal shows one live line, and only warnings beside it unless it is told otherwise.
bool shows_status(const Config& config) {
  return config.role == &kClientRole && !config.options.only_asks() && ::isatty(STDERR_FILENO) != 0;
}

/// The keys mean something to who watches a stream, and their answers are shown on the live line.
bool takes_keys(const Config& config) {
  return shows_status(config) && config.options.watches && TerminalKeys::can_read();
}

/// Where --dump puts frames; null: nowhere.
Result<std::unique_ptr<FrameSink>> open_sink(const std::string& dump, struct ev_loop* loop,
                                             Workers& workers) {
  if (dump.empty()) return nullptr;
  if (dump == "-") {
    const auto bytes = [&workers] {
      return std::make_unique<QueuedSink>(std::make_unique<FileSink>(), workers);
    };
    std::unique_ptr<FrameSink> pictures;
    if (is_file(STDOUT_FILENO)) {
      pictures = bytes();
    } else {
      pictures = std::make_unique<PipeSink>(loop);
    }
    return std::make_unique<DumpSink>(std::move(pictures), bytes());
  }
  auto sink = DirectorySink::open(dump);
  if (!sink) return tl::unexpected(sink.error());
  return std::make_unique<QueuedSink>(std::make_unique<DirectorySink>(std::move(*sink)), workers);
}

/// Gives output that is not written yet some time when the role has ended. The error is that of the frames.
Result<void> finish_output(WorkerPool& workers, FrameSink* frames) {
  const bool hangs = frames != nullptr && !frames->idle();  // the role has waited for them
  if (!hangs) (void)workers.finish_output(kFinishTime);
  if (frames == nullptr) return {};
  if (const auto written = frames->failure(); !written && !written.error().message.empty()) return written;
  return {};
}

/// False if one cannot be opened as it was asked for; the log says why.
bool open_outlets(const Config& config, const OutletContext& context,
                  std::vector<std::unique_ptr<Outlet>>& outlets) {
  for (const auto& [spec, arguments] : config.outlets) {
    auto outlet = spec->open(arguments, context);
    if (!outlet) {
      context.log.error(fmt::format("{} {}: {}", spec->flag.name, arguments.value, outlet.error().message));
      return false;
    }
    outlets.push_back(std::move(*outlet));
  }
  return true;
}

Result<int> run(Config& config, Log& log, StandardError& standard_error, WorkerPool& workers) {
  const bool has_topology = !config.options.topology_file.empty();
  if (has_topology) {
    if (auto taken = take_topology(config, log); !taken) return tl::unexpected(taken.error());
  }
  if (reads_input(config) && is_file(STDIN_FILENO)) {
    return fail(
        "--stream: standard input is a file, which has no pace of its own: name the file instead of -");
  }
  auto loop = make_loop();
  if (!loop) return tl::unexpected(loop.error());
  Driver driver(loop->get(), log, workers);
  RoleContext context{config.options, log};
  context.workers = &workers;
  context.loop = &driver.figures();
  context.look_up_host = &look_up_host;
  std::unique_ptr<MulticastLinks> local_links;
  const auto& join = config.options.overlay.join;
  if (join && join->discovers) local_links = std::make_unique<MulticastLinks>(loop->get(), log);
  context.local_links = local_links.get();

  std::unique_ptr<StatsFile> stats;
  if (!config.stats_file.empty()) {
    auto file = StatsFile::open(config.stats_file, workers);
    if (!file) return tl::unexpected(file.error());
    stats = std::move(*file);
  }
  std::vector<std::unique_ptr<Outlet>> outlets;
  if (!open_outlets(config, {loop->get(), workers, log}, outlets)) return kWrongUsage;
  auto frames = open_sink(config.dump, loop->get(), workers);
  if (!frames) return tl::unexpected(frames.error());
  std::unique_ptr<Outlet> pictures;
  if (*frames != nullptr && config.role != &kClientRole) {
    pictures = std::make_unique<SinkOutlet>(std::move(*frames), OutletFigures{"dump", config.dump},
                                            config.options.every, config.options.watch, log);
  }
  if (!config.dump.empty() && config.dump != "-") {
    outlets.push_back(std::make_unique<DumpOutlet>(config.dump, config.options.watch, std::move(pictures),
                                                   loop->get(), workers, log));
  } else if (pictures != nullptr) {
    outlets.push_back(std::move(pictures));
  }
  std::unique_ptr<StatusLine> status;
  if (shows_status(config)) status = std::make_unique<StatusLine>(standard_error);
  StandardOutput print;
  context.stats = stats.get();
  context.frames = frames->get();
  context.status = status.get();
  context.print = &print;
  context.outlets = &outlets;
  std::vector<std::unique_ptr<CommandSource>> controls;
  if (!config.control.empty())
    controls.push_back(std::make_unique<ControlSocket>(config.control, loop->get(), log));
  if (takes_keys(config)) controls.push_back(std::make_unique<TerminalKeys>(loop->get()));
  context.controls = &controls;
  InputTable inputs({loop->get(), workers, log});
  context.inputs = &inputs;

  const std::unique_ptr<Machine> machine = config.role->create(context);
  const Requests::Exit exit = driver.run(*machine, has_topology);
  outlets.clear();
  controls.clear();
  status.reset();
  const auto written = finish_output(workers, frames->get());
  if (exit.status != 0) return fail(exit.message);
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

int start(int argc, char** argv) {
  auto parsed = parse_command_line(argc, argv);
  if (const auto* usage = std::get_if<UsageExit>(&parsed)) {
    std::fputs(usage->text.c_str(), usage->status == 0 ? stdout : stderr);
    return usage->status;
  }
  auto& config = std::get<Config>(parsed);
  raise_descriptor_limit(config.options.overlay.limits);
  const bool quiet = shows_status(config) || config.options.only_asks();
  const std::string level = config.log_level.empty() ? (quiet ? "warning" : "info") : config.log_level;
  WorkerPool workers;
  StandardError standard_error(workers);
  const auto log = make_log(config.role->name, level, standard_error);
  const auto ran = run(config, *log, standard_error, workers);
  if (!ran) log->error(ran.error().message);
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
