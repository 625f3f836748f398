// All viewers together: starts them, measures for a while, and gives the results. Runs on a libev loop;
// `done` is called once, when there is nothing more to measure.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "plan.h"
#include "process_watch.h"
#include "viewer.h"

namespace ott::load {

/// One second of the measurement.
struct Second {
  struct Group {
    std::uint64_t frames = 0;
    double age_ms_p50 = 0;
    double age_ms_p99 = 0;
  };
  double at_s = 0;
  Group fast;
  Group slow;
  std::vector<std::size_t> resident_bytes;  // of the processes
};

struct Times {
  double p50_ms = 0;
  double max_ms = 0;
};

struct ProcessResult {
  pid_t pid = 0;
  ProcessUse used;  // in the window; memory at its end
  std::size_t resident_bytes_before = 0;
  std::size_t resident_bytes_max = 0;
};

/// A group of viewers over the whole window.
struct GroupResult {
  std::size_t viewers = 0;
  FrameCounts counts;
  double latency_p50_ms = 0, latency_p90_ms = 0, latency_p99_ms = 0, latency_max_ms = 0;
  std::uint64_t frames_of_least = 0;  // of the viewer that got least
  std::uint64_t frames_of_most = 0;
  std::uint64_t skips_of_least = 0;
  std::uint64_t skips_of_most = 0;
  double latency_p99_of_worst_ms = 0;
};

struct Results {
  double seconds = 0;
  Times first_frame;              // from the beginning to each viewer's first frame
  std::optional<Times> stampede;  // the same after all came again
  GroupResult fast;               // all that are not slow
  GroupResult slow;
  std::size_t ended = 0;  // viewers that lost their connection
  std::size_t never_played = 0;
  std::string first_reason;
  std::vector<Second> series;
  std::vector<ProcessResult> processes;
  /// Of viewers that paused, when they went on: what they had to read first, and how long that took.
  std::uint64_t old_bytes_max = 0;
  double fresh_after_ms_max = 0;
};

class Crowd : private ViewerEvents {
 public:
  Crowd(struct ev_loop* loop, const Plan& plan, std::function<void()> changed);
  ~Crowd() override;

  void begin();
  /// Ends the measurement.
  void stop();
  [[nodiscard]] bool is_done() const { return phase_ == Phase::Done; }
  [[nodiscard]] const Results& results() const { return results_; }
  /// The state of the measurement, in a line.
  [[nodiscard]] std::string status() const;

 private:
  enum class Phase : std::uint8_t { Connecting, WarmUp, Stampede, Measuring, Done };

  void playing() override;
  void ended(const std::string& why) override;

  void connect_some();
  void connect(std::size_t index);
  [[nodiscard]] std::unique_ptr<Session> make_session(std::size_t index, FrameTally& tally) const;
  void all_play();
  void patience_is_over();
  void warm();
  void measure();
  void tick();
  void beat();
  void watch_wakers();
  void finish();
  [[nodiscard]] GroupResult group_result(std::size_t begin, std::size_t end, const Ages& ages) const;
  [[nodiscard]] bool is_slow(std::size_t index) const { return index < plan_.slow; }
  [[nodiscard]] Times times_of_first_frames();

  const Plan& plan_;
  std::function<void()> changed_;
  std::vector<std::unique_ptr<Viewer>> viewers_;
  Phase phase_ = Phase::Connecting;
  TimerWatcher phase_timer_;
  TimerWatcher second_timer_;
  TimerWatcher beat_timer_;
  TimerWatcher pause_timer_;
  std::uint64_t incarnation_ = 0;
  std::size_t next_ = 0;       // the next viewer to connect
  std::size_t in_flight_ = 0;  // without a first frame yet
  std::size_t playing_ = 0;
  MonoTime began_at_{};
  MonoTime measuring_since_{};
  MonoTime second_at_{};
  std::vector<double> first_frame_ms_;
  Ages fast_;
  Ages slow_;
  std::vector<ProcessUse> used_before_;
  std::array<std::uint64_t, 2> frames_at_second_{};  // fast, slow
  struct Waker {
    std::size_t viewer = 0;
    std::uint64_t bytes_before = 0;
    bool fresh = false;
  };
  std::vector<Waker> wakers_;
  MonoTime woke_at_{};
  Results results_;
};

}  // namespace ott::load
