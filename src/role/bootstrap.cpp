// The bootstrapper: knows the topology, registers nodes, and is the first origin of streams.
#include <fmt/format.h>

#include <algorithm>
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
    if (!opened) return leave(1, opened.error().message, now);
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
  void reload(Now) override {
    if (topology_file_) topology_file_->reload();
  }
  [[nodiscard]] std::string_view name() const override { return kBootstrapRole.name; }
  void add_stats(StatsLine& line, bool) override { publisher_.add_stats(line); }

 private:
  /// A file that is wrong changes nothing.
  void read_topology(Now now) {
    auto read = topology_file_->step(now);
    if (!read) return;
    const std::vector<std::string> warnings = *read ? (*read)->warnings : std::vector<std::string>{};
    const auto nodes =
        *read ? overlay_.take_topology(std::move(**read), now) : tl::unexpected((*read).error());
    if (!nodes) {
      const std::string where = *read ? topology_file_->path() + ": " : "";
      context_.log.error(
          fmt::format("{}{}; going on with the topology as it was", where, nodes.error().message));
      return;
    }
    for (const std::string& warning : warnings) context_.log.warning(warning);
    context_.log.info(fmt::format("{}: read again; {} of the nodes that are here have another place now",
                                  topology_file_->path(), *nodes));
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
