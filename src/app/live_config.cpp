#include "app/live_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "io/inputs.h"

namespace ott {
namespace {

/// What may change while a process runs, beside outlets: in each process, and where streams may begin.
constexpr std::string_view kLogFlags[] = {"log-level", "log-format"};
constexpr std::string_view kStreamFlags[] = {"topology", "stream", "metric", "dump"};

bool is_of_outlet(std::string_view flag) {
  return std::ranges::any_of(outlet_specs(), [flag](const OutletSpec* spec) {
    return spec->flag.name.substr(2) == flag ||
           std::ranges::any_of(spec->options,
                               [flag](const OutletFlag& option) { return option.name.substr(2) == flag; });
  });
}

}  // namespace

bool shows_status(const Config& config) {
  return config.role == &kClientRole && !config.options.only_asks() && config.log_format == LogFormat::Text &&
         ::isatty(STDERR_FILENO) != 0;
}

LogStyle log_style(const Config& config) {
  const bool quiet = shows_status(config) || config.options.only_asks();
  return {config.log_level.empty() ? (quiet ? "warning" : "info") : config.log_level, config.log_format};
}

/// All that waits for a disk.
class LiveConfig::Reading : public Job {
 public:
  Reading(int argc, const char* const* argv, std::vector<StreamSpec> running)
      : argc_(argc), argv_(argv), running_(std::move(running)) {}

  void run() override { outcome = read(); }

  struct Read {
    Config config;
    OpenedStreams streams;
    std::optional<LoadedTopology> topology;
  };
  Result<Read> outcome = fail("it was not read");

 private:
  [[nodiscard]] Result<Read> read() const {
    auto config = read_config_again(argc_, argv_);
    if (!config) return tl::unexpected<Error>(config.error());
    auto streams = open_streams(config->options.publish, running_, &open_ahead);
    if (!streams) return tl::unexpected<Error>(streams.error());
    Read read{std::move(*config), std::move(*streams), std::nullopt};
    if (read.config.options.topology_file.empty()) return read;
    auto topology = load_topology(read.config.options.topology_file);
    if (!topology) return fail(read.config.origins.located("--topology: " + topology.error().message));
    read.topology = std::move(*topology);
    return read;
  }

  int argc_;
  const char* const* argv_;
  std::vector<StreamSpec> running_;
};

LiveConfig::LiveConfig(int argc, const char* const* argv, Config config, RunningOutlets& outlets,
                       StyledLog& log, Workers& workers)
    : argc_(argc),
      argv_(argv),
      running_(std::move(config)),
      outlets_(outlets),
      log_(log),
      queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})) {}

LiveConfig::~LiveConfig() = default;

void LiveConfig::read(std::vector<StreamSpec> running) {
  queue_->submit(std::make_unique<Reading>(argc_, argv_, std::move(running)));
}

std::optional<Result<ConfigChange>> LiveConfig::take() {
  const auto job = queue_->collect();
  if (job == nullptr) return std::nullopt;
  auto& read = static_cast<Reading&>(*job).outcome;
  if (!read) return tl::unexpected<Error>(read.error());
  if (read->config.role != running_.role) {
    return fail(
        fmt::format("{}: this process is a {}: another role takes a restart", name(), running_.role->name));
  }
  next_ = std::make_unique<Config>(std::move(read->config));
  auto change = compare();
  if (!change) return change;
  change->streams = std::move(read->streams);
  change->topology = std::move(read->topology);
  return change;
}

/// Tells all differences but those of streams and topology.
Result<ConfigChange> LiveConfig::compare() {
  ConfigChange change;
  change.topology_file = next_->options.topology_file;
  change.after_restart = fixed_flags_in(*next_);
  if (running_.role == &kClientRole) {  // its outlets stay with what it watches
    for (OutletRequest& request : next_->outlets) request.arguments.stream = running_.options.watch;
  }
  auto outlets = outlets_.open(next_->outlets);
  if (!outlets) return fail(next_->origins.located(outlets.error().message));
  change.located = [origins = next_->origins](std::string_view error) { return origins.located(error); };
  change.outlets = std::move(*outlets);
  for (const auto& [outlet, flag] : outlets_.not_in(next_->outlets)) {
    change.outlets_gone.push_back(outlet);
    const bool goes_on = std::ranges::any_of(
        next_->outlets, [flag = flag](const OutletRequest& each) { return each.spec->flag.name == flag; });
    if (!goes_on) change.words.push_back(fmt::format("{} removed", flag.substr(2)));
  }
  for (const OutletRequest& request : next_->outlets) {
    const std::string_view flag = request.spec->flag.name.substr(2);
    const auto& before = running_.outlets;
    const auto same = std::ranges::find(before, request.spec, &OutletRequest::spec);
    if (same == before.end()) {
      change.words.push_back(fmt::format("{} {} added", flag, request.arguments.value));
    } else if (same->arguments != request.arguments) {
      change.words.push_back(fmt::format("{} {} begins anew", flag, request.arguments.value));
    }
  }
  for (const std::string_view flag : kLogFlags) {
    const auto& value = next_->flags.at(std::string(flag));
    if (value != running_.flags.at(std::string(flag)))
      change.words.push_back(fmt::format("{} {}", flag, value.empty() ? "as usual" : value.front()));
  }
  return change;
}

bool LiveConfig::is_live(const std::string& flag) const {
  const bool is_client = running_.role == &kClientRole;
  if (std::ranges::count(kLogFlags, flag) > 0) return true;
  if (!is_client && std::ranges::count(kStreamFlags, flag) > 0) return true;
  return is_of_outlet(flag) && !(is_client && flag == "every" && !running_.dump.empty());
}

std::vector<std::string> LiveConfig::fixed_flags_in(const Config& next) const {
  std::vector<std::string> fixed;
  for (const auto& [flag, values] : next.flags) {
    if (!is_live(flag) && values != running_.flags.at(flag)) fixed.push_back(flag);
  }
  return fixed;
}

/// What takes a restart stays in running_ as it is, so that it is named the next time, too.
void LiveConfig::applied() {
  for (auto& [flag, values] : next_->flags) {
    if (is_live(flag)) running_.flags[flag] = std::move(values);
  }
  outlets_.note(next_->outlets);
  running_.outlets = std::move(next_->outlets);
  running_.log_level = next_->log_level;
  running_.log_format = next_->log_format;
  next_.reset();
  log_.set_style(log_style(running_));
}

}  // namespace ott
