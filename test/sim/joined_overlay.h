// Overlays that find themselves: nodes at places of a plane with clusters, whose round trips follow from the
// distance, join at a few that are there. What must hold of them, as figures.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faulty_overlay.h"
#include "network.h"
#include "peer.h"

namespace ott::sim {

struct JoinedOptions {
  std::size_t nodes = 10;
  std::size_t viewers = 10;                       // of the one stream there is
  Duration joining = std::chrono::seconds(2);     // all have been started after so long
  Duration settling = std::chrono::seconds(120);  // how long the overlay may find better ways
  Duration heartbeat = std::chrono::milliseconds(100);
  unsigned degree_min = 3;
  unsigned degree_max = 8;
  bool flat = false;  // all round trips are the same
  /// Called each few seconds of virtual time, if it is there: how far the run is.
  std::function<void(const std::string&)> progress;
};

/// The overlay at one moment. Round trips are the true ones.
struct JoinedFigures {
  std::size_t nodes = 0;
  bool connected = false;
  bool known_to_all = false;  // each node knows all others
  std::size_t degree_least = 0;
  std::size_t degree_most = 0;
  double degree_mean = 0;
  double stretch_p50 = 0;  // the way along the overlay, of the direct one
  double stretch_p95 = 0;
  double stretch_max = 0;
};

class JoinedOverlay {
 public:
  JoinedOverlay(std::uint64_t seed, const JoinedOptions& options, bool trace = false);
  JoinedOverlay(const JoinedOverlay&) = delete;
  JoinedOverlay& operator=(const JoinedOverlay&) = delete;

  void start_all();
  void run_for(Duration duration);
  /// How long it took until the condition held; none if it did not.
  std::optional<Duration> time_until(const std::function<bool()>& condition, Duration at_most);

  [[nodiscard]] JoinedFigures figures(bool with_stretch = true);
  [[nodiscard]] bool is_whole() {
    const JoinedFigures now = figures(false);
    return now.connected && now.known_to_all;
  }
  [[nodiscard]] bool is_connected() { return figures(false).connected; }

  /// This share of the nodes is gone at once; not the stream's origin.
  void kill_share(double share);
  void kill(std::size_t index);
  void start(std::size_t index);
  /// Nothing passes between the first half of the nodes and the others.
  void set_parted(bool parted);

  struct Traffic {
    double bytes_per_node_s = 0;  // sent
    double bytes_per_link_s = 0;  // both ways
    double links_changed_per_s = 0;
  };
  /// Of the time since the last call. Viewers watch nothing meanwhile if it is to be control alone.
  Traffic take_traffic();

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] Ledger& ledger(std::size_t index) { return members_[index].ledger; }
  [[nodiscard]] Peer* peer(std::size_t index);
  [[nodiscard]] Network& network() { return network_; }
  /// Of the viewers that live: all together.
  struct Seen {
    std::size_t viewers = 0;
    std::size_t without_frames = 0;
    std::uint64_t frames = 0, lost = 0, complaints = 0;
    Duration gap_max{};
  };
  [[nodiscard]] Seen seen();

 private:
  struct Member {
    IpAddress address;
    double x = 0, y = 0;  // in ms, one way
    Duty duty;
    Ledger ledger;
    std::unique_ptr<TraceLog> log;
    std::unique_ptr<RoleContext> context;
    bool running = false;
  };

  [[nodiscard]] Duration latency(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::vector<std::vector<std::size_t>> links();

  JoinedOptions options_;
  bool trace_;
  std::vector<Member> members_;
  std::map<IpAddress, std::size_t> index_;
  Network network_;
  PublishTimes times_;
  std::uint64_t starts_ = 0;
  const MonoTime began_ = network_.now().mono;
  MonoTime progress_at_{};
  std::uint64_t bytes_before_ = 0;
  MonoTime traffic_since_{};
};

/// The whole run, as `sim --join N` prints it: joins, settles, is measured, loses 30 % at once, is parted and
/// mended. True if all holds that must.
bool run_joined(std::uint64_t seed, const JoinedOptions& options, bool trace, std::string& report);

}  // namespace ott::sim
