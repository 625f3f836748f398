// /metrics: what a line of --stats says, in Prometheus's text format, and what only a scrape has: readiness,
// histograms, the kernel's facts of the process. STATISTICS.md has the rule by which a metric's name follows
// from its figure's.
//
// How many series there are is bounded: LinkTable::kShownMax links by themselves, the sum of all others by
// relation, and the streams and outlets of this process.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ott/duration_histogram.h"
#include "ott/process_facts.h"
#include "ott/worker.h"

namespace ott {

/// What a scrape is made of, as it is at one moment.
struct Scrape {
  std::string figures;  // a line of --stats, its links in short
  bool ready = false;
  DurationHistogram loop_pauses;
  DurationHistogram round_trips;
  std::optional<DurationHistogram> latency;  // of a viewer
  ReadProcessFacts process_facts = nullptr;  // null: none are known
};

/// The content of /metrics, its type is kMetricsType. Takes its time.
std::string metrics_text(const Scrape& scrape);
inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// Puts scrapes into words, one at a time and on a worker: that takes longer than a loop may pause.
class Metrics {
 public:
  /// `workers` outlives it.
  explicit Metrics(Workers* workers) : workers_(workers) {}

  /// A scrape is under way: take() will have it.
  [[nodiscard]] bool busy() const { return busy_; }
  /// REQUIRES: !busy(), and that there are workers.
  void begin(Scrape scrape);
  /// The content, once it is there.
  std::optional<std::string> take();

 private:
  Workers* workers_;
  std::unique_ptr<WorkQueue> work_;  // from the first scrape on
  bool busy_ = false;
};

}  // namespace ott
