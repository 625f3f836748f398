// The configuration of a running process, read again: a worker reads it, checks it as at the start and opens
// what streams need. What is different goes to the role; what cannot change while the process runs is named.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/running_outlets.h"
#include "role/role.h"

namespace ott {

/// How much a process says that is configured so.
LogStyle log_style(const Config& config);
/// A client on a terminal shows one live line, and only warnings beside it unless it is told otherwise.
bool shows_status(const Config& config);

class LiveConfig final : public Reconfiguration {
 public:
  /// `config` is what runs. argv, `outlets` and `log` outlive it.
  LiveConfig(int argc, const char* const* argv, Config config, RunningOutlets& outlets, StyledLog& log,
             Workers& workers);
  ~LiveConfig() override;

  [[nodiscard]] const std::string& name() const override { return running_.file; }
  void read(std::vector<StreamSpec> running) override;
  std::optional<Result<ConfigChange>> take() override;
  void applied() override;

 private:
  class Reading;

  [[nodiscard]] bool is_live(const std::string& flag) const;
  [[nodiscard]] std::vector<std::string> fixed_flags_in(const Config& next) const;
  Result<ConfigChange> compare();

  int argc_;
  const char* const* argv_;
  Config running_;
  std::unique_ptr<Config> next_;  // what take() has returned
  RunningOutlets& outlets_;
  StyledLog& log_;
  std::unique_ptr<WorkQueue> queue_;
};

}  // namespace ott
