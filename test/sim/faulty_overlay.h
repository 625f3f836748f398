// An overlay of the real engine, made up from a seed, in which things fail at random: the base of schedules.
// The same seed and the same calls give the same run.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "network.h"
#include "peer.h"
#include "schedule.h"

namespace ott::sim {

/// Where the log of a process goes: nowhere, or, traced, to standard output.
class TraceLog : public Log {
 public:
  TraceLog(std::string name, const Network* network) : name_(std::move(name)), network_(network) {}
  void line(LogLevel level, const std::string& text) override;
  /// So much was written, without debug lines.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::string name_;
  const Network* network_;
  std::size_t bytes_ = 0;
};

class FaultyOverlay {
 public:
  FaultyOverlay(std::uint64_t seed, bool trace, std::uint64_t gop = 1);
  FaultyOverlay(const FaultyOverlay&) = delete;
  FaultyOverlay& operator=(const FaultyOverlay&) = delete;
  virtual ~FaultyOverlay() = default;

 protected:
  struct Member {
    IpAddress address;
    NodeId id;
    Duty duty;
    Ledger ledger;
    Ledger audio_ledger;
    std::unique_ptr<TraceLog> log;
    std::unique_ptr<RoleContext> context;
    bool running = false;
    bool stopped = false;
    bool hostile = false;  // another process has its place now
  };

  [[nodiscard]] std::uint64_t pick(std::uint64_t below) { return network_.random()() % below; }
  [[nodiscard]] Duration between(Duration least, Duration most) {
    return least +
           Duration(static_cast<Duration::rep>(pick(static_cast<std::uint64_t>((most - least).count()))));
  }
  [[nodiscard]] bool is_viewer(std::size_t index) const { return index > relays_; }
  /// Null if it is not running, or hostile.
  Peer* peer(std::size_t index);

  void start_all();
  void start(std::size_t index);
  void stop_running(std::size_t index, bool planned);
  /// A process is about to start with this configuration.
  virtual void prepare(std::size_t index, OverlayConfig& config);

  /// Makes one fault, of a random kind.
  void fault();
  void restart_later(std::size_t index);
  /// All members run again, and all links work.
  void mend();

  void at_once(const std::string& what);
  void after(Duration delay, std::function<void()> act);
  void pass(Duration duration);

  void violated(const std::string& what);
  /// With nothing failing, no node gets a frame by more than one link, nor more than once, and these viewers
  /// get all of them. `twice_max`: how many frames may come twice, where a tree may change meanwhile.
  void check_steady_state(const std::vector<std::size_t>& viewers, std::uint64_t twice_max = 0);
  void check_nothing_is_left();
  /// The members that run and have a path to the origin over others that do, but over none of `without`.
  std::vector<std::size_t> reached_from_origin(const std::set<std::size_t>& without = {});
  /// Nobody is a guest any more who has a place in the topology.
  void check_all_are_members();
  ScheduleResult result();

  std::uint64_t seed_;
  bool trace_;
  Network network_;
  PublishTimes times_;
  std::vector<Member> members_;  // [0] is the bootstrapper
  std::set<std::pair<std::size_t, std::size_t>> links_;
  std::size_t origin_ = 0;
  std::size_t relays_ = 0;  // members_[1 .. relays_]; viewers behind them
  std::uint64_t starts_ = 0;
  ScheduleResult result_;

 private:
  void link(std::size_t a, std::size_t b);
  void make_overlay();
  void relay_dies(bool planned);
  void process_stalls();
  void link_falls_silent();
  void connections_break();
  void overlay_parts();
  void bootstrapper_restarts();

  std::string topology_;
  std::multimap<MonoTime, std::function<void()>> plans_;
  std::set<std::pair<std::size_t, std::size_t>> silent_;
};

}  // namespace ott::sim
