// A relay: forwards what Trackers tell it to.
#include "role/overlay_role.h"
#include "role/role_table.h"

namespace ott {
namespace {

class Node : public OverlayRole {
 public:
  using OverlayRole::OverlayRole;

 protected:
  void step(Now) override {}
  [[nodiscard]] std::string_view name() const override { return kNodeRole.name; }
};

}  // namespace

const RoleSpec kNodeRole = {
    "node", "relay: registers with the bootstrapper, links with its neighbours, forwards streams",
    [](RoleContext& context) -> std::unique_ptr<Machine> { return std::make_unique<Node>(context); }};

}  // namespace ott
