// A relay: forwards what Trackers tell it to. It may be the origin of streams of its own.
#include "role/overlay_role.h"
#include "role/publisher.h"
#include "role/role_table.h"

namespace ott {
namespace {

class Node : public OverlayRole {
 public:
  explicit Node(RoleContext& context)
      : OverlayRole(context), publisher_(overlay_, context, [this] { wake(); }) {}

  void begin(Now now) override {
    const auto opened = publisher_.open(context_.options.publish, now);
    OverlayRole::begin(now);
    if (!opened) leave(opened.error().status, opened.error().message, now);
  }

 protected:
  void step(Now now) override {
    if (!publisher_.announced() && overlay_.self()) {
      if (const auto announced = publisher_.announce(now); !announced)
        leave(1, announced.error().message, now);
    }
    publisher_.step(now);
  }

  Result<std::vector<std::string>> take_change(ConfigChange& change, Now now) override {
    auto streams = publisher_.prepare(std::move(change.streams));
    if (!streams) return tl::unexpected<Error>(streams.error());
    return publisher_.perform(std::move(*streams), now);
  }
  [[nodiscard]] std::vector<StreamSpec> published_specs() const override { return publisher_.specs(); }
  [[nodiscard]] MonoTime role_deadline() const override { return publisher_.next_deadline(); }
  [[nodiscard]] std::string_view name() const override { return kNodeRole.name; }
  void add_stats(StatsLine& line, bool) override { publisher_.add_stats(line); }

 private:
  Publisher publisher_;
};

}  // namespace

const RoleSpec kNodeRole = {
    "node", "relay: registers with the bootstrapper, forwards streams, may serve its own",
    [](RoleContext& context) -> std::unique_ptr<Machine> { return std::make_unique<Node>(context); }};

}  // namespace ott
