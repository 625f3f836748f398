// ott-load: puts together viewers, publishers and the event loop.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <random>

#include "app/logging.h"
#include "crowd.h"
#include "frame_server.h"
#include "io/driver.h"
#include "io/socket.h"
#include "ott_publisher.h"
#include "report.h"

namespace ott::load {
namespace {

/// Each connection is a descriptor; a few more are for the program itself.
Result<void> raise_descriptor_limit(std::size_t connections) {
  constexpr rlim_t kOthers = 64;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  const rlim_t wanted = connections + kOthers;
  rlimit higher{std::max(limit.rlim_max, wanted), std::max(limit.rlim_max, wanted)};
  if (::setrlimit(RLIMIT_NOFILE, &higher) == 0) return {};
  higher = {limit.rlim_max, limit.rlim_max};
  (void)::setrlimit(RLIMIT_NOFILE, &higher);
  if (limit.rlim_max >= wanted) return {};
  return fail(fmt::format("{} connections need {} descriptors, and {} are allowed (ulimit -n)", connections,
                          wanted, limit.rlim_max));
}

RoleOptions publisher_options(const Plan& plan) {
  RoleOptions options;
  OverlayConfig& overlay = options.overlay;
  overlay.kind = PeerKind::Node;
  overlay.bootstrap = plan.bootstrap;
  overlay.id = plan.id;
  overlay.local_addresses = interface_addresses();
  overlay.incarnation = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
  overlay.random_seed = std::random_device()();
  return options;
}

/// One run, and everything that lives as long.
class Run {
 public:
  Run(const Plan& plan, struct ev_loop* loop)
      : plan_(plan), loop_(loop), interrupt_(loop), terminate_(loop), status_timer_(loop) {}

  ~Run() {
    status_.reset();
    (void)workers_.shut_down(std::chrono::seconds(1));  // so that what was logged is written
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<int> run() {
    if (auto raised = raise_descriptor_limit(plan_.viewers); !raised) return tl::unexpected(raised.error());
    for (const pid_t pid : plan_.processes) {
      const auto use = process_use(pid);
      if (!use) return fail("--process: " + use.error().message);
    }
    if (plan_.viewers > 0) {
      crowd_ = std::make_unique<Crowd>(loop_, plan_, [this] { crowd_changed(); });
      crowd_->begin();
      if (::isatty(STDERR_FILENO) != 0)
        status_timer_.start<&Run::show_status>(*this, std::chrono::seconds(1));
    }
    auto ran = plan_.publish > 0 && plan_.protocol == Protocol::Ott ? run_overlay() : run_alone();
    if (!ran) return tl::unexpected(ran.error());
    return report();
  }

 private:
  /// As a node of the overlay: its driver runs the loop, and ends it on a signal.
  Result<void> run_overlay() {
    const auto log = make_log("load", {.level = "warning"}, standard_error_);
    RoleContext context{publisher_options(plan_), *log};
    publisher_ = std::make_unique<OttPublisher>(context, plan_);
    if (plan_.viewers == 0) end_after_duration();
    Driver driver(loop_, *log, workers_);
    const Requests::Exit exit = driver.run(*publisher_, {});
    published_ = publisher_->published();
    publisher_.reset();
    if (crowd_) crowd_->stop();
    if (exit.status != 0) return fail(exit.message);
    return {};
  }

  Result<void> run_alone() {
    std::signal(SIGPIPE, SIG_IGN);
    interrupt_.start<&Run::signalled>(*this, SIGINT);
    terminate_.start<&Run::signalled>(*this, SIGTERM);
    if (plan_.publish > 0) {
      server_ = std::make_unique<FrameServer>(loop_, plan_);
      if (auto listening = server_->listen(); !listening) return listening;
      if (plan_.viewers == 0) end_after_duration();
    }
    if (!crowd_ || !crowd_->is_done()) ev_run(loop_, 0);
    if (server_) published_ = server_->published();
    return {};
  }

  void end_after_duration() {
    if (plan_.duration > Duration{}) status_timer_.start<&Run::end>(*this, plan_.duration);
  }
  void signalled(int) {
    if (crowd_) crowd_->stop();
    end();
  }
  /// A publisher says goodbye to its overlay first.
  void end() {
    if (publisher_) {
      ::raise(SIGTERM);
    } else {
      ev_break(loop_, EVBREAK_ALL);
    }
  }

  void crowd_changed() {
    if (crowd_->is_done()) return end();
    if (!status_) std::fprintf(stderr, "all %zu viewers play: measuring\n", plan_.viewers);
  }

  void show_status() {
    if (crowd_->is_done()) return status_.reset();
    if (!status_) status_ = std::make_unique<StatusLine>(standard_error_);
    (void)status_->write(crowd_->status());
    status_timer_.start<&Run::show_status>(*this, std::chrono::seconds(1));
  }

  Result<int> report() {
    status_.reset();
    const Results* results = crowd_ ? &crowd_->results() : nullptr;
    const Published* published = plan_.publish > 0 ? &published_ : nullptr;
    std::fputs(to_table(plan_, results, published).c_str(), stdout);
    if (!plan_.json_file.empty()) {
      const std::string json = to_json(plan_, results, published);
      std::FILE* file = std::fopen(plan_.json_file.c_str(), "w");
      const bool written = file != nullptr && std::fputs(json.c_str(), file) >= 0;
      const int error = errno;
      if ((file != nullptr && std::fclose(file) != 0) || !written) {
        return fail(fmt::format("cannot write {}: {}", plan_.json_file, std::strerror(error)));
      }
    }
    return results == nullptr || all_watched(*results) ? 0 : 1;
  }

  const Plan& plan_;
  struct ev_loop* loop_;
  WorkerPool workers_;
  StandardError standard_error_{workers_};
  SignalWatcher interrupt_;
  SignalWatcher terminate_;
  TimerWatcher status_timer_;
  std::unique_ptr<Crowd> crowd_;
  std::unique_ptr<FrameServer> server_;
  std::unique_ptr<OttPublisher> publisher_;
  std::unique_ptr<StatusLine> status_;
  Published published_;
};

int start(int argc, char** argv) {
  const auto parsed = parse_command_line(argc, argv);
  if (const auto* usage = std::get_if<UsageExit>(&parsed)) {
    std::fputs(usage->text.c_str(), usage->status == 0 ? stdout : stderr);
    return usage->status;
  }
  auto loop = make_loop();
  if (!loop) {
    std::fprintf(stderr, "ott-load: %s\n", loop.error().message.c_str());
    return 1;
  }
  const auto status = Run(std::get<Plan>(parsed), loop->get()).run();
  if (status) return *status;
  std::fprintf(stderr, "ott-load: %s\n", status.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace ott::load

int main(int argc, char** argv) {
  try {
    return ott::load::start(argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a library's
    std::fprintf(stderr, "ott-load: %s\n", error.what());
    return 1;
  }
}
