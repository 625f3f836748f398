// The outlets that run, and what they were asked for as: what another configuration makes different of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "media/outlet.h"

namespace ott {

class RunningOutlets {
 public:
  explicit RunningOutlets(OutletContext context) : context_(context) {}

  /// Opens these, in the order of `wanted`, but for those that run already. The error begins with the flag
  /// and says what is right. None of them has begun.
  Result<std::vector<std::unique_ptr<Outlet>>> open(const std::vector<OutletRequest>& wanted);
  /// Those that run and are not among `wanted`, with their flags.
  [[nodiscard]] std::vector<std::pair<const Outlet*, std::string_view>> not_in(
      const std::vector<OutletRequest>& wanted) const;
  /// What open() has returned last for `wanted` runs, and what is not among it does not.
  void note(const std::vector<OutletRequest>& wanted);

 private:
  struct Running {
    OutletRequest request;
    const Outlet* outlet;
  };

  OutletContext context_;
  std::vector<Running> running_;
  std::vector<Running> opened_;
};

}  // namespace ott
