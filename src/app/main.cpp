// ottd: puts together a role, its capabilities and the event loop.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>

#include "app/config.h"
#include "app/logging.h"
#include "io/driver.h"
#include "io/output.h"

namespace ott {
namespace {

/// Output classes of io/ know no roles: here they become a role's capabilities.
class StatsFile : public LineSink {
 public:
  explicit StatsFile(LineFile file) : file_(std::move(file)) {}
  Result<void> write(const std::string& line) override { return file_.write(line); }

 private:
  LineFile file_;
};

class PipeSink : public FrameSink {
 public:
  explicit PipeSink(struct ev_loop* loop) : pipe_(loop) {}
  Result<void> write(ByteSpan jpeg) override { return pipe_.write(jpeg); }

 private:
  FramePipe pipe_;
};

class StandardOutput : public LineSink {
 public:
  Result<void> write(const std::string& line) override {
    if (std::printf("%s\n", line.c_str()) >= 0 && std::fflush(stdout) == 0) return {};
    return fail(std::string("cannot write to standard output: ") + std::strerror(errno));
  }
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (in.fail() || text.fail()) return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  return text.str();
}

/// The bootstrapper is the node of the topology that has an address of this host.
Result<NodeId> bootstrap_identity(const OverlayConfig& overlay, const std::string& file) {
  const Topology& topology = *overlay.topology;
  if (overlay.id) {
    if (topology.find(*overlay.id) != nullptr) return *overlay.id;
    return fail(fmt::format("--id {}: {} has no such node", to_string(*overlay.id), file));
  }
  std::vector<NodeId> ids;
  std::string addresses;
  for (const IpAddress& address : overlay.local_addresses) {
    addresses += (addresses.empty() ? "" : ", ") + to_string(address);
    for (const Topology::Node& node : topology.nodes) {
      if (node.id.address == address) ids.push_back(node.id);
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

Result<void> load_topology(Config& config, Log& log) {
  auto text = read_file(config.topology_file);
  if (!text) return tl::unexpected(text.error());
  auto topology = parse_topology(*text, config.topology_file);
  if (!topology) return tl::unexpected(topology.error());
  for (const std::string& warning : topology->warnings) log.warning(warning);
  OverlayConfig& overlay = config.options.overlay;
  overlay.topology = std::move(*topology);
  auto id = bootstrap_identity(overlay, config.topology_file);
  if (!id) return tl::unexpected(id.error());
  overlay.id = *id;
  return {};
}

bool reads_input(const Config& config) {
  return std::any_of(config.options.publish.begin(), config.options.publish.end(),
                     [](const StreamSpec& spec) { return spec.source.starts_with('-'); });
}

/// A client on a terminal shows one live line, and only warnings beside it.
bool shows_status(const Config& config) {
  return config.role == &kClientRole && !config.options.list && ::isatty(STDERR_FILENO) != 0;
}

Result<int> run(Config& config, Log& log) {
  if (!config.topology_file.empty()) {
    if (auto loaded = load_topology(config, log); !loaded) return tl::unexpected(loaded.error());
  }
  struct stat input {};
  if (reads_input(config) && ::fstat(STDIN_FILENO, &input) == 0 && S_ISREG(input.st_mode)) {
    return fail(
        "--stream: standard input is a file, which has no pace of its own: name the file instead of -");
  }
  auto loop = make_loop();
  if (!loop) return tl::unexpected(loop.error());
  RoleContext context{config.options, log, nullptr, nullptr, nullptr, nullptr};

  std::unique_ptr<StatsFile> stats;
  if (!config.stats_file.empty()) {
    auto file = LineFile::open(config.stats_file);
    if (!file) return tl::unexpected(file.error());
    stats = std::make_unique<StatsFile>(std::move(*file));
  }
  std::unique_ptr<FrameSink> frames;
  if (config.dump == "-") {
    frames = std::make_unique<PipeSink>(loop->get());
  } else if (!config.dump.empty()) {
    auto sink = DirectorySink::open(config.dump);
    if (!sink) return tl::unexpected(sink.error());
    frames = std::make_unique<DirectorySink>(std::move(*sink));
  }
  std::unique_ptr<StatusLine> status;
  if (shows_status(config)) status = std::make_unique<StatusLine>();
  StandardOutput print;
  context.stats = stats.get();
  context.frames = frames.get();
  context.status = status.get();
  context.print = &print;

  const std::unique_ptr<Machine> machine = config.role->create(context);
  Driver driver(loop->get(), log);
  const Requests::Exit exit = driver.run(*machine, reads_input(config));
  status.reset();
  if (exit.status != 0) return fail(exit.message);
  return 0;
}

/// Each connection is a descriptor, and each stream: as many as the host allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace ott

namespace ott {
namespace {

int start(int argc, char** argv) {
  auto parsed = parse_command_line(argc, argv);
  if (const auto* usage = std::get_if<UsageExit>(&parsed)) {
    std::fputs(usage->text.c_str(), usage->status == 0 ? stdout : stderr);
    return usage->status;
  }
  auto& config = std::get<Config>(parsed);
  raise_descriptor_limit();
  const bool quiet = shows_status(config) || config.options.list;
  const std::string level = quiet && config.log_level == "info" ? "warning" : config.log_level;
  const auto log = make_log(config.role->name, level);
  const auto status = run(config, *log);
  if (status) return *status;
  log->error(status.error().message);
  return 1;
}

}  // namespace
}  // namespace ott

int main(int argc, char** argv) {
  try {
    return ott::start(argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a library's
    std::fprintf(stderr, "ottd: %s\n", error.what());
    return 1;
  }
}
