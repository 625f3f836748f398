// The bootstrapper: knows the topology, registers nodes, and is the first origin of streams.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "ott/text.h"
#include "role/overlay_role.h"
#include "role/publisher.h"
#include "role/role_table.h"

namespace ott {
namespace {

constexpr Duration kPingInterval = std::chrono::seconds(1);

class Bootstrap : public OverlayRole {
 public:
  explicit Bootstrap(RoleContext& context)
      : OverlayRole(context), publisher_(overlay_, context, [this] { wake(); }) {
    const RoleOptions& options = context.options;
    if (options.topology_file.empty()) return;
    topology_file_.emplace(options.topology_file, options.topology_read, *context.workers);
  }

  void begin(Now now) override {
    const auto opened = publisher_.open(context_.options.publish, now);
    OverlayRole::begin(now);
    if (!opened) return leave(opened.error().status, opened.error().message, now);
    if (const auto announced = publisher_.announce(now); !announced) leave(1, announced.error().message, now);
    ping_at_ = now.mono + kPingInterval;
  }

 protected:
  void step(Now now) override {
    publisher_.step(now);
    if (topology_file_) read_topology(now);
    if (now.mono < ping_at_) return;
    ping_at_ = now.mono + kPingInterval;
    const std::size_t nodes = overlay_.ping_watchers(now);
    if (nodes > 0) context_.log.debug("ping to " + counted(nodes, "node"));
  }

  [[nodiscard]] MonoTime role_deadline() const override {
    const MonoTime look_at = topology_file_ ? topology_file_->next_deadline() : MonoTime::max();
    return std::min({publisher_.next_deadline(), ping_at_, look_at});
  }
  bool reread() override {
    if (topology_file_) topology_file_->reload();
    return topology_file_.has_value();
  }
  Result<std::vector<std::string>> take_change(ConfigChange& change, Now now) override {
    auto streams = publisher_.prepare(std::move(change.streams));
    if (!streams) return tl::unexpected<Error>(streams.error());
    std::vector<std::string> words;
    if (change.topology) {
      const auto nodes = take_topology(change.topology_file, std::move(change.topology->topology), now);
      if (!nodes) return fail(change.located("--topology: " + nodes.error().message));
      if (topology_file_ && topology_file_->path() != change.topology_file)
        words.push_back("topology " + change.topology_file);
      if (*nodes > 0) words.push_back(counted(*nodes, "node") + " with another place in the topology");
      topology_file_.emplace(change.topology_file, change.topology->stamp, *context_.workers);
    }
    std::ranges::move(publisher_.perform(std::move(*streams), now), std::back_inserter(words));
    return words;
  }
  [[nodiscard]] std::vector<StreamSpec> published_specs() const override { return publisher_.specs(); }
  [[nodiscard]] std::string_view name() const override { return kBootstrapRole.name; }
  void add_stats(StatsLine& line, bool) override { publisher_.add_stats(line); }

 private:
  /// Returns how many nodes have another place, or what is wrong with the file; then nothing changes.
  Result<std::size_t> take_topology(const std::string& path, Topology topology, Now now) {
    const std::vector<std::string> warnings = topology.warnings;
    const auto nodes = overlay_.take_topology(std::move(topology), now);
    if (!nodes) return fail(fmt::format("{}: {}", path, nodes.error().message));
    for (const std::string& warning : warnings) context_.log.warning(warning);
    context_.log.info(
        fmt::format("{}: read again; {} of the nodes that are here have another place now", path, *nodes));
    return nodes;
  }

  /// The file has changed, or was asked for.
  void read_topology(Now now) {
    auto read = topology_file_->step(now);
    if (!read) return;
    const auto nodes = *read ? take_topology(topology_file_->path(), std::move(**read), now)
                             : tl::unexpected((*read).error());
    if (!nodes) context_.log.error(nodes.error().message + "; going on with the topology as it was");
    if (topology_file_->reloads() || context_.configuration != nullptr) return;
    reloaded(nodes.map(
        [](std::size_t count) { return counted(count, "node") + " with another place in the topology"; }));
  }

  Publisher publisher_;
  std::optional<TopologyFile> topology_file_;
  MonoTime ping_at_ = MonoTime::max();
};

}  // namespace

const RoleSpec kBootstrapRole = {
    "bootstrap", "controller and content server: knows the topology, registers nodes, serves streams",
    [](RoleContext& context) -> std::unique_ptr<Machine> { return std::make_unique<Bootstrap>(context); }};

}  // namespace ott
