// The bootstrapper: knows the topology, registers nodes, and is the first origin of streams.
#include <fmt/format.h>

#include <algorithm>

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
      : OverlayRole(context), publisher_(overlay_, *context.workers, context.log) {}

  void begin(Now now) override {
    const auto opened = publisher_.open(context_.options.publish);
    OverlayRole::begin(now);
    if (!opened) return leave(1, opened.error().message, now);
    if (const auto announced = publisher_.announce(now); !announced) leave(1, announced.error().message, now);
    ping_at_ = now.mono + kPingInterval;
  }

  void input(ByteSpan bytes, Now now) override { publisher_.input(bytes, now); }

 protected:
  void step(Now now) override {
    publisher_.step(now);
    if (now.mono < ping_at_) return;
    ping_at_ = now.mono + kPingInterval;
    const std::size_t nodes = overlay_.ping_watchers(now);
    if (nodes > 0) context_.log.debug("ping to " + counted(nodes, "node"));
  }

  [[nodiscard]] MonoTime role_deadline() const override {
    return std::min(publisher_.next_deadline(), ping_at_);
  }
  [[nodiscard]] std::string_view name() const override { return kBootstrapRole.name; }

 private:
  Publisher publisher_;
  MonoTime ping_at_ = MonoTime::max();
};

}  // namespace

const RoleSpec kBootstrapRole = {
    "bootstrap", "controller and content server: knows the topology, registers nodes, serves streams",
    [](RoleContext& context) -> std::unique_ptr<Machine> { return std::make_unique<Bootstrap>(context); }};

}  // namespace ott
