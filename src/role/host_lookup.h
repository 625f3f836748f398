// Finds the addresses of a host that --bootstrap or --node names, on a worker, and again for as long as
// nobody answers there: they may have changed, and where there is no name service yet there will be one.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ott/log.h"
#include "ott/retry.h"
#include "role/role.h"

namespace ott {

class HostLookup {
 public:
  HostLookup(RoleContext& context, const HostName& name);

  void begin() { look_up(); }
  /// The addresses, when they have just been found. `wanted`: they are to be looked up again after a pause.
  std::optional<std::vector<NodeId>> step(bool wanted, Now now);
  [[nodiscard]] MonoTime next_deadline() const { return std::min(retry_.due_at(), again_at_); }
  /// Why there are no addresses; empty once there were some.
  [[nodiscard]] std::string trouble() const;

 private:
  class Looking;
  void look_up();

  const HostName& name_;
  LookUpHost look_up_host_;
  Log& log_;
  std::unique_ptr<WorkQueue> queue_;
  std::mt19937_64 random_;
  Retry retry_;
  MonoTime again_at_ = MonoTime::max();
  std::string failure_;
  bool found_ = false;
};

}  // namespace ott
